"""Watch on the progress of the running request, for the task's record and as proof after an interrupt."""

import threading
from collections.abc import Callable
from typing import Final

from runtime_image.agent.core.events import Event, ProgressReceived
from runtime_image.process.clock import Clock
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.progress import Progress, read_progress

#: Seconds between two looks while the Web UI works.
LOOK_SECONDS: Final = 0.5
#: The same after an interrupt, while it is not known yet which request was cut, and in the first generation, to
#: learn how long it takes.
CLOSE_LOOK_SECONDS: Final = 0.05
#: Seconds between two questions for the preview: as often as progress is written.
PICTURE_SECONDS: Final = 2.0


class ProgressWatch:
    """Asks at the pace that the loop sets, in a thread of its own."""

    def __init__(self, *, client: WebUiClient, clock: Clock, post: Callable[[Event], None]) -> None:
        self._client = client
        self._clock = clock
        self._post = post
        self._interval_seconds: float | None = None
        self._wants_pictures = False
        self._pictured_at = float("-inf")
        self._changed = threading.Event()

    def set_interval(self, interval_seconds: float | None) -> None:
        """Ask this often; None is not at all."""
        if interval_seconds != self._interval_seconds:
            self._interval_seconds = interval_seconds
            self._changed.set()

    def want_pictures(self, *, wanted: bool) -> None:
        """Ask for the preview as well, every PICTURE_SECONDS: the Web UI makes and encodes it for each question."""
        self._wants_pictures = wanted

    def run(self) -> None:
        """Watch for ever."""
        while True:
            self._changed.wait(self._interval_seconds)
            if self._changed.is_set():
                # The pace has changed: begin a new interval, so that short calls are never asked about.
                self._changed.clear()
                continue
            try:
                progress = self._look()
            except WebUiFailed:
                # The request that is under way will tell what is wrong; a look must not fail anything.
                continue
            self._post(ProgressReceived(progress))

    def _look(self) -> Progress:
        now = self._clock.monotonic()
        with_picture = self._wants_pictures and now - self._pictured_at >= PICTURE_SECONDS
        if with_picture:
            self._pictured_at = now
        return read_progress(self._client, self._clock, with_picture=with_picture)
