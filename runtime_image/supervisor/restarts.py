"""When a process that has ended may start again: after growing pauses, and so many times in a row."""

from typing import Final

#: Seconds before the first start again, and the longest pause; each pause is twice the one before.
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 60.0
#: Seconds of service after which an end is the first of a row again.
IN_SERVICE_SECONDS: Final = 300.0


class Restarts:
    """Counts ends in a row; all times are monotonic seconds."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._in_a_row = 0
        self._in_service_since: float | None = None

    def in_service(self, now: float) -> None:
        """Note that the process does its work now."""
        self._in_service_since = now

    def ended(self, now: float) -> float | None:
        """Return the seconds to wait before the next start, or None if it has ended too often in a row."""
        since, self._in_service_since = self._in_service_since, None
        if since is not None and now - since >= IN_SERVICE_SECONDS:
            self._in_a_row = 0
        self._in_a_row += 1
        if self._in_a_row > self._limit:
            return None
        return float(min(FIRST_PAUSE_SECONDS * 2 ** (self._in_a_row - 1), LONGEST_PAUSE_SECONDS))
