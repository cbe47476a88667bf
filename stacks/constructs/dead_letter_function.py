"""The function that makes a failure of what could not be delivered, so that its sender hears of it."""

from collections.abc import Mapping
from typing import Final

from constructs import Construct

from contract.storage import UNREADABLE_FOLDER
from stacks.constructs.task_function import FunctionPlatform, TaskFunction
from stacks.constructs.task_queue import TaskQueue
from stacks.exports import StorageExports

#: A batch of ten, each with a read, a write and perhaps a publish of some 20 ms, leaves ample room.
DEAD_LETTER_TIMEOUT_SECONDS: Final = 30
BATCH_SIZE: Final = 10


def fail_dead_letters(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    storage: StorageExports,
    retention_seconds: int,
    queues: Mapping[str, TaskQueue],
    completion_topic_arn: str,
    topic_key_arn: str,
) -> TaskFunction:
    """Make the function and connect it with the dead-letter queue of each of `queues`.

    It stands in their stack: a connection from another stack would need an export of each queue, and CloudFormation
    refuses to remove an export in use, so no runtime could ever be taken out of an environment.
    """
    function = TaskFunction(
        scope,
        "FailDeadLetters",
        folder="fail_dead_letters",
        description="Fails the tasks whose messages could not be delivered",
        timeout_seconds=DEAD_LETTER_TIMEOUT_SECONDS,
        settings={
            "TASK_TABLE": storage.table_name,
            "TASK_BUCKET": storage.task_bucket.name,
            "COMPLETION_TOPIC_ARN": completion_topic_arn,
            "RETENTION_SECONDS": str(retention_seconds),
        },
        platform=platform,
    )
    function.allow("dynamodb:GetItem", "dynamodb:UpdateItem", on=[storage.table_arn])
    function.read_objects(
        storage.task_bucket,
        "",
        wildcard_reason="Publishers choose the key of a message that they pass by reference; the bucket is the limit",
    )
    function.allow(
        "s3:PutObject",
        on=[f"{storage.task_bucket.arn}/{UNREADABLE_FOLDER}/*"],
        wildcard_reason="Each message in which no task was recognized is kept under a key of its own",
    )
    function.publish_to(completion_topic_arn, key_arn=topic_key_arn)
    for name, queue in queues.items():
        function.consume(name, queue.dead_letters.queue_arn, batch_size=BATCH_SIZE)
    return function
