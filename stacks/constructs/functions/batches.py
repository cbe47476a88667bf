"""Batches: the function that answers requests about them, their queue, and the function that submits their tasks."""

from typing import Final

from aws_cdk import aws_sqs
from constructs import Construct

from contract.record import RUNTIME_INDEX
from contract.storage import BATCH_FOLDER
from stacks.constructs.functions.submission_functions import (
    SUBMISSION_SETTINGS,
    allow_checks,
    allow_submission,
)
from stacks.constructs.functions.task_function import TaskFunction, TaskResources, queue_visibility_timeout
from stacks.constructs.messaging.queues import RedrivingQueue

#: Some 200 tasks of six calls each, and 15 seconds in which the function begins no further task.
ADVANCE_TIMEOUT_SECONDS: Final = 50
#: Batches that advance at once, so that the HTTP API keeps executions.
ADVANCE_MAX_CONCURRENCY: Final = 5
#: Deliveries of a batch before it is a dead letter. The task reaper sends the batch again.
MAX_RECEIVES: Final = 5


class Batches(RedrivingQueue):
    """`queue` receives the batches that continue. `api` answers requests."""

    def __init__(self, scope: Construct, id_: str, *, resources: TaskResources) -> None:
        super().__init__(
            scope,
            id_,
            visibility_timeout=queue_visibility_timeout(ADVANCE_TIMEOUT_SECONDS),
            max_receives=MAX_RECEIVES,
        )
        self.api = _batch_api(scope, resources, self.queue)
        _advance_batches(scope, resources, self.queue)


def _batch_api(scope: Construct, resources: TaskResources, queue: aws_sqs.IQueue) -> TaskFunction:
    storage = resources.storage
    names = ("TASK_TABLE", "TASK_BUCKET", "MODEL_BUCKET", "OUTPUT_BUCKET", "RUNTIMES", "RETENTION_SECONDS", "TENANCY")
    function = TaskFunction(
        scope,
        "BatchApi",
        folder="batch_api",
        description="Accepts, shows, cancels and retries batches of tasks",
        settings=resources.settings(*names, "CORS_ORIGINS", BATCH_QUEUE_URL=queue.queue_url),
        platform=resources.platform,
    )
    function.allow("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", on=[storage.table_arn])
    function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{RUNTIME_INDEX}"])
    allow_checks(function, resources)
    function.allow(
        "s3:PutObject",
        on=[f"{storage.task_bucket.arn}/{BATCH_FOLDER}/*"],
        wildcard_reason="The tasks of a batch are stored under the id of the batch",
    )
    _read_tasks(function, resources)
    function.allow("sqs:SendMessage", on=[queue.queue_arn])
    return function


def _advance_batches(scope: Construct, resources: TaskResources, queue: aws_sqs.IQueue) -> None:
    function = TaskFunction(
        scope,
        "AdvanceBatches",
        folder="advance_batches",
        description="Submits and cancels the tasks of batches",
        timeout_seconds=ADVANCE_TIMEOUT_SECONDS,
        settings=resources.settings(*SUBMISSION_SETTINGS, BATCH_QUEUE_URL=queue.queue_url),
        platform=resources.platform,
    )
    allow_submission(function, resources)
    resources.allow_unpublished_messages(function)
    _read_tasks(function, resources)
    function.publish_to(resources.topics.task_arn, key_arn=resources.topics.key_arn)
    function.allow("sqs:SendMessage", on=[queue.queue_arn])
    function.consume("Batches", queue.queue_arn, batch_size=1, max_concurrency=ADVANCE_MAX_CONCURRENCY)


def _read_tasks(function: TaskFunction, resources: TaskResources) -> None:
    function.read_objects(
        resources.storage.task_bucket,
        BATCH_FOLDER,
        wildcard_reason="The tasks of a batch are stored under the id of the batch",
    )
