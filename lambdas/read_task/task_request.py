"""Request of a recorded task, from which a program can send it again or show how its pictures were made."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from typing_extensions import TypedDict

from contract.checkpoint import with_requested_checkpoint
from contract.record import Record
from lambdas.tasks.output_bucket import OutputBucket, OutputGone
from lambdas.tasks.stored_message import stored_message
from task_store.task_bucket import TaskBucket

#: Characters of a text that is shown, as many as a prompt may have. A longer one is a picture as base64.
MAX_TEXT_LENGTH: Final = 65_536
#: Bytes of the Web UI's response that are read for what it says about the pictures.
MAX_RESPONSE_BYTES: Final = 1024 * 1024


class TaskRequest(TypedDict):
    """What a sender asked for, and what the Web UI says about the pictures."""

    #: The task in the format of `POST /v1alpha2`, with the defaults of its metadata.
    task: dict[str, Any]
    #: Paths of the texts that are too long to be shown, each null in `task`: pictures that came as base64.
    left_out: list[str]
    #: `info` of the Web UI's response, with seeds and infotexts; null before the end, and if it is too long.
    info: dict[str, Any] | None


def show_request(record: Record, *, bucket: TaskBucket, outputs: OutputBucket) -> TaskRequest:
    """Return the request of a task; raises MessageLost if it is no longer stored."""
    task = stored_message(record, bucket=bucket).task.model_dump(mode="json", by_alias=True)
    if record.requested_checkpoint:
        task["content"] = with_requested_checkpoint(task["content"], record.requested_checkpoint)
    left_out: list[str] = []
    shown = cast("dict[str, Any]", _shown(task, "task", left_out))
    return {"task": shown, "left_out": left_out, "info": _info(record, outputs)}


def _shown(value: object, path: str, left_out: list[str]) -> object:
    """Return a value without the texts that are too long, whose paths are added to `left_out`."""
    match value:
        case str() if len(value) > MAX_TEXT_LENGTH:
            left_out.append(path)
            return None
        case Mapping():
            return {name: _shown(item, f"{path}.{name}", left_out) for name, item in value.items()}
        case list():
            return [_shown(item, f"{path}[{number}]", left_out) for number, item in enumerate(value)]
    return value


def _info(record: Record, outputs: OutputBucket) -> dict[str, Any] | None:
    if record.output_url is None:
        return None
    try:
        found = outputs.read_within([record.output_url], max_bytes=MAX_RESPONSE_BYTES)
        response = json.loads(found[0]) if found else None
        info = json.loads(response["info"]) if isinstance(response, dict) and "info" in response else None
    except (OutputGone, ValueError, TypeError):
        # The request is worth showing without it.
        return None
    return info if isinstance(info, dict) else None
