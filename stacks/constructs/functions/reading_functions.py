"""Functions that authorize callers of the HTTP API, show, list and cancel their tasks, and describe the fleet."""

from collections.abc import Mapping

from aws_cdk import Stack, aws_sqs
from constructs import Construct

from contract.record import ACTIVE_INDEX, RUNTIME_INDEX
from contract.storage import WEBUI_FOLDER
from stacks.config import Environment
from stacks.config.price_table import PriceTable, ReplicaPrice
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


def read_fleet(scope: Construct, resources: TaskResources, *, webhook_dead_letters: aws_sqs.IQueue) -> TaskFunction:
    """Create the function behind /v1alpha2/runtimes and /v1alpha2/fleet."""
    storage = resources.storage
    names = ("TASK_TABLE", "TASK_BUCKET", "MODEL_BUCKET", "RUNTIMES", "RETENTION_SECONDS", "TENANCY", "CORS_ORIGINS")
    function = TaskFunction(
        scope,
        "ReadFleet",
        folder="read_fleet",
        description="Describes the runtimes and the fleet",
        settings=resources.settings(
            *names,
            ENGINE=resources.environment.engine,
            REPLICA_PRICES=Stack.of(scope).to_json_string(replica_prices(resources.environment)),
            WEBHOOK_DEAD_LETTER_QUEUE_URL=webhook_dead_letters.queue_url,
        ),
        platform=resources.platform,
    )
    function.allow("dynamodb:GetItem", on=[storage.table_arn])
    function.allow("dynamodb:Query", on=[f"{storage.table_arn}/index/{name}" for name in (RUNTIME_INDEX, ACTIVE_INDEX)])
    function.allow("s3:ListBucket", on=[storage.model_bucket.arn])
    function.read_objects(storage.task_bucket, WEBUI_FOLDER, wildcard_reason="Lists lie under their runtime")
    function.allow("sqs:GetQueueAttributes", on=[webhook_dead_letters.queue_arn])
    function.allow(
        "cloudwatch:GetMetricData", on=["*"], wildcard_reason="CloudWatch knows no ARN of metrics to name here"
    )
    return function


def replica_prices(environment: Environment) -> list[dict[str, object]]:
    """Return each price of a replica with its runtimes. Most share one, and 4 KB hold all variables of a function."""
    table = PriceTable.load()
    runtimes: dict[ReplicaPrice, list[str]] = {}
    for runtime in environment.runtimes:
        if price := table.of_replica(runtime, environment.region or ""):
            runtimes.setdefault(price, []).append(runtime.name)
    return [{**price.model_dump(), "runtimes": names} for price, names in runtimes.items()]
