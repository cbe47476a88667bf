"""Called with batches of the task table's stream."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

from lambdas.clients import client
from lambdas.notify.notifying import Notifier
from lambdas.notify.settings import NotifySettings
from lambdas.observability import logger, observed
from lambdas.topic import SnsTopic


@cache
def notifier() -> Notifier:
    """Compose the notifier of this process."""
    settings = NotifySettings.from_environment(os.environ)
    return Notifier(completion_topic=SnsTopic(client=client("sns"), topic_arn=settings.completion_topic_arn))


def notify(record: DynamoDBRecord) -> None:
    """Settle one change."""
    change = record.dynamodb
    try:
        if change:
            notifier().notify(change.old_image, change.new_image)
    except Exception:
        # The batch goes on; without this line nobody would learn why the change comes again.
        logger().exception("callback_not_published")
        raise


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Publish each callback; the stream goes on from the first change that could not be settled."""
    processor = BatchProcessor(event_type=EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=notify, processor=processor, context=context)
