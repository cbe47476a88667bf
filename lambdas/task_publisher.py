"""Puts a recorded task on the task topic, from where it reaches the queue of its runtime."""

from contract.record import Record
from contract.routing import task_attributes
from contract.storage import MAX_INLINE_MESSAGE_BYTES, POINTER_SIZE_ATTRIBUTE, encode_pointer
from lambdas.task_bucket import TaskBucket
from lambdas.task_table import TaskTable
from lambdas.topic import Topic


class TaskPublisher:
    """Publishes a record's message and notes it; doing so twice is harmless, since the agent claims a run once."""

    def __init__(self, *, topic: Topic, bucket: TaskBucket, table: TaskTable) -> None:
        self._topic = topic
        self._bucket = bucket
        self._table = table

    def publish(self, record: Record, *, now_ms: int, body: str | None = None) -> None:
        """Publish the message of a waiting run; `body` is the message, if the caller has it at hand."""
        if body is None:
            body = self._bucket.get(record.message_key) if record.message_key else (record.message or "")
        attributes = task_attributes(record)
        # The body is pure ASCII, so characters are bytes.
        if record.message_key and len(body) > MAX_INLINE_MESSAGE_BYTES:
            attributes[POINTER_SIZE_ATTRIBUTE] = str(len(body))
            body = encode_pointer(self._bucket.location(record.message_key))
        self._topic.publish(body, attributes)
        self._table.mark_published(record, now_ms=now_ms)
