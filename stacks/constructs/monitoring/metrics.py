"""CloudWatch metrics that dashboard, alarms and scaling read."""

from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration, aws_cloudwatch

from contract.cold_start import log_metrics_namespace
from contract.record import Status
from stacks.config import Environment
from stacks.constructs.functions.task_function import METRICS_NAMESPACE

#: Seconds of the shortest period of all these metrics.
MINUTE: Final = 60
#: Metric that counts the GPU nodes of an environment: on EKS each node once a minute, on ECS their number.
NODES_METRIC: Final = "Nodes"
#: Metric of the namespace of the log: the share of a minute in which the busiest GPU of an environment worked.
BUSY_METRIC: Final = "BusyShare"


def metric(
    name: str,
    statistic: str,
    *,
    namespace: str = METRICS_NAMESPACE,
    period_seconds: int = MINUTE,
    label: str | None = None,
    **dimensions: str,
) -> aws_cloudwatch.Metric:
    """Return a metric with these dimensions."""
    return aws_cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions or None,
        statistic=statistic,
        period=Duration.seconds(period_seconds),
        label=label,
    )


def of_function(
    name: str, function_name: str, *, statistic: str = "Sum", label: str | None = None
) -> aws_cloudwatch.Metric:
    """Return a metric that Lambda writes for a function."""
    return metric(name, statistic, namespace="AWS/Lambda", label=label, FunctionName=function_name)


def of_queue(name: str, queue_name: str, *, label: str | None = None) -> aws_cloudwatch.Metric:
    """Return the maximum of a metric that SQS writes for a queue."""
    return metric(name, "Maximum", namespace="AWS/SQS", label=label, QueueName=queue_name)


def expression(
    text: str, label: str | None, *, period_seconds: int = MINUTE, **metrics: aws_cloudwatch.IMetric
) -> aws_cloudwatch.MathExpression:
    """Return a math expression over metrics, each by its name in the expression."""
    return aws_cloudwatch.MathExpression(
        expression=text, using_metrics=metrics, label=label, period=Duration.seconds(period_seconds)
    )


def node_count(environment: Environment) -> aws_cloudwatch.Metric:
    """Return the number of GPU nodes in each minute."""
    if environment.engine == "ecs":
        return metric(NODES_METRIC, "Maximum", label="nodes", environment=environment.name)
    return metric(NODES_METRIC, "Sum", label="nodes", namespace=log_metrics_namespace(environment.name))


def busy_share(environment: Environment) -> aws_cloudwatch.Metric:
    """Return the share of each minute in which the busiest GPU of the environment worked."""
    return metric(BUSY_METRIC, "Maximum", label="busiest GPU", namespace=log_metrics_namespace(environment.name))


@dataclass(frozen=True)
class RuntimeMetrics:
    """Metrics of one runtime of an environment."""

    environment: str
    runtime: str
    queue_name: str

    def accepted(self) -> aws_cloudwatch.Metric:
        """Return the count of tasks accepted by topic or HTTP."""
        return self._own("TasksAccepted", "Sum", MINUTE, "accepted")

    def finished(self, status: Status, *, period_seconds: int = MINUTE) -> aws_cloudwatch.Metric:
        """Return the count of tasks with this final state. Each task has one callback, which counts it."""
        label = status.value.lower().replace("_", " ")
        return self._own("CallbacksPublished", "Sum", period_seconds, label, status=status.value)

    def of_agents(
        self, name: str, statistic: str, *, period_seconds: int = MINUTE, label: str | None = None
    ) -> aws_cloudwatch.Metric:
        """Return a metric that each agent writes for a task or once a minute."""
        return self._own(name, statistic, period_seconds, label or f"{name} {statistic}")

    def waiting(self) -> aws_cloudwatch.Metric:
        """Return the number of visible messages in the queue."""
        return self._of_queue("ApproximateNumberOfMessagesVisible", "waiting")

    def in_flight(self) -> aws_cloudwatch.Metric:
        """Return the number of messages that replicas have received."""
        return self._of_queue("ApproximateNumberOfMessagesNotVisible", "in flight")

    def oldest_seconds(self) -> aws_cloudwatch.Metric:
        """Return the age of the oldest message, in flight or not."""
        return self._of_queue("ApproximateAgeOfOldestMessage", "age of the oldest")

    def _of_queue(self, name: str, label: str) -> aws_cloudwatch.Metric:
        return of_queue(name, self.queue_name, label=label)

    def _own(
        self, name: str, statistic: str, period_seconds: int, label: str, **dimensions: str
    ) -> aws_cloudwatch.Metric:
        own = {"environment": self.environment, "runtime": self.runtime}
        return metric(name, statistic, period_seconds=period_seconds, label=label, **own, **dimensions)
