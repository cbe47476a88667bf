"""Seeds of a run's images: random for -1, then counted up from image to image."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Random seeds are below this number, as in the Web UI.
_SEED_LIMIT: Final = 2**32 - 2
_RANDOM: Final = -1


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """One seed and one subseed per image; `strength` 0 to 1 is the subseed's part of the noise."""

    seeds: list[int]
    subseeds: list[int]
    strength: float

    def from_first(self, distance: int, *, count: int) -> "Seeds":
        """Return `count` seeds that begin at a distance from the first one."""
        numbers = range(distance, distance + count)
        return Seeds(
            seeds=[self.seeds[0] + (number if self.strength == 0 else 0) for number in numbers],
            subseeds=[self.subseeds[0] + number for number in numbers],
            strength=self.strength,
        )


def choose_seeds(
    *, seed: int | None, subseed: int | None, strength: float, count: int, draw: Callable[[int], int] = random.randrange
) -> Seeds:
    """Return seeds for `count` images: counted up, or one for all if a subseed varies them."""
    first = draw(_SEED_LIMIT) if seed in {None, _RANDOM} else int(seed or 0)
    first_subseed = draw(_SEED_LIMIT) if subseed in {None, _RANDOM} else int(subseed or 0)
    return Seeds(seeds=[first], subseeds=[first_subseed], strength=strength).from_first(0, count=count)
