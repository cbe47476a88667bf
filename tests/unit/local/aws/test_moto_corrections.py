"""Corrections of moto that spare the local system work: each returns what moto's own method returns."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from moto.cloudwatch.models import CloudWatchBackend, MetricDatum

from local.aws.moto_corrections import read_metrics

BEGIN: Final = datetime(2026, 11, 30, tzinfo=UTC)
END: Final = BEGIN + timedelta(hours=2)
QUERIES: Final = [
    {
        "Id": f"m{number}",
        "MetricStat": {
            "Metric": {
                "Namespace": "Darkroom",
                "MetricName": name,
                "Dimensions": [{"Name": "runtime", "Value": "sdruntime"}],
            },
            "Period": 300,
            "Stat": statistic,
        },
    }
    for number, (name, statistic) in enumerate([("Images", "Sum"), ("BusyShare", "Average"), ("Nothing", "Sum")])
]


class Time(datetime):
    """A time that counts how often it is compared."""

    compared = 0

    def __lt__(self, other: Any) -> bool:
        Time.compared += 1
        return super().__lt__(other)

    def __ge__(self, other: Any) -> bool:
        Time.compared += 1
        return super().__ge__(other)


def backend(*, hours: range) -> CloudWatchBackend:
    """Return metrics of each minute of these hours before and after the beginning."""
    values = random.Random(1)  # noqa: S311 - values, no secret
    made = CloudWatchBackend("us-east-1", "123456789012")
    for minute in range(60 * hours.start, 60 * hours.stop):
        for name in ("Images", "BusyShare"):
            for runtime in ("sdruntime", "dynamic"):
                at = Time.fromtimestamp(BEGIN.timestamp() + 60 * minute + values.randrange(60), tz=UTC)
                dimensions = [{"Name": "runtime", "Value": runtime}]
                made.metric_data.append(MetricDatum("Darkroom", name, values.random(), dimensions, at))
    return made


def test_the_values_of_metrics_are_those_of_moto() -> None:
    metrics = backend(hours=range(-1, 4))
    for order in ("TimestampAscending", "TimestampDescending"):
        asked: dict[str, Any] = {"queries": QUERIES, "start_time": BEGIN, "end_time": END, "scan_by": order}
        assert read_metrics(metrics, **asked) == read_metrics.__wrapped__(metrics, **asked)


def test_more_periods_and_queries_do_not_read_all_metrics_again() -> None:
    """A day of the fleet took seconds, so its caller gave up."""
    metrics = backend(hours=range(2))
    Time.compared = 0
    read_metrics(metrics, queries=QUERIES, start_time=BEGIN, end_time=END, scan_by="TimestampAscending")
    assert 0 < Time.compared <= 2 * len(metrics.metric_data)
