"""Stop of the agent as it is designed.

1. Receive no more tasks, and release those that have not begun.
2. Wait for the running ones; interrupt and release them near the end of the grace period.
3. Exit.
"""

from typing import Final

from runtime_image.process.exit_codes import ExitCode

#: Seconds at the end of the grace period that are kept for interrupts and releases.
RELEASE_SECONDS: Final = 5.0
#: The same as a part of short grace periods.
RELEASE_PART: Final = 0.25
#: Seconds for which the last poll is awaited: its own second and a slow answer.
LAST_POLL_SECONDS: Final = 1.7


class ShutdownSequence:
    """Deadlines of a stop; changed by the loop only."""

    def __init__(self, *, grace_period_seconds: float) -> None:
        self._grace_period_seconds = grace_period_seconds
        self._release_seconds = min(RELEASE_SECONDS, grace_period_seconds * RELEASE_PART)
        #: Exit code of the process; None before a stop.
        self.exit_code: ExitCode | None = None
        self._requested_at = 0.0
        #: Infinite before a stop, and while a drain has no other end than that of the running tasks.
        self._interrupt_at = float("inf")
        self._is_signalled = False

    def request(self, code: ExitCode, *, now: float, hurry: bool = False) -> None:
        """Begin to stop; `hurry` leaves running tasks no more time."""
        self._begin(code, now)
        time_left_seconds = 0.0 if hurry else self._grace_period_seconds - self._release_seconds
        self._interrupt_at = min(self._interrupt_at, now + time_left_seconds)

    def signal(self, *, now: float) -> None:
        """Handle a signal: the first begins to stop, if nothing else has, and the next one hurries."""
        self.request(ExitCode.STOPPED, now=now, hurry=self._is_signalled)
        self._is_signalled = True

    def drain(self, *, now: float) -> None:
        """Begin to stop; until a request, running tasks keep all the time that their own limits leave."""
        self._begin(ExitCode.STOPPED, now)

    def must_interrupt(self, now: float) -> bool:
        """Return True if running tasks must be released now."""
        return now >= self._interrupt_at

    def is_last_poll_over(self, now: float) -> bool:
        """Return True if a receive call without an answer is no longer awaited."""
        return now >= self._requested_at + LAST_POLL_SECONDS

    def is_grace_over(self, now: float) -> bool:
        """Return True if the process must exit in any case; a hurried stop has the time for releases only."""
        return now >= self._interrupt_at + self._release_seconds

    def _begin(self, code: ExitCode, now: float) -> None:
        if self.exit_code is None:
            self.exit_code, self._requested_at = code, now
