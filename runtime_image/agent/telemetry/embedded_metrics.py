"""Metrics as lines of the log, in CloudWatch's embedded metric format, which needs no call and no wait."""

from collections.abc import Mapping
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from runtime_image.process.logs import EventLog

#: The same namespace as that of the functions (`METRICS_NAMESPACE` of the stacks), so that one dashboard finds all.
NAMESPACE: Final = "Darkroom"

Values = Mapping[str, float]


class EmbeddedMetrics:
    """Writes metrics with the replica's dimensions."""

    def __init__(self, *, dimensions: Mapping[str, str], log: EventLog) -> None:
        self._dimensions = dimensions
        self._log = log

    def put(self, *, seconds: Values | None = None, counts: Values | None = None, **fields: object) -> None:
        """Write one line.

        Args:
            seconds: Metrics whose unit is the second.
            counts: Metrics that are counts, or shares.
            fields: Other fields of the line that are not dimensions, such as a task's id.
        """
        line = EphemeralMetrics(namespace=NAMESPACE)
        for name, value in self._dimensions.items():
            line.add_dimension(name=name, value=value)
        for name, number in (seconds or {}).items():
            line.add_metric(name=name, unit=MetricUnit.Seconds, value=round(number, 3))
        for name, number in (counts or {}).items():
            line.add_metric(name=name, unit=MetricUnit.Count, value=number)
        self._log.info("metrics", **line.serialize_metric_set(), **fields)
