"""Price table of the project: AWS's list prices by region, each with its source, as of one date."""

import datetime as dt
from pathlib import Path
from typing import Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict

from contract.routing import CamelModel
from stacks.config.capacity import Purchase
from stacks.config.runtime import RuntimeConfig

PRICES_FILE: Final = Path(__file__).with_name("prices.yaml")
#: Hours of a month, as AWS's own calculator counts them.
HOURS_PER_MONTH: Final = 730
#: What a month of one unit is to the price of it.
_FACTORS: Final = {"month": 1.0, "hour": float(HOURS_PER_MONTH), "million": 1e-6}


class Price(BaseModel):
    """Price of one kind of thing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per: Literal["month", "hour", "million"]
    usd: dict[str, float]
    free: int = 0
    source: str

    def of_month(self, region: str) -> float | None:
        """Return the dollars for one unit in a month; None if the table lacks the region."""
        return self.usd[region] * _FACTORS[self.per] if region in self.usd else None


class InstancePrice(CamelModel):
    """Price of an hour of an instance type."""

    on_demand: float
    spot: float


class InstancePrices(BaseModel):
    """Prices of instance types by name and region."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    usd: dict[str, dict[str, InstancePrice]]


class ReplicaPrice(BaseModel):
    """Price of an hour of a replica, and what it is the price of."""

    model_config = ConfigDict(frozen=True)

    usd_per_hour: float
    basis: str


class PriceTable(BaseModel):
    """All prices, and the date on which they were read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read: dt.date
    prices: dict[str, Price]
    instances: InstancePrices

    @classmethod
    def load(cls) -> Self:
        """Return the table of the project."""
        return cls.model_validate(yaml.safe_load(PRICES_FILE.read_text(encoding="utf-8")))

    def of_replica(self, runtime: RuntimeConfig, region: str) -> ReplicaPrice | None:
        """Return the price of a replica on its cheapest known type, bought as the runtime buys first.

        The runtime's own `pricePerGpuHour` has precedence. None if no type is known in the region.
        """
        if runtime.price_per_gpu_hour is not None:
            return ReplicaPrice(
                usd_per_hour=runtime.price_per_gpu_hour * runtime.gpus_per_replica, basis="pricePerGpuHour"
            )
        purchase: Purchase = next(iter(runtime.capacity.options))
        known = []
        for instance in runtime.instances_bought(purchase):
            price = self.instances.usd.get(instance.name, {}).get(region)
            if price is not None:
                hour = price.spot if purchase == "spot" else price.on_demand
                share = runtime.gpus_per_replica / instance.gpus
                basis = f"{instance.name}, {'spot' if purchase == 'spot' else 'on demand'}"
                known.append(ReplicaPrice(usd_per_hour=hour * share, basis=basis))
        return min(known, key=lambda price: price.usd_per_hour, default=None)
