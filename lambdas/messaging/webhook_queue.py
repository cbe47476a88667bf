"""Queue of webhooks, filled when a task ends or a caller asks for another delivery."""

from typing import Any, Protocol

from contract.batch import Ended
from contract.webhook import encode_webhook


class WebhookQueue(Protocol):
    """Interface of the webhook queue."""

    def send(self, record: Ended) -> None:
        """Send the webhook of a final record or batch; one without a webhook is ignored."""


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


def send(client: Any, queue_url: str, body: str) -> None:
    """Send a message to a queue that is not fair."""
    client.send_message(QueueUrl=queue_url, MessageBody=body)
