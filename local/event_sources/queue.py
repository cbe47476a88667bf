"""SQS event source: batches of a queue's messages, deleted if the function processed them."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from local.event_sources.event_source import failed_identifiers
from local.lambda_runtime.function import LambdaFunction

#: Seconds of one long poll. moto wakes a waiting receiver when a message comes, so a shorter poll gains no time. A stop
#: waits for the poll to end.
_WAIT_SECONDS: Final = 2
#: Messages of one receive call (SQS quotas); Lambda collects larger batches from several.
MAX_BATCH: Final = 10


@dataclass(frozen=True, kw_only=True)
class QueueEventSource:
    """Receives, invokes, deletes. Failed messages become visible again after the queue's visibility timeout."""

    sqs: Any
    function: LambdaFunction
    queue_url: str
    queue_arn: str
    batch_size: int
    reports_items: bool

    @property
    def name(self) -> str:
        """The name in the log."""
        return f"event source of queue {self.queue_arn}"

    async def poll(self) -> None:
        """Process one batch."""
        received = await asyncio.to_thread(
            self.sqs.receive_message,
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=min(self.batch_size, MAX_BATCH),
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        if messages := received.get("Messages", []):
            await self._process(messages)

    async def _process(self, messages: Sequence[dict[str, Any]]) -> None:
        answer = await self.function.invoke({"Records": [self._record(message) for message in messages]})
        identifiers = [message["MessageId"] for message in messages]
        failed = failed_identifiers(answer, identifiers, reports_items=self.reports_items)
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages)
            if message["MessageId"] not in failed
        ]
        if entries:
            await asyncio.to_thread(self.sqs.delete_message_batch, QueueUrl=self.queue_url, Entries=entries)

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
            "eventSourceARN": self.queue_arn,
            "awsRegion": self.queue_arn.split(":")[3],
        }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        record["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        record["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return record
