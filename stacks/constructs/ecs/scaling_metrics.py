"""Function that measures queues and services for ECS scaling. CloudWatch's own metrics come late, or not while 0."""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Aws, Stack
from constructs import Construct

from stacks.constructs.functions.task_function import METRICS_NAMESPACE, FunctionPlatform, TaskFunction
from stacks.exports import QueueReference

#: The schedule calls again after 60 seconds; a measurement takes less than one.
MEASURE_TIMEOUT_SECONDS: Final = 50
#: A metric's shortest period in an alarm that starts a scaling policy.
MEASURE_INTERVAL_MINUTES: Final = 1


def publish_scaling_metrics(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    cluster_name: str,
    queues: Mapping[str, QueueReference],
    services: Mapping[str, Sequence[str]],
) -> TaskFunction:
    """Create the function that writes the scaling metrics, and its schedule.

    Args:
        scope: Stack of the function.
        platform: Properties that all functions share.
        cluster_name: Cluster of the services.
        queues: Queue of each runtime, by the runtime's name.
        services: Names of the services of each runtime.
    """
    stack = Stack.of(scope)
    function = TaskFunction(
        scope,
        "MeasureFleet",
        folder="publish_scaling_metrics",
        description="Measures queues and services, for their scaling",
        timeout_seconds=MEASURE_TIMEOUT_SECONDS,
        settings={
            "CLUSTER": cluster_name,
            "QUEUES": stack.to_json_string({runtime: queue.url for runtime, queue in queues.items()}),
            "SERVICES": stack.to_json_string({runtime: list(names) for runtime, names in services.items()}),
        },
        platform=platform,
    )
    function.allow("sqs:GetQueueAttributes", on=[queue.arn for queue in queues.values()])
    of_ecs = f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}"
    names = [name for of_runtime in services.values() for name in of_runtime]
    function.allow("ecs:DescribeServices", on=[f"{of_ecs}:service/{cluster_name}/{name}" for name in names])
    function.allow("ecs:DescribeClusters", on=[f"{of_ecs}:cluster/{cluster_name}"])
    function.allow(
        "cloudwatch:PutMetricData",
        on=["*"],
        wildcard_reason="CloudWatch takes no ARN; the condition on the namespace is the limit",
        conditions={"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}},
    )
    function.schedule(scope, "MeasureSchedule", every_minutes=MEASURE_INTERVAL_MINUTES)
    return function
