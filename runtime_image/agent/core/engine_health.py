"""Health of the engine as the loop sees it: ready for work, in trouble, or not worth another task."""

from typing import Final

#: Failures in a row after which the container is given up. One may be the task's bad luck, two the end of a bad
#: minute. Every further one would cost another task one of its three deliveries.
MAX_FAILURES: Final = 3
#: Seconds for which tasks that have not begun wait for an engine in trouble, before they go back for other replicas. A
#: Web UI that ended is back with its model after 20 to 90 s. A task that goes back loses one of its three deliveries.
HOLD_SECONDS: Final = 120.0


class EngineHealth:
    """Changed by the loop only."""

    def __init__(self) -> None:
        self.is_ready = False
        self._failures = 0
        self._trouble_since: float | None = None
        self._last_failure_at = float("-inf")
        #: Failures since the start, whether in a row or not.
        self.failures_in_all = 0

    @property
    def is_unhealthy(self) -> bool:
        """Too many calls have failed in a row."""
        return self._failures >= MAX_FAILURES

    def ready(self) -> None:
        """Record that the engine answers and is idle."""
        self.is_ready = True
        self._trouble_since = None

    def succeeded(self) -> None:
        """Record that a task got the expected answer, or a clear refusal."""
        self._failures = 0

    def failed(self, *, sent_at: float, now: float) -> None:
        """Record that a call failed; all calls that were sent before one failure are the same failure."""
        if sent_at > self._last_failure_at:
            self._failures += 1
            self.failures_in_all += 1
        self._last_failure_at = now
        self.is_ready = False
        if self._trouble_since is None:
            self._trouble_since = now

    def has_long_trouble(self, now: float) -> bool:
        """Return True if prepared tasks should go to other replicas."""
        return self._trouble_since is not None and now - self._trouble_since > HOLD_SECONDS
