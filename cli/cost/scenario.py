"""Scenario of a simulated fleet: arrivals and durations of its tasks."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cli.cost.machines import Machines

HOUR: Final = 3600.0
#: First hour of a day's busy part, which lasts until midnight and has its peak in the afternoon.
_FIRST_BUSY_HOUR: Final = 6
#: Tasks of a day whose peak is one task a second: the mean of a squared sine is a half.
_TASKS_AT_PEAK_OF_ONE: Final = (24 - _FIRST_BUSY_HOUR) * HOUR / 2

ArrivalTimes = Callable[[random.Random], Iterator[float]]


@dataclass(frozen=True)
class Scenario:
    """Times are in seconds."""

    title: str
    arrivals: ArrivalTimes
    #: How long the simulation goes on after the last arrival at most, and without any arrival.
    hours: float
    task_seconds: float = 4.0
    machines: Machines = field(default_factory=Machines)
    #: Replaces the environment's bound; None keeps it.
    max_replicas: int | None = None

    def draw_task_seconds(self, chance: random.Random) -> float:
        """Return how long one task takes on the GPU."""
        return self.task_seconds * chance.uniform(0.5, 1.5)


def random_arrivals(rate: Callable[[float], float], highest: float, hours: float) -> ArrivalTimes:
    """Return arrivals at random with a rate that changes over time, by thinning."""

    def arrivals(chance: random.Random) -> Iterator[float]:
        now = 0.0
        while (now := now + chance.expovariate(highest)) < hours * HOUR:
            if chance.random() * highest < rate(now):
                yield now

    return arrivals


def day_of(tasks: float) -> ArrivalTimes:
    """Return the arrivals of a day: about so many tasks, none at night, most in the afternoon."""
    peak = tasks / _TASKS_AT_PEAK_OF_ONE

    def rate(now: float) -> float:
        busy_hours = max(now / HOUR - _FIRST_BUSY_HOUR, 0.0)
        return peak * math.sin(busy_hours / (24 - _FIRST_BUSY_HOUR) * math.pi) ** 2

    return random_arrivals(rate, peak, 24)
