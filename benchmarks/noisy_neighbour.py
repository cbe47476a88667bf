"""Neighbour that burns a core in seeded bursts, as other work on the agent's machine does.

`python -m benchmarks.noisy_neighbour --seed N` works until it is killed.
"""

import argparse
import random
import time
from typing import Final

#: Seconds of a burst and of the pause behind it, shortest and longest: busy for four fifths of the time.
BURST_SECONDS: Final = (0.02, 0.5)
PAUSE_SECONDS: Final = (0.005, 0.12)


def main() -> None:
    """Burn a core in bursts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="of the bursts")
    chance = random.Random(parser.parse_args().seed)  # noqa: S311 - bursts that can be repeated, no secret
    while True:
        burst_end = time.monotonic() + chance.uniform(*BURST_SECONDS)
        while time.monotonic() < burst_end:
            sum(range(1000))
        time.sleep(chance.uniform(*PAUSE_SECONDS))


if __name__ == "__main__":
    main()
