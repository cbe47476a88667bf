"""Use of the stub Web UI's lock, which represents the GPU, over a list of generations."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from stub_webui.journal import JournaledGeneration


@dataclass(frozen=True)
class LockUse:
    """Busy share, throughput and gaps of the lock."""

    #: Time for which the lock was held, divided by the time from the first acquisition to the last release.
    busy_share: float
    tasks_per_second: float
    gap_ms_p50: float
    gap_ms_p95: float


def lock_use(generations: Sequence[JournaledGeneration]) -> LockUse:
    """Return the use of the lock by those generations that released it."""
    held = sorted(
        (generation.acquired, generation.released)
        for generation in generations
        if generation.acquired is not None and generation.released is not None
    )
    if not held:
        return LockUse(0.0, 0.0, 0.0, 0.0)
    span = held[-1][1] - held[0][0]
    gaps_ms = [(following[0] - before[1]) * 1000 for before, following in pairwise(held)] or [0.0]
    return LockUse(
        busy_share=sum(released - acquired for acquired, released in held) / span,
        tasks_per_second=len(held) / span,
        gap_ms_p50=statistics.median(gaps_ms),
        gap_ms_p95=sorted(gaps_ms)[min(len(gaps_ms) * 95 // 100, len(gaps_ms) - 1)],
    )
