"""Report of `darkroom cost`: the bill of an idle month, and each runtime's cost of 1,000 pictures."""

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from cli.cost.fleet import SimulatedFleet
from cli.cost.fleet_report import FleetReport, report_of
from cli.cost.idle_month import BillLine, idle_month
from cli.cost.machines import Machines
from cli.cost.scaler import Scaler
from cli.cost.scenario import Scenario, day_of
from cli.cost.templates import synthesize
from cli.environment import LOCAL
from cli.environment_file import read_chosen_file, region_of
from cli.errors import Misconfigured, WrongUsage
from cli.session import Session
from cli.table import columns
from stacks.config import RuntimeConfig
from stacks.config.price_table import HOURS_PER_MONTH, PriceTable

#: Seed of the simulation, so that the same question has the same answer.
SEED: Final = 0
DAYS_PER_MONTH: Final = HOURS_PER_MONTH / 24


@dataclass(frozen=True)
class PictureCost:
    """Cost of a simulated day of one runtime, if each task makes one picture."""

    runtime: str
    #: What an hour of a replica is the price of; None if the table knows none of its instance types.
    basis: str | None
    usd_per_replica_hour: float | None
    max_replicas: int
    day: FleetReport


@dataclass(frozen=True)
class CostReport:
    """Cost of an environment, as far as the prices are known."""

    idle_month: Sequence[BillLine]
    pictures: Sequence[PictureCost]

    @property
    def usd_of_idle_month(self) -> float:
        """Dollars of a month without tasks."""
        return sum(line.usd or 0 for line in self.idle_month)

    @property
    def usd_of_month(self) -> float:
        """Dollars of a month in which each day is the simulated one."""
        return self.usd_of_idle_month + DAYS_PER_MONTH * sum(cost.day.cost or 0 for cost in self.pictures)

    @property
    def usd_of_full_month(self) -> float:
        """Dollars of a month in which all replicas run all the time."""
        full = sum((cost.usd_per_replica_hour or 0) * cost.max_replicas for cost in self.pictures)
        return self.usd_of_idle_month + HOURS_PER_MONTH * full


def report_cost(session: Session, *, tasks_per_day: int, task_seconds: float) -> CostReport:
    """Print the cost of the chosen environment, and return it."""
    if session.choice.name == LOCAL:
        raise WrongUsage("the local system costs nothing; name an environment: darkroom cost --environment dev")
    environment = read_chosen_file(session.choice)
    region = region_of(session.choice, environment)
    if region is None:
        raise Misconfigured(
            f"environment {environment.name!r} names no region, and prices differ by region; write for example:"
            f" darkroom --region eu-central-1 cost --environment {environment.name}"
        )
    prices = PriceTable.load()
    # The CDK needs ten seconds or more.
    with session.console.status("making the templates …"):
        resources = synthesize(session.choice.name)
    lines = idle_month(resources, environment, prices, region)
    runtimes = environment.runtimes if environment.engine != "none" else ()
    # A million tasks a day take half a minute for each runtime.
    with session.console.status("simulating a day …"):
        pictures = [_picture_cost(runtime, prices, region, tasks_per_day, task_seconds) for runtime in runtimes]
    report = CostReport(lines, pictures)
    session.document(
        {
            "environment": environment.name,
            "region": region,
            "currency": "USD",
            "prices_read": prices.read.isoformat(),
            "idle_month": [asdict(line) for line in lines],
            "idle_month_usd": round(report.usd_of_idle_month, 2),
            "unknown": [line.item for line in lines if line.usd is None],
            "tasks_per_day": tasks_per_day,
            "task_seconds": task_seconds,
            "pictures": [asdict(cost) for cost in pictures],
        }
    )
    session.line(f"{environment.name} in {region}: AWS's list prices of {prices.read} in US dollars\n")
    session.line(f"A month without tasks\n{_bill(lines)}\n")
    if any(line.usd is None for line in lines):
        session.line("Add what is unknown: stacks/config/prices.yaml has no price of it in this region.")
    session.line("Free quantities are those of the whole account. Requests, storage, logs and transfer come on top.\n")
    if not pictures:
        session.line("No engine, so no GPUs: pictures cost what your own agents cost.")
        return report
    session.line(f"1,000 pictures, if a runtime gets {tasks_per_day:,} tasks of {task_seconds:g} s a day (simulated)")
    session.line(_pictures(pictures))
    session.line(
        "\nThe simulation assumes KEDA's rule and the times in cli/cost/machines.py. Disks, NAT traffic and EKS Auto"
        " Mode's fee on each instance come on top."
    )
    return report


def _picture_cost(
    runtime: RuntimeConfig, prices: PriceTable, region: str, tasks_per_day: int, task_seconds: float
) -> PictureCost:
    spot_share = 1.0 if next(iter(runtime.capacity.options)) == "spot" else 0.0
    scenario = Scenario(
        "a day", day_of(tasks_per_day), hours=24, task_seconds=task_seconds, machines=Machines(spot_share=spot_share)
    )
    fleet = SimulatedFleet(scenario, Scaler(runtime.scaling), random.Random(SEED))  # noqa: S311 - no secret
    fleet.run()
    price = prices.of_replica(runtime, region)
    hour = price.usd_per_hour if price else None
    return PictureCost(
        runtime=runtime.name,
        basis=price.basis if price else None,
        usd_per_replica_hour=hour,
        max_replicas=runtime.scaling.max_replicas,
        day=report_of(fleet, price_per_hour=hour),
    )


def _bill(lines: Sequence[BillLine]) -> str:
    rows = [(_quantity(line), line.item, _free(line), _usd(line.usd)) for line in lines]
    total = sum(line.usd or 0 for line in lines)
    label = "sum of what is known" if any(line.usd is None for line in lines) else "sum"
    return columns((), [*rows, ("", label, "", _usd(total))])


def _quantity(line: BillLine) -> str:
    return f"{line.quantity:12,.0f}"


def _free(line: BillLine) -> str:
    each = "" if line.usd_each is None else f"{line.usd_each:.2f} each"
    if line.usd_each is not None and line.usd_each < 0.01:  # noqa: PLR2004 - the smallest coin
        each = f"{line.usd_each * 1e6:.2f} a million"
    return f"{each}, {line.free:,} free" if line.free else each


def _usd(amount: float | None) -> str:
    return "unknown" if amount is None else f"{amount:9.2f}"


def _pictures(pictures: Sequence[PictureCost]) -> str:
    titles = ("RUNTIME", "USD", "REPLICA HOURS", "BUSY", "DELAY P95", "REPLICA")
    rows = [
        (
            cost.runtime,
            _usd(cost.day.cost_per_thousand_tasks).strip(),
            f"{cost.day.gpu_hours_paid:.1f}",
            f"{cost.day.busy_share:.0%}",
            f"{cost.day.delay_p95_seconds:.0f} s",
            f"{cost.usd_per_replica_hour:.2f} an hour ({cost.basis})" if cost.basis else "unknown",
        )
        for cost in pictures
    ]
    return columns(titles, rows)
