"""Outputs inside the answer itself, as base64, for as many of them as a function may answer."""

import base64
import json
from collections.abc import Mapping
from typing import Final

from contract.errors import FieldError, InvalidTask
from lambdas.output_bucket import OutputBucket, OutputGone
from lambdas.read_task.answers import Output, ShownTask
from lambdas.webui_answers import MAX_ANSWER_BYTES

_CHOICES: Final = {"true": True, "false": False}


def wants_inline(parameters: Mapping[str, str] | None) -> bool:
    """Read the query parameters of a task; raises InvalidTask with every one that is broken."""
    given = dict(parameters or {})
    inline = given.pop("inline", "false")
    errors = [FieldError(name[:40], "is no parameter; there is inline") for name in given]
    if inline not in _CHOICES:
        errors.append(FieldError("inline", f"is {inline[:40]!r}; write true or false"))
    if errors:
        raise InvalidTask(errors)
    return _CHOICES[inline]


def with_base64(task: ShownTask, *, outputs: OutputBucket, max_bytes: int = MAX_ANSWER_BYTES) -> ShownTask:
    """Return a task as callers see it with `base64` at each output, None where it does not fit or is gone.

    The first that fit are inside: pictures come before the Web UI's response.
    """
    # A body is JSON within JSON on its way out of Lambda, which doubles its quotation marks.
    room = max(max_bytes - len(json.dumps(json.dumps(task))), 0) * 3 // 4
    shown: list[Output] = []
    for output in task["outputs"]:
        data = _read(outputs, output["s3_url"], room)
        room -= len(data or b"")
        shown.append({**output, "base64": None if data is None else base64.b64encode(data).decode()})
    return {**task, "outputs": shown}


def _read(outputs: OutputBucket, uri: str, max_bytes: int) -> bytes | None:
    try:
        found = outputs.read_within([uri], max_bytes=max_bytes)
    except OutputGone:
        return None
    return found[0] if found else None
