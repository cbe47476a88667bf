"""Message of a recorded task: in its record, or in the task bucket if it is large."""

from contract.json_values import parse_json_object
from contract.message import TaskMessage
from contract.record import Record
from task_store.task_bucket import TaskBucket


def stored_message(record: Record, *, bucket: TaskBucket) -> TaskMessage:
    """Return the message of a task; raises MessageLost if it is no longer stored."""
    stored = bucket.get(record.message_key) if record.message_key else (record.message or "")
    return TaskMessage.from_body(parse_json_object(stored))
