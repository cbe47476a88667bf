"""The figures that scaling is reckoned from, as `measure_fleet` writes them."""

from dataclasses import dataclass

from aws_cdk import Duration, aws_cloudwatch

from stacks.constructs.figures import MINUTE
from stacks.constructs.task_function import METRICS_NAMESPACE


@dataclass(frozen=True)
class FleetFigures:
    """Those of one environment. CloudWatch's own of queues and services come late, or not at all while all are 0."""

    environment: str

    def of_queue(self, name: str, runtime: str) -> aws_cloudwatch.Metric:
        """`MessagesWaiting` or `MessagesInFlight` of a runtime's queue."""
        return self._figure(name, runtime=runtime)

    def of_service(self, name: str, service: str) -> aws_cloudwatch.Metric:
        """`ReplicasDesired` or `ReplicasRunning` of a service."""
        return self._figure(name, service=service)

    def _figure(self, name: str, **dimension: str) -> aws_cloudwatch.Metric:
        return aws_cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"environment": self.environment, **dimension},
            statistic="Maximum",
            period=Duration.seconds(MINUTE),
        )
