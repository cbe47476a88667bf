"""Queue of webhooks, filled when a task ends or a caller asks for another delivery."""

from typing import Any, Protocol

from contract.record import Record
from contract.webhook import encode_webhook, endpoint_group


class WebhookQueue(Protocol):
    """What senders need of the queue."""

    def send(self, record: Record) -> None:
        """Have the webhook of a final record delivered."""


class SqsWebhookQueue:
    """A fair queue: an endpoint with thousands of waiting messages does not keep those of the others waiting."""

    def __init__(self, *, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, record: Record) -> None:
        """Have the webhook of a final record delivered; a record without one is left alone."""
        if record.webhook:
            self._client.send_message(
                QueueUrl=self._queue_url,
                MessageBody=encode_webhook(record),
                MessageGroupId=endpoint_group(record.webhook),
            )
