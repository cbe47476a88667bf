"""The seeds of a run's pictures: drawn where -1 asks for it, and counted up from there."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Random seeds are below this, as in the Web UI.
_SEEDS: Final = 2**32 - 2
#: Seed that asks for a random one.
RANDOM: Final = -1


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """One seed and one subseed per picture."""

    seeds: list[int]
    subseeds: list[int]
    strength: float

    def of_batch(self, number: int, size: int) -> "Seeds":
        """Return those of one batch, counted from 0."""
        batch = slice(number * size, (number + 1) * size)
        return Seeds(seeds=self.seeds[batch], subseeds=self.subseeds[batch], strength=self.strength)


def choose(
    *, seed: int | None, subseed: int | None, strength: float, count: int, draw: Callable[[int], int] = random.randrange
) -> Seeds:
    """Return seeds for `count` pictures: one after the other, or one for all where only the subseed varies."""
    first = draw(_SEEDS) if seed in {None, RANDOM} else int(seed or 0)
    second = draw(_SEEDS) if subseed in {None, RANDOM} else int(subseed or 0)
    return Seeds(
        seeds=[first + (number if strength == 0 else 0) for number in range(count)],
        subseeds=[second + number for number in range(count)],
        strength=strength,
    )
