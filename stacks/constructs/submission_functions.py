"""The functions through which a task gets in: they check it, record it, and publish it to its runtime."""

from typing import Final

from constructs import Construct

from contract.storage import CHECKPOINT_FOLDER, MESSAGE_FOLDER
from contract.upload import UPLOAD_FOLDER
from stacks.config import Environment, Throttling
from stacks.constructs.task_function import FunctionPlatform, TaskFunction
from stacks.exports import StorageExports

#: A batch of ten messages, each with some six calls of 20 ms one after the other, leaves ample room.
ROUTE_TIMEOUT_SECONDS: Final = 30
ROUTE_BATCH_SIZE: Final = 10
#: API Gateway gives up after 29 seconds; a function that went on would answer nobody.
HTTP_TIMEOUT_SECONDS: Final = 28


def route_tasks(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    environment: Environment,
    storage: StorageExports,
    intake_queue_arn: str,
    task_topic_arn: str,
    completion_topic_arn: str,
    topic_key_arn: str,
) -> TaskFunction:
    """Make the function that takes what the entry topic brings."""
    function = TaskFunction(
        scope,
        "RouteTasks",
        folder="route_tasks",
        description="Checks tasks from the entry topic and sends them to their runtime",
        timeout_seconds=ROUTE_TIMEOUT_SECONDS,
        settings={
            **submission_settings(environment, storage, task_topic_arn),
            "COMPLETION_TOPIC_ARN": completion_topic_arn,
        },
        platform=platform,
    )
    allow_submission(function, storage, environment.throttling)
    function.read_objects(
        storage.task_bucket,
        "",
        wildcard_reason="Publishers choose the key of a message that they pass by reference; the bucket is the limit",
    )
    function.publish_to(task_topic_arn, completion_topic_arn, key_arn=topic_key_arn)
    function.consume("Intake", intake_queue_arn, batch_size=ROUTE_BATCH_SIZE)
    return function


def submit_task(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    environment: Environment,
    storage: StorageExports,
    task_topic_arn: str,
    topic_key_arn: str,
) -> TaskFunction:
    """Make the function behind POST of a task."""
    function = TaskFunction(
        scope,
        "SubmitTask",
        folder="submit_task",
        description="Checks a task from the HTTP API and sends it to its runtime",
        timeout_seconds=HTTP_TIMEOUT_SECONDS,
        settings=submission_settings(environment, storage, task_topic_arn),
        platform=platform,
    )
    allow_submission(function, storage, environment.throttling)
    function.read_objects(
        storage.task_bucket,
        MESSAGE_FOLDER,
        wildcard_reason="The message of a task that was recorded but not published lies under the task's id",
    )
    function.publish_to(task_topic_arn, key_arn=topic_key_arn)
    return function


def create_upload(scope: Construct, *, platform: FunctionPlatform, storage: StorageExports) -> TaskFunction:
    """Make the function that lets callers upload what is too large for a request."""
    function = TaskFunction(
        scope,
        "CreateUpload",
        folder="create_upload",
        description="Signs forms with which callers upload input pictures",
        timeout_seconds=HTTP_TIMEOUT_SECONDS,
        settings={"TASK_BUCKET": storage.task_bucket.name},
        platform=platform,
    )
    function.allow(
        "s3:PutObject",
        on=[f"{storage.task_bucket.arn}/{UPLOAD_FOLDER}/*"],
        wildcard_reason="A presigned form carries the right of its signer, and each upload has a name of its own",
    )
    return function


def submission_settings(environment: Environment, storage: StorageExports, task_topic_arn: str) -> dict[str, str]:
    """Return the variables of every function that takes tasks in."""
    return {
        "TASK_TABLE": storage.table_name,
        "TASK_BUCKET": storage.task_bucket.name,
        "MODEL_BUCKET": storage.model_bucket.name,
        "OUTPUT_BUCKET": storage.output_bucket.name,
        "TASK_TOPIC_ARN": task_topic_arn,
        "RUNTIMES": environment.catalogue_json,
        "RETENTION_SECONDS": str(environment.retention_seconds),
        "ACTIVE_TASKS_PER_KEY": environment.throttling.active_tasks_setting,
    }


def allow_submission(function: TaskFunction, storage: StorageExports, throttling: Throttling) -> None:
    """Let a function look at checkpoints, and record tasks."""
    if throttling.active_tasks_per_key:
        function.allow("dynamodb:BatchGetItem", on=[storage.table_arn])
    function.allow("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=[storage.table_arn])
    function.allow(
        "s3:PutObject",
        on=[f"{storage.task_bucket.arn}/{MESSAGE_FOLDER}/*"],
        wildcard_reason="A message too large for a topic is stored under the id of its task",
    )
    function.read_objects(
        storage.model_bucket,
        CHECKPOINT_FOLDER,
        wildcard_reason="Whether a checkpoint exists is asked by the name in the request",
    )
