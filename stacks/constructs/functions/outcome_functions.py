"""Functions that bring each task to an end: callbacks, expiry, and failures of undeliverable messages."""

import json
from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration, aws_lambda, aws_sqs
from constructs import Construct

from contract.record import DUE_INDEX, FINAL_STATUSES
from contract.storage import UNREADABLE_FOLDER
from stacks.constructs.functions.task_function import TaskFunction, TaskResources
from stacks.constructs.messaging.queues import DeadLetterQueue, RedrivingQueue
from stacks.constructs.nag_suppressions import suppress

#: A batch of a hundred callbacks of some 20 ms each, one after the other, takes 2 seconds. In the last 15 seconds the
#: functions begin no further change (`lambdas.messaging.stream_batch`).
STREAM_TIMEOUT_SECONDS: Final = 45
STREAM_BATCH_SIZE: Final = 100
#: Batches of a shard at once. The changes of one task stay in order. A new table has four shards, which makes a
#: thousand callbacks per second, and few executions of a young account while there is little to do.
STREAM_PARALLEL_BATCHES: Final = 5
#: Retries until a record is set aside, because it must not delay the callbacks behind it. Lambda waits longer before
#: each retry, so callbacks survive an outage of SNS that lasts for minutes.
STREAM_RETRIES: Final = 50
#: The schedule calls again after 60 seconds. Two concurrent runs would do all work twice.
EXPIRE_TIMEOUT_SECONDS: Final = 50
EXPIRE_INTERVAL_MINUTES: Final = 1
#: A batch of ten, each with a read, a write and perhaps a publish of some 20 ms, leaves ample room.
DEAD_LETTER_TIMEOUT_SECONDS: Final = 30
DEAD_LETTER_BATCH_SIZE: Final = 10
#: Concurrent calls for each queue, so that many dead letters leave executions for the HTTP API.
DEAD_LETTER_MAX_CONCURRENCY: Final = 5


def notify(scope: Construct, resources: TaskResources, *, webhook_queue: aws_sqs.IQueue) -> TaskFunction:
    """Create the functions that publish callbacks and queue webhooks; return the first.

    Both read the task table's stream, which allows two readers. So webhooks do not wait while SNS refuses callbacks.
    """
    failures = DeadLetterQueue(
        scope, "NotifyFailures", visibility_timeout=Duration.seconds(STREAM_TIMEOUT_SECONDS), has_consumer=False
    )
    suppress(failures, "AwsSolutions-SQS3", "This queue is where the functions' event sources set failures aside")
    function = _stream_function(
        scope,
        resources,
        "Notify",
        folder="notify",
        description="Publishes the callbacks of finished tasks",
        settings=resources.settings("COMPLETION_TOPIC_ARN", "TASK_TABLE", "RETENTION_SECONDS", "ACTIVE_TASKS_PER_KEY"),
        failures=failures,
    )
    function.allow("dynamodb:GetItem", "dynamodb:UpdateItem", on=[resources.storage.table_arn])
    function.publish_to(resources.topics.completion_arn, key_arn=resources.topics.key_arn)
    webhooks = _stream_function(
        scope,
        resources,
        "QueueWebhooks",
        folder="queue_webhooks",
        description="Queues the webhooks of finished tasks",
        settings={"WEBHOOK_QUEUE_URL": webhook_queue.queue_url},
        failures=failures,
        image={"webhook": {"S": [{"exists": True}]}},
    )
    webhooks.allow("sqs:SendMessage", on=[webhook_queue.queue_arn])
    return function


def _stream_function(
    scope: Construct,
    resources: TaskResources,
    id_: str,
    *,
    folder: str,
    description: str,
    settings: Mapping[str, str],
    failures: aws_sqs.IQueue,
    image: Mapping[str, object] | None = None,
) -> TaskFunction:
    """Create a function of the records that became final; `image` restricts them further."""
    function = TaskFunction(
        scope,
        id_,
        folder=folder,
        description=description,
        timeout_seconds=STREAM_TIMEOUT_SECONDS,
        settings={**settings, "FAILURE_QUEUE_URL": failures.queue_url},
        platform=resources.platform,
    )
    stream_arn = resources.storage.table_stream_arn
    function.allow("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", on=[stream_arn])
    function.allow(
        "dynamodb:ListStreams", on=["*"], wildcard_reason="Lambda lists streams before it knows one; IAM takes no ARN"
    )
    function.allow("sqs:SendMessage", on=[failures.queue_arn])
    aws_lambda.CfnEventSourceMapping(
        function,
        "TaskTableStream",
        function_name=function.function_name,
        event_source_arn=stream_arn,
        starting_position="TRIM_HORIZON",
        batch_size=STREAM_BATCH_SIZE,
        parallelization_factor=STREAM_PARALLEL_BATCHES,
        bisect_batch_on_function_error=True,
        maximum_retry_attempts=STREAM_RETRIES,
        function_response_types=["ReportBatchItemFailures"],
        filter_criteria={"filters": [{"pattern": json.dumps(_became_final(image or {}))}]},
        destination_config={"onFailure": {"destination": failures.queue_arn}},
    )
    return function


def expire_tasks(scope: Construct, resources: TaskResources, *, batch_queue: aws_sqs.IQueue) -> TaskFunction:
    """Create the function that finishes abandoned tasks, and its schedule."""
    storage = resources.storage
    function = TaskFunction(
        scope,
        "ExpireTasks",
        folder="expire_tasks",
        description="Finishes tasks that were abandoned or have expired",
        timeout_seconds=EXPIRE_TIMEOUT_SECONDS,
        settings=resources.settings(
            "TASK_TABLE", "TASK_BUCKET", "TASK_TOPIC_ARN", "RETENTION_SECONDS", BATCH_QUEUE_URL=batch_queue.queue_url
        ),
        platform=resources.platform,
    )
    function.allow("dynamodb:GetItem", "dynamodb:UpdateItem", on=[storage.table_arn])
    function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{DUE_INDEX}"])
    resources.allow_publishing(function)
    function.allow("sqs:SendMessage", on=[batch_queue.queue_arn])
    function.schedule(scope, "ExpireSchedule", every_minutes=EXPIRE_INTERVAL_MINUTES)
    return function


def fail_dead_letters(
    scope: Construct, resources: TaskResources, *, queues: Mapping[str, RedrivingQueue]
) -> TaskFunction:
    """Create the function that fails undeliverable tasks, fed by the dead-letter queue of each of `queues`.

    Its stack must be that of the queues. From another stack it would need an export of each queue, and CloudFormation
    refuses to remove an export in use. No runtime could then be removed from an environment.
    """
    storage = resources.storage
    function = TaskFunction(
        scope,
        "FailDeadLetters",
        folder="fail_dead_letters",
        description="Fails the tasks whose messages could not be delivered",
        timeout_seconds=DEAD_LETTER_TIMEOUT_SECONDS,
        settings=resources.settings(
            "TASK_TABLE", "TASK_BUCKET", "COMPLETION_TOPIC_ARN", "RETENTION_SECONDS", "TENANCY"
        ),
        platform=resources.platform,
    )
    function.allow("dynamodb:GetItem", "dynamodb:UpdateItem", on=[storage.table_arn])
    resources.allow_messages_by_reference(function)
    function.allow(
        "s3:PutObject",
        on=[f"{storage.task_bucket.arn}/{UNREADABLE_FOLDER}/*"],
        wildcard_reason="Each message in which no task was recognized is kept under its own key",
    )
    function.publish_to(resources.topics.completion_arn, key_arn=resources.topics.key_arn)
    for name, queue in queues.items():
        function.consume(
            name,
            queue.dead_letters.queue_arn,
            batch_size=DEAD_LETTER_BATCH_SIZE,
            max_concurrency=DEAD_LETTER_MAX_CONCURRENCY,
        )
    return function


def _became_final(image: Mapping[str, object]) -> dict[str, object]:
    """Return the filter of stream records that are a task's end. Deletions by TTL have no new image."""
    statuses = [status.value for status in FINAL_STATUSES]
    return {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"status": {"S": statuses}, **image}}}
