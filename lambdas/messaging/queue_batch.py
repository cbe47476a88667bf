"""Batch from a queue: each message is processed separately, so a failed one does not return the others."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from lambdas.runtime.observability import logger
from task_store.envelope import Delivery, open_envelope


class MessageDeferred(Exception):
    """Raised for a message that cannot be processed yet although nothing failed; the queue delivers it again."""


def process_each(event: dict[str, Any], context: Any, settle: Callable[[Delivery], None]) -> Any:
    """Call `settle` with each message of an SQS event; return the response that lists the failed messages."""

    def settle_record(record: SQSRecord) -> None:
        delivery = open_envelope(record.body, sqs_message_id=record.message_id)
        try:
            settle(delivery)
        except MessageDeferred as reason:
            logger().info("message_deferred", message_id=delivery.message_id, reason=str(reason))
            raise
        except Exception:
            # The batch continues, so only this line explains why the message is delivered again.
            logger().exception("message_failed", message_id=delivery.message_id)
            raise

    # Powertools would raise if every message failed, and the exception would hide the reasons.
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=settle_record, processor=processor, context=context)
