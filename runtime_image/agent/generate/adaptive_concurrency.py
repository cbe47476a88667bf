"""Adaptive limit on requests outstanding at the engine: as many as make it answer faster, found by trial."""

from typing import Final

from runtime_image.agent.core.worker_pools import MAX_OUTSTANDING

#: One runs, the next waits in the engine's lock: enough as long as encoding, which happens outside the lock, takes
#: less time than a generation.
MIN_OUTSTANDING: Final = 2
#: Intervals between answers that are measured before each decision.
SAMPLES: Final = 8
#: Number of the longest, and of the shortest, that are left out: other work on the machine makes outliers.
OUTLIERS: Final = 2
#: One more request must bring the intervals down to this part of what they were, or it is not worth it.
WORTHWHILE: Final = 0.97
#: Seconds of work that may wait in the lock. Beyond it encoding never takes longer than generating.
MAX_WAITING_SECONDS: Final = 1.0
#: Seconds within which a slot must be filled again for the interval to mean anything.
PROMPT_SECONDS: Final = 0.02
#: Seconds until one more is tried again after it was not worth it.
PAUSE_SECONDS: Final = 60.0


class AdaptiveConcurrency:
    """Changed by the loop only."""

    def __init__(self) -> None:
        self.limit = MIN_OUTSTANDING
        self._intervals: list[float] = []
        #: The interval with one request less, while one more is on trial.
        self._interval_before: float | None = None
        self._answered_at: float | None = None
        self._is_measuring = False
        self._settled_until = 0.0

    def filled(self, now: float) -> None:
        """Record that a call fills the last free slot."""
        self._is_measuring = self._answered_at is not None and now - self._answered_at <= PROMPT_SECONDS

    def answered(self, now: float) -> None:
        """Record that the engine has answered a generation."""
        if self._is_measuring and self._answered_at is not None:
            self._intervals.append(now - self._answered_at)
        self._answered_at, self._is_measuring = now, False
        if len(self._intervals) >= SAMPLES:
            kept = sorted(self._intervals)[OUTLIERS:-OUTLIERS]
            self._decide(sum(kept) / len(kept), now)
            self._intervals.clear()

    def _decide(self, interval: float, now: float) -> None:
        before, self._interval_before = self._interval_before, None
        if self.limit > MIN_OUTSTANDING and (self.limit - 1) * interval > MAX_WAITING_SECONDS:
            self.limit = MIN_OUTSTANDING
        elif before is not None and interval > WORTHWHILE * before:
            self.limit -= 1
            self._settled_until = now + PAUSE_SECONDS
        elif (
            self.limit < MAX_OUTSTANDING and self.limit * interval <= MAX_WAITING_SECONDS and now >= self._settled_until
        ):
            self._interval_before = interval
            self.limit += 1
