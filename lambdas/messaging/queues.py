"""Queues that functions fill: webhooks, batches that continue, and changes that no repetition can settle."""

from typing import Any, Protocol

from contract.batch import Ended
from contract.webhook import encode_webhook


class SqsWebhookQueue:
    """Fair queue in SQS: a sender with thousands of waiting messages does not delay the other senders."""

    def __init__(self, *, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, record: Ended) -> None:
        """Send the webhook of a final record or batch; one without a webhook is ignored."""
        if record.webhook:
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=encode_webhook(record),
                MessageGroupId=record.sender,
            )


class BatchQueue(Protocol):
    """Interface of the queue of the batches whose tasks must be submitted or cancelled."""

    def send(self, key: str, *, delay_seconds: int = 0) -> None:
        """Let the batch with this key continue."""


class SqsBatchQueue:
    """A queue in SQS. A message is the key of a batch."""

    def __init__(self, *, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, key: str, *, delay_seconds: int = 0) -> None:
        """Let the batch with this key continue."""
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=key, DelaySeconds=delay_seconds)


def send(client: Any, queue_url: str, body: str) -> None:
    """Send a message to a queue that is not fair."""
    client.send_message(QueueUrl=queue_url, MessageBody=body)
