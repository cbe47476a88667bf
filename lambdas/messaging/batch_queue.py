"""Queue of the batches that continue: their tasks must be submitted or cancelled."""

from typing import Any, Protocol


class BatchQueue(Protocol):
    """Interface of the queue of batches."""

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
