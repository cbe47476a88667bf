"""The functions that see to the end of a task: its callback, and that no task stays in a state for ever."""

import json
from typing import Final

from aws_cdk import Duration, aws_events, aws_events_targets, aws_lambda, aws_sqs
from constructs import Construct

from contract.record import DUE_INDEX, FINAL_STATUSES
from contract.storage import MESSAGE_FOLDER
from stacks.config import Environment, Throttling
from stacks.constructs.acknowledgement import acknowledge
from stacks.constructs.task_function import FunctionPlatform, TaskFunction
from stacks.constructs.task_queue import DeadLetterQueue
from stacks.exports import StorageExports

#: A batch of a hundred callbacks of some 20 ms each, one after the other, takes 2 seconds.
NOTIFY_TIMEOUT_SECONDS: Final = 30
NOTIFY_BATCH_SIZE: Final = 100
#: A record that fails this often is set aside, so that it does not hold up the callbacks behind it. Lambda waits
#: longer from try to try, so an outage of SNS that lasts for minutes is sat out.
NOTIFY_RETRIES: Final = 50
#: The schedule calls again after 60 seconds, and two sweeps at a time would do everything twice.
EXPIRE_TIMEOUT_SECONDS: Final = 50
EXPIRE_INTERVAL_MINUTES: Final = 1


def notify(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    storage: StorageExports,
    throttling: Throttling,
    completion_topic_arn: str,
    topic_key_arn: str,
    webhook_queue: aws_sqs.IQueue,
) -> TaskFunction:
    """Make the function that calls back, fed by the task table's stream with the records that became final."""
    function = TaskFunction(
        scope,
        "Notify",
        folder="notify",
        description="Publishes the callbacks of finished tasks",
        timeout_seconds=NOTIFY_TIMEOUT_SECONDS,
        settings={
            "COMPLETION_TOPIC_ARN": completion_topic_arn,
            "WEBHOOK_QUEUE_URL": webhook_queue.queue_url,
            "TASK_TABLE": storage.table_name,
            "ACTIVE_TASKS_PER_KEY": throttling.active_tasks_setting,
        },
        platform=platform,
    )
    if throttling.active_tasks_per_key:
        function.allow("dynamodb:UpdateItem", on=[storage.table_arn])
    function.publish_to(completion_topic_arn, key_arn=topic_key_arn)
    function.allow(
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        on=[storage.table_stream_arn],
    )
    function.allow(
        "dynamodb:ListStreams", on=["*"], wildcard_reason="Lambda lists streams before it knows one; IAM takes no ARN"
    )
    failures = DeadLetterQueue(scope, "NotifyFailures", visibility_timeout=Duration.seconds(NOTIFY_TIMEOUT_SECONDS))
    acknowledge(failures, "AwsSolutions-SQS3", "It is itself where the function's event source sets failures aside")
    function.allow("sqs:SendMessage", on=[webhook_queue.queue_arn, failures.queue_arn])
    aws_lambda.CfnEventSourceMapping(
        function,
        "TaskTableStream",
        function_name=function.function_name,
        event_source_arn=storage.table_stream_arn,
        starting_position="TRIM_HORIZON",
        batch_size=NOTIFY_BATCH_SIZE,
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=NOTIFY_RETRIES,
        function_response_types=["ReportBatchItemFailures"],
        filter_criteria={"filters": [{"pattern": json.dumps(_became_final())}]},
        destination_config={"onFailure": {"destination": failures.queue_arn}},
    )
    return function


def expire_tasks(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    environment: Environment,
    storage: StorageExports,
    task_topic_arn: str,
    topic_key_arn: str,
) -> TaskFunction:
    """Make the sweep, and the schedule that starts it."""
    function = TaskFunction(
        scope,
        "ExpireTasks",
        folder="expire_tasks",
        description="Settles tasks that nobody looks after any more",
        timeout_seconds=EXPIRE_TIMEOUT_SECONDS,
        settings={
            "TASK_TABLE": storage.table_name,
            "TASK_BUCKET": storage.task_bucket.name,
            "TASK_TOPIC_ARN": task_topic_arn,
            "RETENTION_SECONDS": str(environment.retention_seconds),
        },
        platform=platform,
    )
    function.allow("dynamodb:GetItem", "dynamodb:UpdateItem", on=[storage.table_arn])
    function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{DUE_INDEX}"])
    function.read_objects(
        storage.task_bucket,
        MESSAGE_FOLDER,
        wildcard_reason="The message of a task that was recorded but not published lies under the task's id",
    )
    function.publish_to(task_topic_arn, key_arn=topic_key_arn)
    schedule = aws_events.Schedule.rate(Duration.minutes(EXPIRE_INTERVAL_MINUTES))
    aws_events.Rule(scope, "ExpireSchedule", schedule=schedule, targets=[aws_events_targets.LambdaFunction(function)])
    return function


def _became_final() -> dict[str, object]:
    """Return the pattern of the stream's records that are a task's end; TTL's deletions have no new image."""
    statuses = [status.value for status in FINAL_STATUSES]
    return {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"status": {"S": statuses}}}}
