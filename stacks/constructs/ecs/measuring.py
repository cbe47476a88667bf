"""The function that measures what scaling is reckoned from, and the schedule that starts it."""

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Aws, Duration, Stack, aws_events, aws_events_targets
from constructs import Construct

from stacks.constructs.task_function import METRICS_NAMESPACE, FunctionPlatform, TaskFunction
from stacks.exports import QueueReference

#: The schedule calls again after 60 seconds; a measurement takes less than one.
MEASURE_TIMEOUT_SECONDS: Final = 50
#: A metric's shortest period in an alarm that starts a scaling policy.
MEASURE_INTERVAL_MINUTES: Final = 1


def measure_fleet(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    cluster_name: str,
    queues: Mapping[str, QueueReference],
    services: Sequence[str],
) -> TaskFunction:
    """Make the function.

    Args:
        scope: Its stack.
        platform: What all functions have in common.
        cluster_name: The cluster of the services.
        queues: The queue of each runtime, by the runtime's name.
        services: Names of all services.
    """
    stack = Stack.of(scope)
    function = TaskFunction(
        scope,
        "MeasureFleet",
        folder="measure_fleet",
        description="Measures queues and services, for their scaling",
        timeout_seconds=MEASURE_TIMEOUT_SECONDS,
        settings={
            "CLUSTER": cluster_name,
            "QUEUES": stack.to_json_string({runtime: queue.url for runtime, queue in queues.items()}),
            "SERVICES": stack.to_json_string(list(services)),
        },
        platform=platform,
    )
    function.allow("sqs:GetQueueAttributes", on=[queue.arn for queue in queues.values()])
    of_cluster = f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}:service/{cluster_name}"
    function.allow("ecs:DescribeServices", on=[f"{of_cluster}/{service}" for service in services])
    function.allow(
        "cloudwatch:PutMetricData",
        on=["*"],
        wildcard_reason="CloudWatch takes no ARN; the condition on the namespace is the limit",
        conditions={"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}},
    )
    schedule = aws_events.Schedule.rate(Duration.minutes(MEASURE_INTERVAL_MINUTES))
    aws_events.Rule(scope, "MeasureSchedule", schedule=schedule, targets=[aws_events_targets.LambdaFunction(function)])
    return function
