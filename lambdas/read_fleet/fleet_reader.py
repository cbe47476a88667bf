"""Fleet of an environment: queues, replicas, results, dead letters, cold starts and cost of each runtime."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from typing_extensions import TypedDict

from contract.errors import Forbidden
from contract.heartbeat import HEARTBEAT_EXPIRY_MS
from contract.record import Status
from contract.routing import Catalogue
from contract.tenancy import Tenancy, Tenant, scoped
from lambdas.http.responses import Moment, moment
from lambdas.read_fleet.fleet_metrics import (
    PERIOD_SECONDS,
    POINTS,
    POINTS_OF_AN_HOUR,
    FleetMetrics,
    FleetSeries,
    MetricQuery,
    Series,
    cold_start_queries,
    mean_of,
    node_query,
    runtime_queries,
    unreadable_query,
)
from lambdas.runtime.recent_values import RecentValues
from lambdas.tasks.outcomes import DELIVERY_FAILED
from task_store.repository import TaskRepository

#: Tasks of one read of the index of active tasks, and reads for one runtime: up to 10,000 are counted.
PAGE_SIZE: Final = 500
MAX_ACTIVE_PAGES: Final = 20
#: Newest tasks of a runtime and tenant among which dead letters are searched, and how many of them are shown.
SEARCHED_TASKS: Final = 1000
MAX_DEAD_LETTERS: Final = 10
#: Milliseconds for which a process keeps the dead letters that it found. The search for them costs some 70 read units
#: for each runtime and tenant, and the page asks again and again.
SEARCH_MAX_AGE_MS: Final = 60_000


class HourlyPrice(TypedDict):
    """Price of an hour of a replica in dollars, and what it is the price of."""

    usd_per_hour: float
    basis: str


class QueueDepth(TypedDict):
    """Tasks of a runtime that have not ended."""

    waiting: int
    running: int
    #: Age of the oldest waiting task.
    oldest_seconds: int | None
    #: False if there are more tasks than were counted.
    is_complete: bool


class ReplicaCount(TypedDict):
    """Replicas of a runtime that run, and those of them that run a task."""

    live: int
    busy: int


class Results(TypedDict):
    """What a runtime did in a time, and what its replicas cost in it."""

    pictures: int
    completed: int
    failed: int
    timed_out: int
    cancelled: int
    replica_hours: float
    #: Null if the price of a replica is unknown.
    cost_usd: float | None


class FleetChart(TypedDict):
    """Values of each period of the last day; null where nothing was measured."""

    pictures: list[float | None]
    completed: list[float | None]
    failed: list[float | None]
    replicas: list[float | None]
    busy_share: list[float | None]


class DeadLetter(TypedDict):
    """A task whose message could not be delivered; `POST /v1alpha2/tasks/{id}/retry` delivers it again."""

    id: str
    message: str
    completed_at: Moment


class RuntimeFleet(TypedDict):
    """Numbers of one runtime."""

    name: str
    queue: QueueDepth
    replicas: ReplicaCount
    #: Mean share of the last hour in which the replicas generated.
    busy_share: float | None
    price: HourlyPrice | None
    last_hour: Results
    last_day: Results
    chart: FleetChart
    dead_letters: list[DeadLetter]


class Fleet(TypedDict):
    """Numbers of all runtimes. A chart has 288 values, and the last one is that of the present period."""

    measured_at: Moment
    chart_begins_at: Moment
    chart_period_seconds: int
    runtimes: list[RuntimeFleet]
    #: GPU nodes in each period; null without an engine.
    nodes: list[float | None] | None
    #: Mean seconds of each part of the cold starts in a period.
    cold_starts: dict[str, list[float | None]]
    #: Messages of the last day of which no task could be made; the operators find them in the task bucket.
    unreadable_messages: int
    #: Webhooks that no attempt could deliver; `POST /v1alpha2/tasks/{id}/webhook` delivers one again.
    undelivered_webhooks: int


@dataclass(kw_only=True, eq=False)
class FleetReader:
    """Reads the fleet for callers who see the tasks of all tenants."""

    environment: str
    engine: str
    catalogue: Catalogue
    tenancy: Tenancy
    repository: TaskRepository
    metrics: FleetMetrics
    prices: Mapping[str, HourlyPrice]
    undelivered_webhooks: Callable[[], int]
    now_ms: Callable[[], int]
    #: Listed dead letters by partition.
    _found: RecentValues[list[dict[str, Any]]] = field(init=False)

    def __post_init__(self) -> None:
        self._found = RecentValues(max_age_ms=SEARCH_MAX_AGE_MS, now_ms=self.now_ms)

    def read(self, *, tenant: Tenant) -> Fleet:
        """Return the numbers of the fleet; raises Forbidden for a key that sees only its own tasks."""
        if not self.tenancy.sees_everything(tenant):
            raise Forbidden("the fleet's numbers are those of all keys; send a key that has `admin: true`")
        series = self.metrics.read()
        nodes = node_query(self.environment, self.engine)
        return {
            "measured_at": moment(self.now_ms()),
            "chart_begins_at": moment(series.begins_at_ms),
            "chart_period_seconds": PERIOD_SECONDS,
            "runtimes": [self._runtime(name, tenant, series) for name in self.catalogue.runtimes],
            "nodes": self._nodes(series.values[nodes]) if nodes else None,
            "cold_starts": {name: series.values[query] for name, query in cold_start_queries(self.environment).items()},
            "unreadable_messages": int(_sum(series.values[unreadable_query(self.environment)])),
            "undelivered_webhooks": self.undelivered_webhooks(),
        }

    def _nodes(self, values: Series) -> Series:
        return values if self.engine == "ecs" else _per_minute(values)

    def _runtime(self, name: str, tenant: Tenant, series: FleetSeries) -> RuntimeFleet:
        values = {key: series.values[query] for key, query in runtime_queries(self.environment, name).items()}
        queue, busy = self._queue(name)
        live = self.repository.live_replicas(name, since_ms=self.now_ms() - HEARTBEAT_EXPIRY_MS)
        price = self.prices.get(name)
        return {
            "name": name,
            "queue": queue,
            "replicas": {"live": len(live | busy), "busy": len(busy)},
            "busy_share": mean_of(values["busy_share"][-POINTS_OF_AN_HOUR:]),
            "price": price,
            "last_hour": _results(values, POINTS_OF_AN_HOUR, price),
            "last_day": _results(values, POINTS, price),
            "chart": {
                "pictures": values["pictures"],
                "completed": values["completed"],
                "failed": _added(values["failed"], values["timed_out"]),
                "replicas": _per_minute(values["replica_minutes"]),
                "busy_share": values["busy_share"],
            },
            "dead_letters": list(self._dead_letters(name, tenant)),
        }

    def _queue(self, runtime: str) -> tuple[QueueDepth, set[str]]:
        """Return the depth of a runtime's queue, and the replicas that run its tasks."""
        waiting, running = 0, 0
        oldest_ms: int | None = None
        busy: set[str] = set()
        pages = self.repository.active_runs(runtime, page_size=PAGE_SIZE)
        is_complete = True
        for number, page in enumerate(pages, 1):
            for run in page:
                if run.status is Status.IN_QUEUE:
                    waiting += 1
                    oldest_ms = oldest_ms or run.submitted_at_ms
                else:
                    running += 1
                    busy |= {run.worker_id} if run.worker_id else set()
            if number == MAX_ACTIVE_PAGES:
                is_complete = not next(pages, [])
                break
        age = max(self.now_ms() - oldest_ms, 0) // 1000 if oldest_ms else None
        return {"waiting": waiting, "running": running, "oldest_seconds": age, "is_complete": is_complete}, busy

    def _dead_letters(self, runtime: str, tenant: Tenant) -> Iterator[DeadLetter]:
        """Yield the newest dead letters among the newest tasks of each tenant."""
        partitions = [scoped(owner, runtime) for owner in tenant.visible]
        found = [item for name in partitions for item in self._found.get(name, partial(self._search, name))]
        for item in sorted(found, key=lambda each: each["completed_at_ms"], reverse=True)[:MAX_DEAD_LETTERS]:
            record = self.repository.read(item["id"], is_current=False)
            error = (record and record.error) or {}
            # Since the search it may have been sent again, and have ended for another reason.
            if record and record.completed_at_ms and error.get("code") == DELIVERY_FAILED:
                yield {
                    "id": tenant.id_of(record.key),
                    "message": str(error.get("message", "")),
                    "completed_at": moment(record.completed_at_ms),
                }

    def _search(self, partition: str) -> list[dict[str, Any]]:
        items, _ = self.repository.newest(partition, where={"error_code": DELIVERY_FAILED}, limit=SEARCHED_TASKS)
        return items


def fleet_queries(environment: str, engine: str, runtimes: Sequence[str]) -> list[MetricQuery]:
    """Return every metric that an answer needs."""
    nodes = node_query(environment, engine)
    return [
        *(query for name in runtimes for query in runtime_queries(environment, name).values()),
        *cold_start_queries(environment).values(),
        unreadable_query(environment),
        *([nodes] if nodes else []),
    ]


def _results(values: Mapping[str, Series], points: int, price: HourlyPrice | None) -> Results:
    sums = {name: _sum(series[-points:]) for name, series in values.items()}
    hours = sums["replica_minutes"] / 60
    return {
        "pictures": int(sums["pictures"]),
        "completed": int(sums["completed"]),
        "failed": int(sums["failed"]),
        "timed_out": int(sums["timed_out"]),
        "cancelled": int(sums["cancelled"]),
        "replica_hours": round(hours, 3),
        "cost_usd": round(hours * price["usd_per_hour"], 4) if price else None,
    }


def _per_minute(values: Series) -> Series:
    return [None if value is None else value * 60 / PERIOD_SECONDS for value in values]


def _sum(values: Series) -> float:
    return sum(value for value in values if value is not None)


def _added(first: Series, second: Series) -> Series:
    return [
        None if one is None and other is None else (one or 0.0) + (other or 0.0)
        for one, other in zip(first, second, strict=True)
    ]
