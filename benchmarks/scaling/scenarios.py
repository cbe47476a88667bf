"""Scenarios of the simulation: arrivals and durations of tasks, and interruptions of machines."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

from benchmarks.scaling.machines import Machines

_MINUTE: Final = 60.0
_HOUR: Final = 3600.0

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


def _nothing(_: random.Random) -> Iterator[float]:
    return iter(())


def _steady(per_second: float, hours: float) -> ArrivalTimes:
    return _random(lambda _: per_second, per_second, hours)


def _random(rate: Callable[[float], float], highest: float, hours: float) -> ArrivalTimes:
    """Return arrivals at random with a rate that changes over time, by thinning."""

    def arrivals(chance: random.Random) -> Iterator[float]:
        now = 0.0
        while (now := now + chance.expovariate(highest)) < hours * _HOUR:
            if chance.random() * highest < rate(now):
                yield now

    return arrivals


def _burst(tasks: int) -> ArrivalTimes:
    return lambda _: repeat(0.0, tasks)


def _day(now: float) -> float:
    """Return tasks per second: next to none at night, 3 at the evening's peak."""
    return 3.0 * max(0.0, math.sin((now / _HOUR - 6) / 18 * math.pi)) ** 2 if now > 6 * _HOUR else 0.005


SCENARIOS: Final = {
    "nothing": Scenario("a day without a task", _nothing, hours=24),
    "steady": Scenario("2 tasks a second for 4 hours", _steady(2.0, 4), hours=4),
    "burst": Scenario("1,000 tasks at once, from zero", _burst(1000), hours=2),
    "day": Scenario(
        "a day: next to nothing at night, 3 tasks a second in the afternoon", _random(_day, 3.0, 24), hours=24
    ),
    "spot": Scenario(
        "2 tasks a second for 4 hours while a machine is taken away every 2 hours on average",
        _steady(2.0, 4),
        hours=4,
        machines=Machines(interruptions_per_hour=0.5),
    ),
    "large": Scenario(
        "100 tasks a second of 9 seconds for an hour, up to 1,000 GPUs",
        _steady(100.0, 1),
        hours=1,
        task_seconds=9.0,
        max_replicas=1000,
    ),
    "trickle": Scenario("a task every 2 minutes for 12 hours", _steady(1 / (2 * _MINUTE), 12), hours=12),
}
