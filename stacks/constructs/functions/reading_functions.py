"""Functions that authorize callers of the HTTP API and show, list and cancel their tasks."""

from collections.abc import Mapping

from aws_cdk import Stack, aws_sqs
from constructs import Construct

from contract.record import ACTIVE_INDEX, RUNTIME_INDEX
from stacks.constructs.functions.task_function import TaskFunction, TaskResources


def read_task(scope: Construct, resources: TaskResources, *, webhook_queue: aws_sqs.IQueue) -> TaskFunction:
    """Create the function that shows, lists and cancels tasks and repeats their webhooks."""
    storage = resources.storage
    names = ("TASK_TABLE", "TASK_BUCKET", "OUTPUT_BUCKET", "RUNTIMES", "RETENTION_SECONDS", "TENANCY", "CORS_ORIGINS")
    function = TaskFunction(
        scope,
        "ReadTask",
        folder="read_task",
        description="Shows, lists and cancels tasks",
        settings=resources.settings(*names, WEBHOOK_QUEUE_URL=webhook_queue.queue_url),
        platform=resources.platform,
    )
    function.allow("dynamodb:GetItem", "dynamodb:UpdateItem", on=[storage.table_arn])
    function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{name}" for name in (RUNTIME_INDEX, ACTIVE_INDEX)])
    resources.allow_unpublished_messages(function)
    function.read_objects(
        storage.output_bucket,
        "",
        wildcard_reason="A presigned link carries its signer's permission, and callers choose the prefix of outputs",
    )
    function.allow("sqs:SendMessage", on=[webhook_queue.queue_arn])
    return function


def authorize(scope: Construct, resources: TaskResources, *, secret_arns: Mapping[str, str]) -> TaskFunction:
    """Create the function that identifies callers; `secret_arns` has each key's secret by the key's name."""
    function = TaskFunction(
        scope,
        "Authorize",
        folder="authorize",
        description="Lets callers with a key into the HTTP API",
        settings={
            "API_KEY_HEADER": resources.environment.api_key_header or "",
            "API_KEY_SECRET_ARNS": Stack.of(scope).to_json_string(dict(secret_arns)),
        },
        platform=resources.platform,
    )
    function.allow("secretsmanager:GetSecretValue", on=list(secret_arns.values()))
    return function
