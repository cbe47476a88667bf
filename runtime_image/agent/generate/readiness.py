"""Whether the Web UI can take work. Nothing is received before it can, and nothing new is sent after it failed."""

import threading
from typing import Final

from runtime_image.agent.core.events import Event, WebUiNeverReady, WebUiReady
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.progress import read_progress

#: Seconds between two looks: short at first, since a Web UI that is up already must not wait for the agent.
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 1.0
#: Seconds after which a Web UI that does not get ready is given up, and the container with it: loading the largest
#: checkpoints from a cold disk takes minutes, a GPU that does nothing for half an hour costs more than a new one.
READY_DEADLINE_SECONDS: Final = 1800.0


class Readiness:
    """Waits for the Web UI."""

    def __init__(self, *, client: WebUiClient, clock: Clock, stopping: threading.Event, log: EventLog) -> None:
        self._client = client
        self._clock = clock
        self._stopping = stopping
        self._log = log

    def wait(self) -> Event:
        """Return once the Web UI answers and has nothing to do, or once it is not worth waiting any longer.

        After a cut connection the old request may still be running: to send it, or another, before its end would
        put two into the queue for one.
        """
        started_at = self._clock.monotonic()
        pause_seconds = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                if not read_progress(self._client, self._clock).busy:
                    return WebUiReady()
                reason = "busy"
            except WebUiFailed as error:
                reason = error.message
            if self._clock.monotonic() - started_at > READY_DEADLINE_SECONDS:
                break
            self._log.debug("webui_not_ready", reason=reason)
            self._clock.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
        return WebUiNeverReady()
