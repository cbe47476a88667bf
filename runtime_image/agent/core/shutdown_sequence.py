"""The end of the agent as it is designed: receive nothing more, hand back what has not begun, let what runs come to
its end, interrupt and hand it back when the grace period is nearly over, exit.
"""

from typing import Final

from runtime_image.process.exit_codes import ExitCode

#: Seconds at the end of the grace period that are kept for interrupting and handing back.
HAND_BACK_SECONDS: Final = 5.0
#: The same as a part of short grace periods.
HAND_BACK_PART: Final = 0.25
#: Seconds for which the last poll is awaited: its own second and a slow answer.
LAST_POLL_SECONDS: Final = 1.7


class ShutdownSequence:
    """When what must be over; changed by the loop only."""

    def __init__(self, *, grace_period_seconds: float) -> None:
        self._grace_period_seconds = grace_period_seconds
        self._hand_back_seconds = min(HAND_BACK_SECONDS, grace_period_seconds * HAND_BACK_PART)
        self._exit_code: ExitCode | None = None
        self._requested_at = 0.0
        self._interrupt_at = float("inf")
        self._is_signalled = False

    @property
    def exit_code(self) -> ExitCode | None:
        """What the process is to exit with; None while it is not stopping."""
        return self._exit_code

    def request(self, code: ExitCode, *, now: float, hurry: bool = False) -> None:
        """Begin to stop; `hurry` leaves what runs no more time."""
        self._begin(code, now)
        time_left_seconds = 0.0 if hurry else self._grace_period_seconds - self._hand_back_seconds
        self._interrupt_at = min(self._interrupt_at, now + time_left_seconds)

    def signal(self, *, now: float) -> None:
        """Take a signal: the first begins to stop, if nothing has, and the next one hurries."""
        self.request(ExitCode.STOPPED, now=now, hurry=self._is_signalled)
        self._is_signalled = True

    def drain(self, *, now: float) -> None:
        """Begin to stop; until a request, what runs has all the time that its task's own limit leaves."""
        self._begin(ExitCode.STOPPED, now)

    def must_interrupt(self, now: float) -> bool:
        """Tell whether what still runs must be handed back now."""
        return self._exit_code is not None and now >= self._interrupt_at

    def is_last_poll_over(self, now: float) -> bool:
        """Tell whether a receive call that has not answered is not awaited any longer."""
        return now >= self._requested_at + LAST_POLL_SECONDS

    def is_grace_over(self, now: float) -> bool:
        """Tell whether the process must exit whatever is left; a hurried stop has its hand-back time only."""
        return self._exit_code is not None and now >= self._interrupt_at + self._hand_back_seconds

    def _begin(self, code: ExitCode, now: float) -> None:
        if self._exit_code is None:
            self._exit_code, self._requested_at = code, now
