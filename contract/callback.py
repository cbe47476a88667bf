"""Callback to the subscribers of the completion topic, made from a task's record alone."""

from collections.abc import Mapping
from typing import Any, Final

from contract.batch import Batch, Ended
from contract.errors import COMFYUI_RESPONSE, WEBUI_RESPONSE, DarkroomError
from contract.json_values import size_bytes
from contract.picture_list import fitting_error
from contract.record import FINAL_STATUSES, Status
from contract.task import MAX_CONTEXT_BYTES

#: Status of a callback for each final state of a record.
CALLBACK_STATUS: Final[Mapping[Status, str]] = {status: status.value.lower() for status in FINAL_STATUSES}
_ENGINE_RESPONSES: Final = frozenset({WEBUI_RESPONSE, COMFYUI_RESPONSE})
#: `tasktype` of the callback of a batch.
BATCH_TASKTYPE: Final = "batch"


def callback_for(record: Ended) -> dict[str, Any]:
    """Return the callback of a final record or batch."""
    if isinstance(record, Batch):
        return {
            "id": record.id,
            "tasktype": BATCH_TASKTYPE,
            "status": CALLBACK_STATUS[record.status],
            "result": record.status is Status.COMPLETED,
            "counts": record.counts,
            "context": record.context_value,
        }
    body: dict[str, Any] = {
        "id": record.id,
        "runtime": record.sent_to,
        "status": CALLBACK_STATUS[record.status],
        "result": record.status is Status.COMPLETED,
        "image_url": list(record.image_urls),
        "output_url": record.output_url,
        "context": record.context_value,
    }
    if record.manifest_url is not None:
        body |= {"image_count": record.image_count, "manifest_url": record.manifest_url}
    if record.deliveries:
        body["deliveries"] = [delivery.model_dump() for delivery in record.deliveries]
    if record.unknown_fields:
        body["unknown_fields"] = list(record.unknown_fields)
    if record.batch is not None:
        body["batch"] = record.batch
    if record.error is not None:
        # Subscribers get code and message. Only the sender of the call needs the engine's response, which may be long.
        body["error"] = {name: value for name, value in record.error.items() if name not in _ENGINE_RESPONSES}
    return body


def callback_attributes(record: Ended) -> dict[str, str]:
    """Return the message attributes of the callback of a record or batch."""
    if isinstance(record, Batch):
        kind = {"tasktype": BATCH_TASKTYPE}
    else:
        kind = {"runtime": record.sent_to, "tasktype": record.tasktype}
    return {
        "id": record.id,
        **kind,
        "status": CALLBACK_STATUS[record.status],
        **({"tenant": record.tenant} if record.tenant else {}),
    }


def rejection(error: DarkroomError, *, body: object, message_id: str, runtime: str | None = None) -> dict[str, Any]:
    """Return the callback of a message that never became a task.

    `id`, `runtime` and `context` are None if the message is unreadable. `message_id` is SNS's, so a sender can find
    even an unreadable message. `runtime` is that of a message whose body does not name it. A context above the limit
    is omitted, because the callback might exceed the limit of SNS with it.
    """
    metadata = _metadata_of(body)
    return {
        "id": sender_id(body),
        "runtime": _text(metadata.get("runtime", runtime)),
        "status": CALLBACK_STATUS[Status.FAILED],
        "result": False,
        "image_url": [],
        "output_url": None,
        "context": _context_of(metadata),
        "error": fitting_error(error.as_dict()),
        "message_id": message_id,
    }


def sender_id(body: object) -> str | None:
    """Return the id in a message that is not a valid task; None if it is unreadable."""
    return _text(_metadata_of(body).get("id"))


def rejection_attributes(callback: Mapping[str, Any], *, body: object, tenant: str = "") -> dict[str, str]:
    """Return the message attributes of a rejection without those that are unreadable."""
    values = {
        "tenant": tenant,
        "id": callback["id"],
        "runtime": callback["runtime"],
        "tasktype": _text(_metadata_of(body).get("tasktype")),
        "status": callback["status"],
    }
    return {name: value for name, value in values.items() if value}


def _metadata_of(body: object) -> Mapping[str, Any]:
    match body:
        case {"task": {"metadata": dict(metadata)}} | {"metadata": dict(metadata)}:
            return metadata
        case {"alwayson_scripts": dict(scripts)}:
            metadata = {"id": scripts.get("id_task"), "tasktype": scripts.get("task")}
            return metadata | ({"context": {"uid": scripts["uid"]}} if "uid" in scripts else {})
    return {}


def _context_of(metadata: Mapping[str, Any]) -> Any:
    context = metadata.get("context")
    return context if size_bytes(context) <= MAX_CONTEXT_BYTES else None


#: Characters of a broken value that a rejection repeats.
_MAX_TEXT_LENGTH: Final = 256


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    # The value becomes a message attribute, which may not hold control characters.
    text = "".join(character if character.isprintable() else repr(character)[1:-1] for character in str(value))
    return text.encode("ascii", "backslashreplace").decode()[:_MAX_TEXT_LENGTH]
