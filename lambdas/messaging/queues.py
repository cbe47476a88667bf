"""Queues that functions fill: webhooks, batches that continue, and changes that no repetition can settle."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from contract.batch import Ended
from contract.webhook import encode_webhook

#: Message attribute of a webhook that is sent again: the attempts that earlier messages were for.
ATTEMPTS: Final = "attempts"


class BatchQueue(Protocol):
    """Interface of the queue of the batches whose tasks must be submitted or cancelled."""

    def send(self, key: str, /, *, delay_seconds: int = 0) -> None:
        """Let the batch with this key continue."""


class SqsQueue:
    """A queue in SQS."""

    def __init__(self, *, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, body: str, *, delay_seconds: int = 0) -> None:
        """Send a message; a message of the queue of batches is the key of a batch."""
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay_seconds)

    def send_webhook(self, record: Ended) -> None:
        """Send the webhook of a final record or batch; one without a webhook is ignored.

        The queue is fair: a sender with thousands of waiting messages does not delay the other senders.
        """
        if record.webhook:
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=encode_webhook(record),
                MessageGroupId=record.sender,
            )

    def repeat_webhook(self, body: str, *, sender: str, attempts: int, delay_seconds: int = 0) -> None:
        """Send the message of a webhook again, after the `attempts` that were made."""
        self._client.send_message(
            QueueUrl=self._queue_url,
            MessageBody=body,
            MessageGroupId=sender,
            MessageAttributes={ATTEMPTS: {"DataType": "Number", "StringValue": str(attempts)}},
            DelaySeconds=delay_seconds,
        )


def webhook_attempts(message: Mapping[str, Any]) -> int:
    """Return the number of attempts that a received webhook has had, with the one that it was received for."""
    earlier = message["messageAttributes"].get(ATTEMPTS, {"stringValue": "0"})
    return int(earlier["stringValue"]) + int(message["attributes"]["ApproximateReceiveCount"])
