"""Metrics of the fleet's last day, read from CloudWatch."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from contract.cold_start import COLD_START_PARTS, log_metrics_namespace
from contract.record import FINAL_STATUSES
from lambdas.runtime.observability import logger

#: Namespace of the metrics that functions and agents write.
NAMESPACE: Final = "Darkroom"
PERIOD_SECONDS: Final = 300
POINTS: Final = 24 * 3600 // PERIOD_SECONDS
POINTS_OF_AN_HOUR: Final = 3600 // PERIOD_SECONDS
#: Seconds for which a process keeps what CloudWatch returned, which bills each metric of each request.
MAX_AGE_SECONDS: Final = 60.0
#: Metrics of one request (CloudWatch quotas).
_MAX_QUERIES: Final = 500

#: One value for each period; None where nothing was measured.
Series = list[float | None]


class MetricQuery(NamedTuple):
    """One metric, and how CloudWatch combines the values of a period."""

    name: str
    statistic: str
    namespace: str = NAMESPACE
    dimensions: tuple[tuple[str, str], ...] = ()


class FleetSeries(NamedTuple):
    """Measured values, and the beginning of their first period."""

    begins_at_ms: int
    values: Mapping[MetricQuery, Series]


@dataclass(kw_only=True, eq=False)
class FleetMetrics:
    """Reads the metrics of an environment from CloudWatch, at most once in MAX_AGE_SECONDS of a monotonic `clock`."""

    client: Any
    queries: Sequence[MetricQuery]
    clock: Callable[[], float]
    now_ms: Callable[[], int]
    _kept: tuple[float, FleetSeries] | None = field(default=None, init=False)

    def read(self) -> FleetSeries:
        """Return the metrics of the last day, of which the last period has just begun."""
        now = self.clock()
        if self._kept is None or now - self._kept[0] > MAX_AGE_SECONDS:
            self._kept = now, self._measure()
        return self._kept[1]

    def _measure(self) -> FleetSeries:
        end = (self.now_ms() // 1000 // PERIOD_SECONDS + 1) * PERIOD_SECONDS
        begin = end - POINTS * PERIOD_SECONDS
        values: dict[MetricQuery, Series] = {query: [None] * POINTS for query in self.queries}
        for first in range(0, len(self.queries), _MAX_QUERIES):
            part = self.queries[first : first + _MAX_QUERIES]
            pages = self.client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=[_request(number, query) for number, query in enumerate(part)],
                StartTime=dt.datetime.fromtimestamp(begin, tz=dt.UTC),
                EndTime=dt.datetime.fromtimestamp(end, tz=dt.UTC),
            )
            for result in (result for page in pages for result in page["MetricDataResults"]):
                series = values[part[int(result["Id"][1:])]]
                for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                    series[(int(at.timestamp()) - begin) // PERIOD_SECONDS] = float(value)
        return FleetSeries(begin * 1000, values)


def runtime_queries(environment: str, runtime: str) -> dict[str, MetricQuery]:
    """Return the metrics of a runtime by the names that they have in an answer."""
    own = (("environment", environment), ("runtime", runtime))
    finished = {
        status.value.lower(): MetricQuery("CallbacksPublished", "Sum", dimensions=(*own, ("status", status.value)))
        for status in FINAL_STATUSES
    }
    return {
        "pictures": MetricQuery("Images", "Sum", dimensions=own),
        # Each replica counts itself once a minute.
        "replica_minutes": MetricQuery("Replicas", "Sum", dimensions=own),
        "busy_share": MetricQuery("BusyShare", "Average", dimensions=own),
        **finished,
    }


def cold_start_queries(environment: str) -> dict[str, MetricQuery]:
    """Return the parts of a cold start by the names that they have in an answer."""
    namespace = log_metrics_namespace(environment)
    return {part.field: MetricQuery(part.metric, "Average", namespace) for part in COLD_START_PARTS}


def mean_of(series: Series) -> float | None:
    """Return the mean of the measured values, None if nothing was measured."""
    known = [value for value in series if value is not None]
    return round(sum(known) / len(known), 4) if known else None


def mean_cold_start(environment: str, metrics: FleetMetrics) -> dict[str, float | None]:
    """Return the mean seconds of each part of the last day's cold starts; None where nothing is known."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the clients already

    queries = cold_start_queries(environment)
    try:
        values = metrics.read().values
    except (BotoCoreError, ClientError):
        # The names of a runtime are worth more than the usual time of its start.
        logger().exception("cold_starts_unreadable")
        return dict.fromkeys(queries)
    return {name: mean_of(values[query]) for name, query in queries.items()}


def node_query(environment: str, engine: str) -> MetricQuery | None:
    """Return the metric of the GPU nodes of an engine; an environment without an engine has none."""
    if engine == "ecs":
        return MetricQuery("Nodes", "Maximum", dimensions=(("environment", environment),))
    # On EKS each node counts itself once a minute.
    return MetricQuery("Nodes", "Sum", log_metrics_namespace(environment)) if engine == "eks" else None


def unreadable_query(environment: str) -> MetricQuery:
    """Return the count of messages of which no task could be made."""
    return MetricQuery("DeadLettersUnreadable", "Sum", dimensions=(("environment", environment),))


def _request(number: int, query: MetricQuery) -> dict[str, Any]:
    return {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": query.namespace,
                "MetricName": query.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
            },
            "Period": PERIOD_SECONDS,
            "Stat": query.statistic,
        },
    }
