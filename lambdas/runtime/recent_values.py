"""Values that many requests share for a moment, such as the queue of a runtime for which many callers wait."""

from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class RecentValues(Generic[Value]):
    """Values by name, each read again after `max_age_ms`. `now_ms` returns epoch milliseconds."""

    def __init__(self, *, max_age_ms: int, now_ms: Callable[[], int]) -> None:
        self._max_age_ms = max_age_ms
        self._now_ms = now_ms
        #: When each value was read, and the value.
        self._read: dict[str, tuple[int, Value]] = {}

    def get(self, name: str, read: Callable[[], Value], *, since_ms: int = 0) -> Value:
        """Return a value that was read at `since_ms` or later."""
        now_ms = self._now_ms()
        known = self._read.get(name)
        if known is None or known[0] < max(since_ms, now_ms - self._max_age_ms):
            known = self._read[name] = now_ms, read()
        return known[1]
