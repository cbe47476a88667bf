"""Prefetch window: enough tasks ahead that the GPU never waits, and so few that no idle replica does."""

import math
from collections.abc import Sequence
from typing import Final

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.worker_pools import MAX_OUTSTANDING

#: Seconds of work that may be held when the next task is received. Receiving, claiming and fetching its inputs must
#: fit in, and no other replica could have begun the task sooner.
HORIZON_SECONDS: Final = 3.0
#: Seconds of work that one receive may bring, until the next one. More would be kept from other replicas.
RECEIVE_SECONDS: Final = 0.2
#: Calls at the engine while the time of a generation is known: one runs, the next waits in the engine's lock.
MIN_OUTSTANDING: Final = 2
#: Seconds of work that may wait in the engine's lock. It covers the work outside the lock, such as the encoding of
#: pictures, and keeps the agent's own delays from the GPU.
MAX_WAITING_SECONDS: Final = 1.0
#: Tasks that are held while the time of a generation is unknown: one, and the next.
BLINDLY_HELD: Final = 2
#: Seconds of preparation after which a task waits for something slow, such as a link. It is then not the next work,
#: and delays only itself. Long enough for names, options and links that answer at once, as most do.
SLOW_PREPARATION_SECONDS: Final = 1.0
#: Seconds of a generation below which nothing is computed from its time.
SHORTEST_SECONDS: Final = 0.001
#: Weight of the newest generation in the expected time of the next.
NEWEST_WEIGHT: Final = 0.3
#: Part of a generation that must be done before its length can be estimated from it.
MIN_FRACTION: Final = 0.05


class PrefetchWindow:
    """Learns how long generations take on this machine."""

    def __init__(self) -> None:
        self._expected_seconds: float | None = None
        self._has_measured = False
        self._last_end = 0.0
        #: The running task and the seconds of its whole generation, estimated from its progress.
        self._foreseen: tuple[ClaimedTask, float] | None = None

    @property
    def is_known(self) -> bool:
        """The time of a generation is known."""
        return self._expected_seconds is not None

    @property
    def max_outstanding(self) -> int:
        """Limit of calls at the engine. It follows from their length, because noise falsifies every measured gain.

        While no time is known it is one: a call in the engine's lock cannot go back to another replica any more.
        """
        if self._expected_seconds is None:
            return 1
        waiting = math.floor(MAX_WAITING_SECONDS / max(self._expected_seconds, SHORTEST_SECONDS))
        return min(max(1 + waiting, MIN_OUTSTANDING), MAX_OUTSTANDING)

    def generated(self, *, sent_at: float, ended_at: float) -> None:
        """Record one generation. A call that was sent while another ran began when that one ended."""
        seconds = ended_at - max(sent_at, self._last_end)
        self._last_end = ended_at
        self._has_measured = True
        self._learn(seconds)

    def foresee(self, running: ClaimedTask, fraction: float, now: float) -> None:
        """Record the progress of the running task, which shows whether a first task needs a moment or minutes."""
        if fraction < MIN_FRACTION:
            return
        seconds = (now - self._began_at(running)) / fraction
        self._foreseen = running, seconds
        if self._expected_seconds is None:
            self._learn(seconds)

    def room(self, *, outstanding: Sequence[ClaimedTask], ahead: int, now: float) -> int:
        """Return how many tasks may be received while these are at the engine and `ahead` are its next work.

        While no time is known, a second task is received besides the first, so that its links are fetched meanwhile.
        """
        if self.began_too_early(outstanding, now):
            return 0
        if self._expected_seconds is None:
            return int(len(outstanding) + ahead < BLINDLY_HELD)
        waiting = max(len(outstanding) - 1, 0) + ahead
        free = HORIZON_SECONDS - self._rest(outstanding, now) - waiting * self._expected_seconds
        if free < 0:
            return 0
        expected = max(self._expected_seconds, SHORTEST_SECONDS)
        return max(1, math.floor(min(free, RECEIVE_SECONDS) / expected))

    def began_too_early(self, outstanding: Sequence[ClaimedTask], now: float) -> bool:
        """Return True if the very first task is so long that another replica can begin the second sooner."""
        return not self._has_measured and bool(outstanding) and self._rest(outstanding, now) > HORIZON_SECONDS

    def _rest(self, outstanding: Sequence[ClaimedTask], now: float) -> float:
        """Return the estimated seconds until the oldest call ends."""
        if not outstanding:
            return 0.0
        elapsed = now - self._began_at(outstanding[0])
        if self._expected_seconds is None:
            # Its progress does not show; a call that has run so long may need as long again.
            return elapsed
        return max(0.0, self._length_of(outstanding[0]) - elapsed)

    def _learn(self, seconds: float) -> None:
        before = seconds if self._expected_seconds is None else self._expected_seconds
        self._expected_seconds = NEWEST_WEIGHT * seconds + (1 - NEWEST_WEIGHT) * before

    def _began_at(self, running: ClaimedTask) -> float:
        return max(running.sent_at, self._last_end)

    def _length_of(self, running: ClaimedTask) -> float:
        if self._foreseen and self._foreseen[0] is running:
            return self._foreseen[1]
        return self._expected_seconds or 0.0
