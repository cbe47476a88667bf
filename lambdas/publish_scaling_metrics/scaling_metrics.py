"""Publishes the ECS scaling metrics once a minute, zeros included, so that alarms never lack data.

AWS's own metrics of a service are missing while it has no running task. Those of a queue that was idle for six hours
arrive up to 15 minutes late. Their delays differ, so they do not describe one moment: see docs/decisions.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from lambdas.runtime.observability import logger

#: Services that ECS describes in one call, at most.
MAX_SERVICES: Final = 10

MESSAGES_WAITING: Final = "MessagesWaiting"
MESSAGES_IN_FLIGHT: Final = "MessagesInFlight"
REPLICAS_DESIRED: Final = "ReplicasDesired"
REPLICAS_RUNNING: Final = "ReplicasRunning"
#: Metric by the queue's attribute.
_OF_QUEUE: Final = {
    "ApproximateNumberOfMessages": MESSAGES_WAITING,
    "ApproximateNumberOfMessagesNotVisible": MESSAGES_IN_FLIGHT,
}
#: Metric by the field of a service's description.
_OF_SERVICE: Final = {"desiredCount": REPLICAS_DESIRED, "runningCount": REPLICAS_RUNNING}

Metric = dict[str, Any]


class MetricsMissing(Exception):
    """Raised when a queue or service could not be measured, after the metrics of all others were written."""


@dataclass(frozen=True, kw_only=True)
class ScalingMetrics:
    """Measures all queues and services of an environment."""

    ecs: Any
    sqs: Any
    cloudwatch: Any
    namespace: str
    environment: str
    cluster: str
    #: URL of the queue by runtime.
    queues: Mapping[str, str]
    services: Sequence[str]
    now: Callable[[], dt.datetime]

    def publish(self) -> None:
        """Write the metrics of this moment; raises MetricsMissing if some could not be measured."""
        metrics: list[Metric] = []
        missing: list[str] = []
        for names, measure in self._parts():
            try:
                measured = measure()
            except Exception:  # noqa: BLE001 - one failing runtime must not stop the scaling of the others
                logger().exception("not_measured", names=names)
                measured = {}
            metrics.extend(metric for name in names for metric in measured.get(name, ()))
            missing.extend(name for name in names if name not in measured)
        at = self.now()
        if metrics:
            self.cloudwatch.put_metric_data(
                Namespace=self.namespace, MetricData=[{**metric, "Timestamp": at} for metric in metrics]
            )
        if missing:
            raise MetricsMissing(", ".join(missing))

    def _parts(self) -> Iterator[tuple[Sequence[str], Callable[[], Mapping[str, list[Metric]]]]]:
        """Yield the names that one call measures, and the call, which returns the metrics by name."""
        for runtime, url in self.queues.items():
            yield (runtime,), partial(self._of_queue, runtime, url)
        for begin in range(0, len(self.services), MAX_SERVICES):
            names = self.services[begin : begin + MAX_SERVICES]
            yield names, partial(self._of_services, names)

    def _of_queue(self, runtime: str, url: str) -> Mapping[str, list[Metric]]:
        response = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_OF_QUEUE))
        values = response["Attributes"]
        return {
            runtime: [
                self._metric(metric, int(values[attribute]), runtime=runtime) for attribute, metric in _OF_QUEUE.items()
            ]
        }

    def _of_services(self, names: Sequence[str]) -> Mapping[str, list[Metric]]:
        response = self.ecs.describe_services(cluster=self.cluster, services=list(names))
        return {
            service["serviceName"]: [
                self._metric(metric, service[field], service=service["serviceName"])
                for field, metric in _OF_SERVICE.items()
            ]
            for service in response["services"]
        }

    def _metric(self, metric: str, value: int, **dimension: str) -> Metric:
        dimensions = {"environment": self.environment, **dimension}
        return {
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": text} for name, text in dimensions.items()],
            "Value": value,
            "Unit": "Count",
        }
