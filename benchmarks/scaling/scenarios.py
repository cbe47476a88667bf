"""Scenarios of the simulation: arrivals and durations of tasks, and interruptions of machines."""

import random
from collections.abc import Iterator
from itertools import repeat
from typing import Final

from cli.cost.machines import Machines
from cli.cost.scenario import ArrivalTimes, Scenario, day_of, random_arrivals

_MINUTE: Final = 60.0
#: Seconds to fetch 20 GB at 500 MB/s, and to load them into the GPU's memory at 2 GB/s.
VIDEO_MODEL_SECONDS: Final = 50.0


def _nothing(_: random.Random) -> Iterator[float]:
    return iter(())


def _steady(per_second: float, hours: float) -> ArrivalTimes:
    return random_arrivals(lambda _: per_second, per_second, hours)


def _burst(tasks: int) -> ArrivalTimes:
    return lambda _: repeat(0.0, tasks)


SCENARIOS: Final = {
    "nothing": Scenario("a day without a task", _nothing, hours=24),
    "steady": Scenario("2 tasks a second for 4 hours", _steady(2.0, 4), hours=4),
    "burst": Scenario("1,000 tasks at once, from zero", _burst(1000), hours=2),
    "day": Scenario("a day: nothing at night, 3 tasks a second in the afternoon", day_of(97_200), hours=24),
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
    "video": Scenario(
        "a video of 3 minutes every 15 seconds for 4 hours, models of 20 GB, spot machines last 2 hours",
        _steady(1 / 15, 4),
        hours=4,
        task_seconds=3 * _MINUTE,
        machines=Machines(model_seconds=VIDEO_MODEL_SECONDS, interruptions_per_hour=0.5),
    ),
    "trickle": Scenario("a task every 2 minutes for 12 hours", _steady(1 / (2 * _MINUTE), 12), hours=12),
}
