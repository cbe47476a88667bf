"""Publisher of recorded tasks: puts a task on the task topic, which fills the queue of its runtime."""

from contract.record import Record
from contract.routing import task_attributes
from contract.storage import MAX_INLINE_MESSAGE_BYTES, POINTER_SIZE_ATTRIBUTE, encode_pointer
from lambdas.messaging.topics import Topic
from lambdas.tasks.stored_message import message_body
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket


class TaskPublisher:
    """Publishes a record's message and records it; a repetition is harmless, because an agent claims a run once."""

    def __init__(self, *, topic: Topic, bucket: TaskBucket, repository: TaskRepository) -> None:
        self._topic = topic
        self._bucket = bucket
        self._repository = repository

    def publish(self, record: Record, *, body: str | None = None) -> None:
        """Publish the message of a waiting run; `body` saves the read of a message that the caller has."""
        if body is None:
            body = message_body(record, bucket=self._bucket)
        attributes = task_attributes(record)
        # The body is pure ASCII, so characters are bytes.
        if record.message_key and len(body) > MAX_INLINE_MESSAGE_BYTES:
            attributes[POINTER_SIZE_ATTRIBUTE] = str(len(body))
            body = encode_pointer(self._bucket.location(record.message_key))
        self._topic.publish(body, attributes, group=record.sender)
        self._repository.mark_published(record)
