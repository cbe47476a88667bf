"""The metrics that dashboard, alarms and scaling read: of functions and replicas, from their logs, and of queues."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration, aws_cloudwatch

from contract.record import Status
from stacks.constructs.task_function import METRICS_NAMESPACE

#: Seconds of the shortest period of all these metrics.
MINUTE: Final = 60
#: Nodes of an environment on EKS; each is counted once a minute.
NODES_METRIC: Final = "Nodes"


def namespace_from_logs(environment: str) -> str:
    """Return the namespace of the metrics that filters take from an environment's logs."""
    return f"Darkroom/{environment}"


@dataclass(frozen=True)
class RuntimeFigures:
    """What is known of one runtime of an environment."""

    environment: str
    runtime: str
    queue_name: str

    def accepted(self, *, period_seconds: int = MINUTE) -> aws_cloudwatch.Metric:
        """Tasks that got in, by topic or HTTP."""
        return self._own("TasksAccepted", "Sum", period_seconds, "accepted")

    def ended(self, status: Status, *, period_seconds: int = MINUTE) -> aws_cloudwatch.Metric:
        """Tasks with this final state, wherever it was decided: counted by their callbacks, one for each."""
        label = status.value.lower().replace("_", " ")
        return self._own("CallbacksPublished", "Sum", period_seconds, label, status=status.value)

    def of_agents(
        self, name: str, statistic: str, *, period_seconds: int = MINUTE, label: str | None = None
    ) -> aws_cloudwatch.Metric:
        """A metric that agents write, each for itself: of each task, or once a minute."""
        return self._own(name, statistic, period_seconds, label or f"{name} {statistic}")

    def waiting(self, *, period_seconds: int = MINUTE) -> aws_cloudwatch.Metric:
        """Messages that nobody has received."""
        return self._of_queue("ApproximateNumberOfMessagesVisible", period_seconds, "waiting")

    def in_flight(self, *, period_seconds: int = MINUTE) -> aws_cloudwatch.Metric:
        """Messages that a replica holds."""
        return self._of_queue("ApproximateNumberOfMessagesNotVisible", period_seconds, "in flight")

    def oldest_seconds(self) -> aws_cloudwatch.Metric:
        """Age of the oldest message, in flight or not."""
        return self._of_queue("ApproximateAgeOfOldestMessage", MINUTE, "age of the oldest")

    def _of_queue(self, name: str, period_seconds: int, label: str) -> aws_cloudwatch.Metric:
        return aws_cloudwatch.Metric(
            namespace="AWS/SQS",
            metric_name=name,
            dimensions_map={"QueueName": self.queue_name},
            statistic="Maximum",
            period=Duration.seconds(period_seconds),
            label=label,
        )

    def _own(
        self, name: str, statistic: str, period_seconds: int, label: str, **dimensions: str
    ) -> aws_cloudwatch.Metric:
        return aws_cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"environment": self.environment, "runtime": self.runtime, **dimensions},
            statistic=statistic,
            period=Duration.seconds(period_seconds),
            label=label,
        )


def count_of(environment: str, name: str, *, period_seconds: int = MINUTE) -> aws_cloudwatch.Metric:
    """Return a count that the functions write for the environment as a whole."""
    return aws_cloudwatch.Metric(
        namespace=METRICS_NAMESPACE,
        metric_name=name,
        dimensions_map={"environment": environment},
        statistic="Sum",
        period=Duration.seconds(period_seconds),
        label=name,
    )
