"""GPU capacity of a runtime: purchase options, scaling and disk."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from contract.routing import CamelModel

#: Highest priority: Karpenter's limit of a node pool's weight.
MAX_PRIORITY: Final = 100
#: Spot first: it is cheaper, and an interrupted task runs again on another replica.
SPOT_PRIORITY: Final = 100
ON_DEMAND_PRIORITY: Final = 50

#: Purchase option, as the environment file names it.
Purchase = Literal["spot", "onDemand"]
#: Karpenter's names of the purchase options, also at the end of the names of node pools and services.
PURCHASE_NAMES: Final[Mapping[Purchase, str]] = {"spot": "spot", "onDemand": "on-demand"}


class PurchaseOption(CamelModel):
    """Purchase option of GPUs."""

    priority: int = Field(ge=1, le=MAX_PRIORITY, description="the option with the higher priority is tried first")


#: Values of an option in the file.
_Choice = PurchaseOption | bool | None


def _option(priority: int) -> BeforeValidator:
    """Return a validator that reads `true` as the option with this priority, and `false` as None."""

    def read(value: object) -> object:
        return {True: {"priority": priority}, False: None}[value] if isinstance(value, bool) else value

    return BeforeValidator(read, json_schema_input_type=_Choice)


class Capacity(CamelModel):
    """Purchase options of GPUs. Spot costs a third or less, and AWS may reclaim it with two minutes' notice."""

    spot: Annotated[PurchaseOption | None, _option(SPOT_PRIORITY)] = Field(
        default=PurchaseOption(priority=SPOT_PRIORITY),
        description=f"false buys no spot capacity; true is priority {SPOT_PRIORITY}",
    )
    on_demand: Annotated[PurchaseOption | None, _option(ON_DEMAND_PRIORITY)] = Field(
        default=PurchaseOption(priority=ON_DEMAND_PRIORITY),
        description=f"false buys no on-demand capacity; true is priority {ON_DEMAND_PRIORITY}",
    )

    @model_validator(mode="after")
    def _one_comes_first(self) -> Self:
        if self.spot is None and self.on_demand is None:
            raise ValueError("buys nothing; write spot: true, onDemand: true, or both")
        if self.spot and self.on_demand and self.spot.priority == self.on_demand.priority:
            raise ValueError(
                f"spot and onDemand have the same priority {self.spot.priority}; give the one to try first a higher one"
            )
        return self

    @property
    def options(self) -> dict[Purchase, PurchaseOption]:
        """Purchase options in the order of their priority, the highest first."""
        options: dict[Purchase, PurchaseOption | None] = {"spot": self.spot, "onDemand": self.on_demand}
        chosen = {purchase: option for purchase, option in options.items() if option}
        return dict(sorted(chosen.items(), key=lambda item: -item[1].priority))


class Scaling(CamelModel):
    """Number of replicas: as many as the queue needs, between two bounds."""

    min_replicas: int = Field(default=0, ge=0, le=1_000, description="replicas that stay while the queue is empty")
    max_replicas: int = Field(
        default=4, ge=0, le=1_000, description="highest number of replicas; 0 stops all, and the tasks wait"
    )
    tasks_per_replica: int = Field(default=1, ge=1, le=1_000, description="tasks, waiting and running, per replica")
    cooldown_seconds: int = Field(
        default=300, ge=0, le=3_600, description="seconds without need before a replica is removed"
    )
    polling_seconds: int = Field(default=10, ge=1, le=300, description="seconds between two polls of the queue")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.max_replicas < self.min_replicas:
            raise ValueError(
                f"maxReplicas {self.max_replicas} is less than minReplicas {self.min_replicas}; write"
                f" maxReplicas: {self.min_replicas} or more"
            )
        return self


class Disk(CamelModel):
    """Disk of a node for the image and the models; local NVMe replaces it, on EKS if it is larger than `sizeGib`."""

    size_gib: int = Field(
        default=100,
        ge=40,
        le=16_384,
        description="GiB; the replicas of a node share half of it, and models may fill nine tenths of a share until the"
        " least recently used are removed",
    )
    iops: int = Field(default=3_000, ge=3_000, le=16_000, description="operations per second")
    throughput_mibps: int = Field(
        default=500, ge=125, le=1_000, description="MiB per second, which bounds how fast image and models are written"
    )

    @model_validator(mode="after")
    def _throughput_needs_operations(self) -> Self:
        # gp3 gives a quarter of a MiB per second for each operation.
        if self.throughput_mibps * 4 > self.iops:
            raise ValueError(f"throughputMibps {self.throughput_mibps} needs iops: {self.throughput_mibps * 4} or more")
        return self
