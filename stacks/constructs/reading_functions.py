"""The functions through which callers of the HTTP API are let in and look after their tasks."""

from collections.abc import Mapping

from aws_cdk import Stack, aws_sqs
from constructs import Construct

from contract.record import RUNTIME_INDEX
from stacks.config import Environment
from stacks.constructs.submission_functions import HTTP_TIMEOUT_SECONDS
from stacks.constructs.task_function import FunctionPlatform, TaskFunction
from stacks.exports import StorageExports


def read_task(
    scope: Construct,
    *,
    platform: FunctionPlatform,
    environment: Environment,
    storage: StorageExports,
    webhook_queue: aws_sqs.IQueue,
) -> TaskFunction:
    """Make the function that shows, lists and cancels tasks, and has their webhooks called again."""
    function = TaskFunction(
        scope,
        "ReadTask",
        folder="read_task",
        description="Shows, lists and cancels tasks",
        timeout_seconds=HTTP_TIMEOUT_SECONDS,
        settings={
            "TASK_TABLE": storage.table_name,
            "OUTPUT_BUCKET": storage.output_bucket.name,
            "WEBHOOK_QUEUE_URL": webhook_queue.queue_url,
            "RUNTIMES": environment.catalogue_json,
            "RETENTION_SECONDS": str(environment.retention_seconds),
        },
        platform=platform,
    )
    function.allow("dynamodb:GetItem", "dynamodb:UpdateItem", on=[storage.table_arn])
    function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{RUNTIME_INDEX}"])
    function.read_objects(
        storage.output_bucket,
        "",
        wildcard_reason="A presigned link carries the right of its signer, and callers choose the prefix of outputs",
    )
    function.allow("sqs:SendMessage", on=[webhook_queue.queue_arn])
    return function


def authorize(scope: Construct, *, platform: FunctionPlatform, secret_arns: Mapping[str, str]) -> TaskFunction:
    """Make the function that tells by its key who calls; `secret_arns` has the secret of each key by its name."""
    function = TaskFunction(
        scope,
        "Authorize",
        folder="authorize",
        description="Lets callers with a key into the HTTP API",
        timeout_seconds=HTTP_TIMEOUT_SECONDS,
        settings={"API_KEY_SECRET_ARNS": Stack.of(scope).to_json_string(dict(secret_arns))},
        platform=platform,
    )
    function.allow("secretsmanager:GetSecretValue", on=list(secret_arns.values()))
    return function
