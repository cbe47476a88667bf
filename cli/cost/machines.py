"""Costs of a machine before its first task. They are assumptions: replace them by your fleet's metrics."""

import random
from dataclasses import dataclass
from typing import Final

#: Seconds to a node from the request: launch, boot, join. EKS Auto Mode and ECS are quoted with 40 to 90.
NODE_SECONDS: Final = 60.0
#: Seconds to pull and unpack an image of 10 GB, in parallel and onto NVMe.
IMAGE_SECONDS: Final = 75.0
#: Seconds to fetch a checkpoint of 7 GB at 500 MB/s, side by side with the Web UI's start, which mostly hides it.
MODEL_SECONDS: Final = 14.0
#: Seconds until the Web UI answers, and the checkpoint is on the GPU.
WEBUI_SECONDS: Final = 30.0
#: Part by which each of these varies from one machine to the next, as a standard deviation of its logarithm.
SPREAD: Final = 0.25
#: Seconds that an empty machine stays, and is paid for, until it ends: `consolidateAfter` of EKS's node pools.
LINGER_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Machines:
    """How machines behave."""

    node_seconds: float = NODE_SECONDS
    image_seconds: float = IMAGE_SECONDS
    model_seconds: float = MODEL_SECONDS
    webui_seconds: float = WEBUI_SECONDS
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
