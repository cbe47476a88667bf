"""How far ahead the agent may take tasks: enough that the GPU never waits, so little that no idle replica does."""

import math
from collections.abc import Sequence
from typing import Final

from runtime_image.agent.held_task import HeldTask

#: Seconds of work that may be held when the next task is received: receiving, claiming, and fetching its inputs
#: must fit in, and no other replica could have begun the task any sooner.
HORIZON_SECONDS: Final = 3.0
#: Seconds of work that one receive may bring: what the next receive takes. More would be kept from other replicas.
RECEIVE_SECONDS: Final = 0.2
#: Weight of the newest generation in the expected time of the next.
NEWEST_WEIGHT: Final = 0.3
#: Part of a generation that must be done before its length can be told from it.
TELLING_FRACTION: Final = 0.05


class Pace:
    """Learns how long generations take on this machine."""

    def __init__(self) -> None:
        self._expected_seconds: float | None = None
        self._last_end = 0.0
        #: The running task and how long it takes in all, going by its progress.
        self._foreseen: tuple[HeldTask, float] | None = None

    @property
    def is_known(self) -> bool:
        """Tell whether anything is known of how long generations take."""
        return self._expected_seconds is not None

    def generated(self, *, sent_at: float, ended_at: float) -> None:
        """Note one generation. One that was sent while another ran began when that one ended."""
        seconds = ended_at - max(sent_at, self._last_end)
        self._last_end = ended_at
        self._learn(seconds)

    def foresee(self, running: HeldTask, fraction: float, now: float) -> None:
        """Note how far the running task is, so that a first task of minutes is told from one of a moment."""
        if fraction < TELLING_FRACTION:
            return
        seconds = (now - self._began_at(running)) / fraction
        self._foreseen = running, seconds
        if self._expected_seconds is None:
            self._learn(seconds)

    def room(self, *, in_flight: Sequence[HeldTask], ahead: int, now: float) -> int:
        """Return how many tasks may be received while these are at the Web UI and `ahead` wait for it."""
        if self._expected_seconds is None:
            return 0 if in_flight or ahead else 1
        running = in_flight[:1]
        rest = max(0.0, self._length_of(running[0]) - (now - self._began_at(running[0]))) if running else 0.0
        waiting = len(in_flight) - len(running) + ahead
        free = HORIZON_SECONDS - rest - waiting * self._expected_seconds
        if free < 0:
            return 0
        expected = max(self._expected_seconds, 0.001)
        return max(1, math.floor(min(free, RECEIVE_SECONDS) / expected))

    def _learn(self, seconds: float) -> None:
        before = seconds if self._expected_seconds is None else self._expected_seconds
        self._expected_seconds = NEWEST_WEIGHT * seconds + (1 - NEWEST_WEIGHT) * before

    def _began_at(self, running: HeldTask) -> float:
        return max(running.sent_at, self._last_end)

    def _length_of(self, running: HeldTask) -> float:
        if self._foreseen and self._foreseen[0] is running:
            return self._foreseen[1]
        return self._expected_seconds or 0.0
