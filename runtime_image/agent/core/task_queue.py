"""The runtime's SQS queue, from which tasks come, and the receipt of each message."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypedDict

from runtime_image.agent.core.errors import MessageNotInFlight
from runtime_image.process.aws import error_code
from runtime_image.process.clock import Clock

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

from botocore.exceptions import ClientError

#: Seconds of one long poll. SQS allows 20, but a poll cannot be called back. On SIGTERM an idle agent waits for its
#: end, because a message that SQS sends to a closed connection stays invisible for the whole visibility timeout. One
#: second costs about 7 cents a day with the queue of low priority, and keeps the stop within two.
POLL_SECONDS: Final = 1
#: Seconds; SQS's limit for a visibility timeout.
MAX_VISIBILITY_SECONDS: Final = 43_200

#: Before the receipt handles of the queue of low priority; SQS's own have no colon.
LOW_PRIORITY_MARK: Final = "low:"

#: Codes with which SQS says that a message is visible again, deleted, or has used up its 12 hours.
_LOST_CODES: Final = frozenset(
    {
        "ReceiptHandleIsInvalid",
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
        "InvalidParameterValue",
    }
)


@dataclass(frozen=True)
class ReceivedMessage:
    """One delivery of a message."""

    message_id: str
    receipt_handle: str
    body: str
    #: Number of its deliveries, this one included.
    receive_count: int
    #: Monotonic seconds at which it arrived here.
    received_at: float
    #: The sender's trace, as X-Ray writes it; empty without one.
    trace_header: str = ""


class _MessageReference(TypedDict):
    QueueUrl: str
    ReceiptHandle: str


@dataclass(kw_only=True, eq=False)
class TaskQueue:
    """The queue of one runtime, and the queue of its tasks of low priority, if the runtime has one.

    The second is polled only when the first is empty. Receipt handles of the second bear a mark, so that every later
    call finds the queue of a message by its handle alone.
    """

    client: "SQSClient"
    queue_url: str
    visibility_timeout_seconds: int
    clock: Clock
    low_priority_queue_url: str | None = None

    def receive(self, count: int) -> tuple[ReceivedMessage, ...]:
        """Wait a moment for up to `count` messages; those of low priority come when there are no others."""
        found = self._receive(self.queue_url, count, wait_seconds=POLL_SECONDS)
        if found or self.low_priority_queue_url is None:
            return found
        return self._receive(self.low_priority_queue_url, count, wait_seconds=0, mark=LOW_PRIORITY_MARK)

    def _receive(self, queue_url: str, count: int, *, wait_seconds: int, mark: str = "") -> tuple[ReceivedMessage, ...]:
        answer = self.client.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait_seconds,
            # The agent's own setting, so that lease and visibility agree whatever the queue's attribute says.
            VisibilityTimeout=self.visibility_timeout_seconds,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "AWSTraceHeader"],
        )
        now = self.clock.monotonic()
        return tuple(
            ReceivedMessage(
                message_id=message.get("MessageId", ""),
                receipt_handle=mark + message["ReceiptHandle"],
                body=message.get("Body", ""),
                receive_count=int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1")),
                received_at=now,
                trace_header=message.get("Attributes", {}).get("AWSTraceHeader", ""),
            )
            for message in answer.get("Messages", ())
        )

    def extend(self, receipt_handle: str) -> None:
        """Hide a message for another visibility timeout; raises MessageNotInFlight if it is visible or deleted."""
        self._change_visibility(receipt_handle, self.visibility_timeout_seconds)

    def requeue(self, receipt_handle: str, delay_seconds: float = 0) -> None:
        """Make a message visible again after a delay; a message that is gone already is no error."""
        try:
            self._change_visibility(receipt_handle, min(math.ceil(delay_seconds), MAX_VISIBILITY_SECONDS))
        except MessageNotInFlight:
            return

    def delete(self, receipt_handle: str) -> None:
        """Delete a message; a message that is gone already is no error."""
        try:
            self.client.delete_message(**self._reference(receipt_handle))
        except ClientError as error:
            if error_code(error) not in _LOST_CODES:
                raise

    def _change_visibility(self, receipt_handle: str, seconds: int) -> None:
        try:
            self.client.change_message_visibility(**self._reference(receipt_handle), VisibilityTimeout=seconds)
        except ClientError as error:
            if error_code(error) in _LOST_CODES:
                raise MessageNotInFlight(error_code(error)) from error
            raise

    def _reference(self, receipt_handle: str) -> _MessageReference:
        handle = receipt_handle.removeprefix(LOW_PRIORITY_MARK)
        low_priority_url = self.low_priority_queue_url if handle != receipt_handle else None
        return {"QueueUrl": low_priority_url or self.queue_url, "ReceiptHandle": handle}
