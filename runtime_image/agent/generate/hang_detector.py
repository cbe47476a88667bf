"""Whether the Web UI hangs: one of our requests is there, and for too long nothing has moved."""

from typing import Final

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.webui.progress import Progress

#: How many times as long nothing may move before a run's first step: its model may have to be loaded first, and 7 GB
#: from a cold network disk at 50 MB/s take 140 s, beside LoRA and the encoding of input pictures. What shows no steps,
#: such as the upscaling of a picture, has it all the time.
BEFORE_FIRST_STEP: Final = 2


class HangDetector:
    """Changed by the loop only. A long generation that moves is none; nor is silence shorter than the limit."""

    def __init__(self, *, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._running: ClaimedTask | None = None
        self._position: tuple[object, ...] = ()
        self._has_stepped = False
        #: Monotonic seconds since when nothing has moved.
        self._since = 0.0

    def seen(self, progress: Progress, now: float) -> None:
        """Take where the Web UI is."""
        if progress.position != self._position:
            self._position, self._since = progress.position, now
            self._has_stepped = self._has_stepped or progress.has_stepped

    def seconds(self, running: ClaimedTask | None, now: float) -> float | None:
        """Return for how long nothing has moved, if that is too long for `running`, the oldest generation."""
        if running is not self._running:
            # The answer of the one before it was a movement.
            self._running, self._since, self._has_stepped = running, now, False
        if running is None:
            return None
        shows_steps = self._has_stepped and running.shows_steps
        limit_seconds = self._limit_seconds * (1 if shows_steps else BEFORE_FIRST_STEP)
        return now - self._since if now - self._since > limit_seconds else None
