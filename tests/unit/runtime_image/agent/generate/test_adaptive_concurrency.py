"""Limit on outstanding requests: it grows only while the engine answers faster for it."""

import pytest

from runtime_image.agent.core.worker_pools import MAX_OUTSTANDING
from runtime_image.agent.generate.adaptive_concurrency import (
    PAUSE_SECONDS,
    SAMPLES,
    AdaptiveConcurrency,
)


class Line:
    """A Web UI with a lock, and an agent that fills every free slot at once."""

    def __init__(self, *, generating: float, encoding: float) -> None:
        self.concurrency, self.generating, self.encoding = AdaptiveConcurrency(), generating, encoding
        self.free_at, self.now = 0.0, 0.0
        self.answers: list[float] = []
        self.answered = 0

    def run(self, answers: int) -> int:
        """Return the limit after so many answers."""
        until = self.answered + answers
        while self.answered < until:
            while len(self.answers) < self.concurrency.limit:
                self.free_at = max(self.free_at, self.now) + self.generating
                self.answers.append(self.free_at + self.encoding)
                if len(self.answers) == self.concurrency.limit:
                    self.concurrency.filled(self.now)
            self.now = self.answers.pop(0)
            self.concurrency.answered(self.now)
            self.answered += 1
        return self.concurrency.limit


@pytest.mark.parametrize(
    ("generating", "encoding", "limit"),
    [(1.0, 0.06, 2), (0.25, 0.06, 2), (0.05, 0.06, 3), (0.05, 0.12, 4), (0.02, 0.5, MAX_OUTSTANDING)],
)
def test_finds_what_keeps_the_lock_taken(generating: float, encoding: float, limit: int) -> None:
    line = Line(generating=generating, encoding=encoding)

    assert line.run(6 * SAMPLES) == limit


def test_goes_back_when_generations_become_long() -> None:
    line = Line(generating=0.05, encoding=0.06)
    assert line.run(6 * SAMPLES) == 3

    line.generating = 5.0

    assert line.run(2 * SAMPLES) == 2


def test_tries_again_after_a_while() -> None:
    line = Line(generating=0.1, encoding=0.06)
    assert line.run(6 * SAMPLES) == 2

    line.encoding = 0.15

    assert line.run(int(PAUSE_SECONDS / 0.1) + 4 * SAMPLES) == 3


def test_slots_that_stay_empty_tell_nothing() -> None:
    concurrency = AdaptiveConcurrency()
    for number in range(5 * SAMPLES):
        concurrency.answered(number * 1.0)
        concurrency.filled(number * 1.0 + 0.5)

    assert concurrency.limit == 2
