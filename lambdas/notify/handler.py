"""Handler of batches from the task table's stream."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from contract.settings import Settings
from lambdas.messaging.topics import SnsTopic
from lambdas.messaging.webhook_queue import SqsWebhookQueue
from lambdas.notify.notifier import Notifier
from lambdas.runtime.clients import client, dynamodb
from lambdas.runtime.observability import logger, observed
from task_store.active_runs import ActiveRuns


class NotifySettings(Settings):
    """Places of callbacks, and the limit of active tasks of a key."""

    completion_topic_arn: str
    webhook_queue_url: str
    task_table: str
    active_tasks_per_key: int | None = None


@cache
def notifier() -> Notifier:
    """Compose the notifier of this process."""
    settings = NotifySettings.from_environment(os.environ)

    runs = ActiveRuns(client=dynamodb(), table_name=settings.task_table)
    return Notifier(
        completion_topic=SnsTopic(client=client("sns"), topic_arn=settings.completion_topic_arn),
        webhooks=SqsWebhookQueue(client=client("sqs"), queue_url=settings.webhook_queue_url),
        release_run=runs.release_run if settings.active_tasks_per_key else None,
    )


@observed
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes its context
    """Publish the callbacks in order, up to the first failure; Lambda continues from that one.

    Lambda repeats every change after a failure, so callbacks published past it would be repeated with every retry.
    """
    for raw in event["Records"]:
        change = DynamoDBRecord(raw).dynamodb
        if change is None:
            continue
        try:
            notifier().notify(change.old_image, change.new_image)
        except Exception:  # noqa: BLE001 - Lambda retries the change, and finally sends it to the failure queue
            logger().exception("callback_not_published", sequence_number=change.sequence_number)
            return {"batchItemFailures": [{"itemIdentifier": change.sequence_number}]}
    return {"batchItemFailures": []}
