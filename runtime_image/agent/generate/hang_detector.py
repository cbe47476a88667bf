"""Detector of a hanging engine: its running call shows no progress, or an aborted call does not end."""

from typing import Final

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.process.engine import Progress

#: Factor of the limit before a run's first step. The model may have to be loaded first, and 7 GB from a cold network
#: disk at 50 MB/s need 140 s, plus LoRA and the encoding of input pictures. Calls without steps, such as the upscaling
#: of a picture, have the longer limit all the time.
BEFORE_FIRST_STEP: Final = 2
#: Seconds for which the engine may go on with an aborted call: a running step of the slowest sampler ends by then. A
#: call without steps has the limit for progress, because it ends only between two pictures.
STUCK_SECONDS: Final = 60.0


class HangDetector:
    """Changed by the loop only. A slow generation is not a hang while its progress changes."""

    def __init__(self, *, outstanding: OutstandingRequests, limit_seconds: float) -> None:
        self._outstanding = outstanding
        self._limit_seconds = limit_seconds
        self._running: ClaimedTask | None = None
        self._position: tuple[object, ...] = ()
        self._has_stepped = False
        #: Monotonic seconds of the last change.
        self._changed_at = 0.0
        self._aborted_since: tuple[ClaimedTask, float] | None = None

    def received(self, progress: Progress, now: float) -> None:
        """Record the engine's progress."""
        if progress.position != self._position:
            self._position, self._changed_at = progress.position, now
            self._has_stepped = self._has_stepped or progress.has_stepped

    def hung(self, now: float) -> tuple[ClaimedTask, str] | None:
        """Return the running task and the reason if the engine hangs."""
        if task := self._outstanding.switching:
            seconds = now - task.sent_at
            if task.aborted.is_set() or seconds <= self._limit_seconds:
                return None
            return task, f"the engine could not be set up for the task in {seconds:.0f} s"
        running = next((task for task in self._outstanding.at_lock if task in self._outstanding.tasks), None)
        still_seconds = self.still_seconds(running, now)
        if running is None or still_seconds is None or running.aborted.is_set():
            return None
        where = f" at step {step}" if (step := running.progress.sampling.get("sampling_step")) else ""
        return running, f"the engine's progress stood still for {still_seconds:.0f} s{where}"

    def still_seconds(self, running: ClaimedTask | None, now: float) -> float | None:
        """Return the seconds without progress, if they are too many for `running`, the oldest generation."""
        if running is not self._running:
            # The answer of the call before it was progress.
            self._running, self._changed_at, self._has_stepped = running, now, False
        if running is None:
            return None
        shows_steps = self._has_stepped and running.shows_steps
        limit_seconds = self._limit_seconds * (1 if shows_steps else BEFORE_FIRST_STEP)
        return now - self._changed_at if now - self._changed_at > limit_seconds else None

    def is_stuck(self, now: float) -> bool:
        """Return True if the engine has kept an aborted call for too long."""
        switching = self._outstanding.switching
        held = switching or next(iter(self._outstanding.tasks), None)
        if held is None or not held.aborted.is_set():
            self._aborted_since = None
            return False
        if self._aborted_since is None or self._aborted_since[0] is not held:
            self._aborted_since = (held, now)
        since = self._aborted_since[1]
        # Without progress for that long it would have counted as hanging before it was aborted as well.
        stuck_at = since + min(STUCK_SECONDS, self._limit_seconds)
        if not held.shows_steps or switching:
            stuck_at = max(stuck_at, (held.sent_at if switching else since) + self._limit_seconds)
        return now > stuck_at
