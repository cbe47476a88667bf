"""What the agent thinks of its Web UI: ready for work, in trouble, or not worth another task."""

from typing import Final

#: Failures in a row, without a success between, after which the container is given up: one may be the task's bad
#: luck and two the end of a bad minute; every further one would cost another task one of its three deliveries.
MAX_FAILURES: Final = 3
#: Seconds for which prepared tasks wait for a Web UI that is in trouble, before other replicas may have them.
HOLD_SECONDS: Final = 10.0


class WebUiHealth:
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
        """True after too many failures in a row."""
        return self._failures >= MAX_FAILURES

    def ready(self) -> None:
        """Note that the Web UI answers and has nothing to do."""
        self.is_ready = True
        self._trouble_since = None

    def succeeded(self) -> None:
        """Note that a task got what it asked for, or a clear refusal."""
        self._failures = 0

    def failed(self, *, sent_at: float, now: float) -> None:
        """Note that a request failed; all that were sent before one failure are the same failure."""
        if sent_at > self._last_failure_at:
            self._failures += 1
            self.failures_in_all += 1
        self._last_failure_at = now
        self.is_ready = False
        if self._trouble_since is None:
            self._trouble_since = now

    def is_unavailable(self, now: float) -> bool:
        """Tell whether what has been prepared is better off elsewhere."""
        return self._trouble_since is not None and now - self._trouble_since > HOLD_SECONDS
