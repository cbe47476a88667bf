"""An SQS event source mapping: batches of a queue's messages, deleted if the function processed them."""

import base64
from collections.abc import Sequence
from typing import Any, Final

from local.event_sources.event_source import Threads
from local.event_sources.failures import failed_identifiers
from local.lambda_runtime.function import LambdaFunction

#: Seconds of one long poll. moto wakes a waiting receiver when a message comes, so nothing is gained by less; a stop
#: waits for the poll to end.
_WAIT_SECONDS: Final = 2
#: Messages of one receive call (SQS quotas); Lambda collects larger batches from several.
MAX_BATCH: Final = 10


class QueueEventSource:
    """Receives, invokes, deletes. Failed messages become visible again after the queue's visibility timeout."""

    def __init__(
        self,
        *,
        sqs: Any,
        threads: Threads,
        function: LambdaFunction,
        queue_url: str,
        queue_arn: str,
        batch_size: int,
        reports_items: bool,
    ) -> None:
        self.name = f"event source of queue {queue_arn}"
        self._sqs = sqs
        self._threads = threads
        self._function = function
        self._queue_url = queue_url
        self._queue_arn = queue_arn
        self._batch_size = min(batch_size, MAX_BATCH)
        self._reports_items = reports_items

    async def poll(self) -> None:
        """Process one batch."""
        received = await self._threads.call(
            self._sqs.receive_message,
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=self._batch_size,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        if messages := received.get("Messages", []):
            await self._process(messages)

    async def _process(self, messages: Sequence[dict[str, Any]]) -> None:
        answer = await self._function.invoke({"Records": [self._record(message) for message in messages]})
        identifiers = [message["MessageId"] for message in messages]
        failed = failed_identifiers(answer, identifiers, reports_items=self._reports_items)
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
            if message["MessageId"] not in failed
        ]
        if entries:
            await self._threads.call(self._sqs.delete_message_batch, QueueUrl=self._queue_url, Entries=entries)

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        attributes = message.get("MessageAttributes", {})
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue_arn,
            "awsRegion": self._queue_arn.split(":")[3],
        }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        record["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        record["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return record
