"""Message of a recorded task: in its record, or in the task bucket if it is large."""

from typing import Any

from contract.json_values import parse_json_object
from contract.message import TaskMessage
from contract.record import Record
from contract.storage import MAX_RECORD_MESSAGE_BYTES, message_key
from contract.task import Metadata
from task_store.task_bucket import TaskBucket


def message_body(record: Record, *, bucket: TaskBucket) -> str:
    """Return the body of a task's message; raises MessageLost if it is no longer stored."""
    return bucket.get(record.message_key) if record.message_key else record.message or ""


def stored_message(record: Record, *, bucket: TaskBucket) -> TaskMessage:
    """Return the message of a task; raises MessageLost if it is no longer stored."""
    return TaskMessage.model_validate(parse_json_object(message_body(record, bucket=bucket)))


def message_place(body: str, task: Metadata | Record, run_id: str) -> dict[str, Any]:
    """Return the fields of a record that hold a message body, or its key in the task bucket."""
    # The body is pure ASCII, so characters are bytes.
    if len(body) > MAX_RECORD_MESSAGE_BYTES:
        return {"message_key": message_key(task.runtime, task.id, run_id)}
    return {"message": body}
