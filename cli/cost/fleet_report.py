"""Report of a simulated run: delays, GPU hours, money."""

from dataclasses import dataclass

from cli.cost.fleet import SimulatedFleet


@dataclass(frozen=True)
class FleetReport:
    """Delay is from the arrival of a task to the beginning of the attempt that ended it. Money is in US dollars."""

    tasks: int
    delay_p50_seconds: float
    delay_p95_seconds: float
    delay_p99_seconds: float
    gpu_hours_paid: float
    gpu_hours_busy: float
    busy_share: float
    most_replicas: int
    interruptions: int
    repeated: int
    #: None if the price of an hour is unknown.
    cost: float | None
    cost_per_thousand_tasks: float | None


def report_of(fleet: SimulatedFleet, *, price_per_hour: float | None) -> FleetReport:
    """Return the report of a finished run whose replicas cost so much each."""
    delays = sorted(task.begun_at - task.arrived_at for task in fleet.tasks if task.begun_at is not None)
    everyone = [*fleet.gone, *fleet.replicas]
    paid = sum(
        (fleet.now if replica.ended_at is None else replica.ended_at) - replica.requested_at for replica in everyone
    )
    busy = sum(replica.busy_seconds for replica in everyone)
    cost = None if price_per_hour is None else paid / 3600 * price_per_hour
    return FleetReport(
        tasks=len(fleet.tasks),
        delay_p50_seconds=_percentile(delays, 0.50),
        delay_p95_seconds=_percentile(delays, 0.95),
        delay_p99_seconds=_percentile(delays, 0.99),
        gpu_hours_paid=round(paid / 3600, 2),
        gpu_hours_busy=round(busy / 3600, 2),
        busy_share=round(busy / paid, 3) if paid else 0.0,
        most_replicas=max((state.replicas for state in fleet.states), default=0),
        interruptions=fleet.interruptions,
        repeated=sum(task.attempts - 1 for task in fleet.tasks),
        cost=cost,
        cost_per_thousand_tasks=cost / len(fleet.tasks) * 1000 if fleet.tasks and cost is not None else cost,
    )


def _percentile(ordered: list[float], share: float) -> float:
    """Return the value that this share of the others does not exceed; 0 of nothing."""
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1) if ordered else 0.0
