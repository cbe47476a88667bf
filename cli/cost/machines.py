"""Costs of a machine before its first task. They are assumptions: replace them by your fleet's metrics."""

import random
from dataclasses import dataclass
from typing import Final

#: Part by which each time of a start varies from one machine to the next, as a standard deviation of its logarithm.
SPREAD: Final = 0.25
#: Seconds that an empty machine stays, and is paid for, until it ends: `consolidateAfter` of EKS's node pools.
LINGER_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Machines:
    """How machines behave."""

    #: From the request to a node: launch, boot, join. EKS Auto Mode and ECS are quoted with 40 to 90.
    node_seconds: float = 60.0
    #: To pull and unpack an image of 10 GB, in parallel and onto NVMe.
    image_seconds: float = 75.0
    #: To fetch a checkpoint of 7 GB at 500 MB/s, side by side with the Web UI's start, which mostly hides it.
    model_seconds: float = 14.0
    #: Until the Web UI answers, and the checkpoint is on the GPU.
    webui_seconds: float = 30.0
    #: Interruptions per hour of a spot machine.
    interruptions_per_hour: float = 0.05
    #: Part of the machines that are spot; the others are never interrupted.
    spot_share: float = 1.0

    def ready_seconds(self, chance: random.Random) -> float:
        """Return how long one machine takes until its first task can begin."""
        start = _vary(self.node_seconds, chance) + _vary(self.image_seconds, chance)
        # The model is fetched while the Web UI starts.
        return start + max(_vary(self.model_seconds, chance), _vary(self.webui_seconds, chance))


def _vary(seconds: float, chance: random.Random) -> float:
    return seconds * chance.lognormvariate(0.0, SPREAD)
