"""What the stand-in Web UI writes down of each generation, and what follows from it: the file outlives a crash."""

import json
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Final

#: Of a hundred gaps, how many are shorter than the 95th percentile.
_PERCENT: Final = 100


class Step(StrEnum):
    """What can happen to a generation, in this order."""

    ARRIVED = "arrived"
    ACQUIRED = "acquired"
    RELEASED = "released"
    ANSWERED = "answered"


@dataclass
class Generation:
    """One request as the Web UI saw it; None is a step that was never reached. Monotonic seconds."""

    prompt: str
    arrived: float
    acquired: float | None = None
    released: float | None = None
    answered: float | None = None


class Journal:
    """Appends lines; each is in the file when `note` returns."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)
        self._lock = threading.Lock()

    def note(self, step: Step, *, generation: str, prompt: str = "") -> None:
        """Write down that a generation has reached a step now."""
        line = json.dumps({"at": time.monotonic(), "step": step, "generation": generation, "prompt": prompt})
        with self._lock:
            self._file.write(line + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def count_steps(file: Path, step: Step) -> int:
    """Return how many generations have reached a step; quick, since it is asked while something is measured."""
    return file.read_text().count(f'"step": "{step}"')


def read_journal(file: Path) -> list[Generation]:
    """Return all generations in the order in which they arrived."""
    generations: dict[str, Generation] = {}
    for line in file.read_text().splitlines():
        entry = json.loads(line)
        if entry["step"] == Step.ARRIVED:
            generations[entry["generation"]] = Generation(entry["prompt"], entry["at"])
        else:
            setattr(generations[entry["generation"]], entry["step"], entry["at"])
    return list(generations.values())


@dataclass(frozen=True)
class LockUse:
    """How well the lock, which is the GPU, was used."""

    #: Sum of the times for which it was held, over first acquisition to last release.
    busy_share: float
    tasks_per_second: float
    gap_ms_p50: float
    gap_ms_p95: float


def lock_use(generations: Sequence[Generation]) -> LockUse:
    """Return how the lock was used by generations that all came to their end."""
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
        gap_ms_p95=sorted(gaps_ms)[min(len(gaps_ms) * 95 // _PERCENT, len(gaps_ms) - 1)],
    )
