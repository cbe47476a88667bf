"""Functions that check a submitted task, record it and publish it to its runtime."""

from typing import Final

from constructs import Construct

from contract.record import ACTIVE_INDEX, RUNTIME_INDEX
from contract.storage import CHECKPOINT_FOLDER, MESSAGE_FOLDER
from contract.upload import UPLOAD_FOLDER
from stacks.constructs.functions.task_function import TaskFunction, TaskResources

#: A batch of ten messages, each with some six calls of 20 ms one after the other, leaves ample room.
ROUTE_TIMEOUT_SECONDS: Final = 30
ROUTE_BATCH_SIZE: Final = 10
#: Concurrent calls that a burst on the entry topic may use, so that the HTTP API keeps executions. They route several
#: hundred tasks a second.
ROUTE_MAX_CONCURRENCY: Final = 20
#: Variables of every function that accepts tasks.
SUBMISSION_SETTINGS: Final = (
    "TASK_TABLE",
    "TASK_BUCKET",
    "MODEL_BUCKET",
    "OUTPUT_BUCKET",
    "TASK_TOPIC_ARN",
    "RUNTIMES",
    "RETENTION_SECONDS",
    "ACTIVE_TASKS_PER_KEY",
    "TENANCY",
)


def route_tasks(scope: Construct, resources: TaskResources, *, intake_queue_arn: str) -> TaskFunction:
    """Create the function that accepts tasks from the entry topic."""
    function = TaskFunction(
        scope,
        "RouteTasks",
        folder="route_tasks",
        description="Checks tasks from the entry topic and sends them to their runtime",
        timeout_seconds=ROUTE_TIMEOUT_SECONDS,
        settings=resources.settings(*SUBMISSION_SETTINGS, "COMPLETION_TOPIC_ARN"),
        platform=resources.platform,
    )
    allow_submission(function, resources)
    resources.allow_messages_by_reference(function)
    function.publish_to(resources.topics.task_arn, resources.topics.completion_arn, key_arn=resources.topics.key_arn)
    function.consume("Intake", intake_queue_arn, batch_size=ROUTE_BATCH_SIZE, max_concurrency=ROUTE_MAX_CONCURRENCY)
    return function


def submit_task(scope: Construct, resources: TaskResources) -> TaskFunction:
    """Create the function that accepts tasks over HTTP."""
    function = TaskFunction(
        scope,
        "SubmitTask",
        folder="submit_task",
        description="Checks a task from the HTTP API and sends it to its runtime",
        settings=resources.settings(*SUBMISSION_SETTINGS, "CORS_ORIGINS"),
        platform=resources.platform,
    )
    allow_submission(function, resources)
    resources.allow_publishing(function)
    return function


def comfy_api(scope: Construct, resources: TaskResources) -> TaskFunction:
    """Create the function behind /comfy, which accepts workflows and shows what became of them."""
    storage = resources.storage
    function = TaskFunction(
        scope,
        "ComfyApi",
        folder="comfy_api",
        description="Answers programs that were written for the Comfy API",
        settings=resources.settings(*SUBMISSION_SETTINGS, "CORS_ORIGINS"),
        platform=resources.platform,
    )
    allow_submission(function, resources)
    resources.allow_publishing(function)
    for index in (ACTIVE_INDEX, RUNTIME_INDEX):
        function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{index}"])
    function.allow(
        "s3:PutObject",
        "s3:DeleteObject",
        on=[f"{storage.task_bucket.arn}/{UPLOAD_FOLDER}/*"],
        wildcard_reason="Each upload has its own name, and its sender may remove it",
    )
    return function


def create_upload(scope: Construct, resources: TaskResources) -> TaskFunction:
    """Create the function that signs uploads of inputs that are too large for a request."""
    function = TaskFunction(
        scope,
        "CreateUpload",
        folder="create_upload",
        description="Signs forms with which callers upload input pictures",
        settings=resources.settings("TASK_BUCKET", "TENANCY", "CORS_ORIGINS"),
        platform=resources.platform,
    )
    function.allow(
        "s3:PutObject",
        on=[f"{resources.storage.task_bucket.arn}/{UPLOAD_FOLDER}/*"],
        wildcard_reason="A presigned form carries its signer's permission, and each upload has its own name",
    )
    return function


def allow_submission(function: TaskFunction, resources: TaskResources) -> None:
    """Allow a function to check and to record tasks."""
    storage = resources.storage
    if resources.environment.throttling.active_tasks_per_key:
        function.allow("dynamodb:BatchGetItem", on=[storage.table_arn])
    function.allow("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=[storage.table_arn])
    function.allow(
        "s3:PutObject",
        on=[f"{storage.task_bucket.arn}/{MESSAGE_FOLDER}/*"],
        wildcard_reason="A message too large for a topic is stored under the id of its task",
    )
    allow_checks(function, resources)


def allow_checks(function: TaskFunction, resources: TaskResources) -> None:
    """Allow a function to look up what requests name: uploads, outputs and checkpoints."""
    storage = resources.storage
    function.read_objects(
        storage.task_bucket, UPLOAD_FOLDER, wildcard_reason="The request names the uploads whose owner is checked"
    )
    function.read_objects(
        storage.output_bucket,
        "",
        wildcard_reason="Requests link outputs, whose owner is checked, and callers choose the prefix of outputs",
    )
    function.allow(
        "s3:PutObjectTagging",
        on=[f"{storage.task_bucket.arn}/{UPLOAD_FOLDER}/*", f"{storage.output_bucket.arn}/*"],
        wildcard_reason="A tag marks the uploads and outputs that a request links, for the replicas' role",
    )
    function.read_objects(
        storage.model_bucket,
        CHECKPOINT_FOLDER,
        wildcard_reason="The request names the checkpoint whose existence is checked",
    )
