"""Publishes the ECS scaling metrics once a minute, zeros included, those of a runtime together or not at all.

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
#: Metric of the cluster's GPU nodes.
NODES: Final = "Nodes"
#: Metric by the queue's attribute.
_OF_QUEUE: Final = {
    "ApproximateNumberOfMessages": MESSAGES_WAITING,
    "ApproximateNumberOfMessagesNotVisible": MESSAGES_IN_FLIGHT,
}
#: Metric by the field of a service's description.
_OF_SERVICE: Final = {"desiredCount": REPLICAS_DESIRED, "runningCount": REPLICAS_RUNNING}

Metric = dict[str, Any]


class MetricsMissing(Exception):
    """Raised when a runtime or the nodes could not be measured, after the metrics of all others were written."""


@dataclass(frozen=True, kw_only=True)
class ScalingMetrics:
    """Measures all queues, services and nodes of an environment.

    A runtime's metrics are written together or not at all, because CloudWatch computes with 0 for a missing metric.
    Otherwise a queue that could not be measured would look empty, and scaling would remove its replicas.
    """

    ecs: Any
    sqs: Any
    cloudwatch: Any
    namespace: str
    environment: str
    cluster: str
    #: URL of the queue by runtime.
    queues: Mapping[str, str]
    #: Names of the services by runtime.
    services: Mapping[str, Sequence[str]]
    now: Callable[[], dt.datetime]

    def publish(self) -> None:
        """Write the metrics of this moment; raises MetricsMissing if some could not be measured."""
        measured: dict[str, list[Metric]] = {}
        for names, measure in self._parts():
            try:
                measured |= measure()
            except Exception:  # noqa: BLE001 - one failing runtime must not stop the scaling of the others
                logger().exception("not_measured", names=names)
        metrics: list[Metric] = []
        missing: list[str] = []
        for names in [(self.cluster,), *((_queue_of(runtime), *self.services[runtime]) for runtime in self.queues)]:
            if lacking := [name for name in names if name not in measured]:
                missing += lacking
            else:
                metrics += [metric for name in names for metric in measured[name]]
        at = self.now()
        if metrics:
            self.cloudwatch.put_metric_data(
                Namespace=self.namespace, MetricData=[{**metric, "Timestamp": at} for metric in metrics]
            )
        if missing:
            raise MetricsMissing(", ".join(missing))

    def _parts(self) -> Iterator[tuple[Sequence[str], Callable[[], Mapping[str, list[Metric]]]]]:
        """Yield the names that one call measures, and the call, which returns the metrics by name."""
        yield (self.cluster,), self._of_cluster
        for runtime, url in self.queues.items():
            yield (_queue_of(runtime),), partial(self._of_queue, runtime, url)
        services = [service for names in self.services.values() for service in names]
        for begin in range(0, len(services), MAX_SERVICES):
            names = services[begin : begin + MAX_SERVICES]
            yield names, partial(self._of_services, names)

    def _of_cluster(self) -> Mapping[str, list[Metric]]:
        response = self.ecs.describe_clusters(clusters=[self.cluster])
        return {
            cluster["clusterName"]: [self._metric(NODES, cluster["registeredContainerInstancesCount"])]
            for cluster in response["clusters"]
        }

    def _of_queue(self, runtime: str, url: str) -> Mapping[str, list[Metric]]:
        response = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_OF_QUEUE))
        values = response["Attributes"]
        return {
            _queue_of(runtime): [
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


def _queue_of(runtime: str) -> str:
    # A runtime may have the name of another one's service.
    return f"queue of {runtime}"
