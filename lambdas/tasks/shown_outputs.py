"""Outputs of a task that is shown: the nodes of a workflow that made them, and their content inline."""

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Final, cast

from contract.errors import FieldError, InvalidTask
from lambdas.tasks.output_bucket import OutputBucket, OutputGone
from lambdas.tasks.task_view import Output, ShownTask
from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES
from lambdas.tasks.workflow_files import WorkflowFile

_CHOICES: Final = {"true": True, "false": False}


def wants_inline(parameters: Mapping[str, str] | None) -> bool:
    """Return True if the query parameters ask for inline outputs; raises InvalidTask with every broken one."""
    given = dict(parameters or {})
    inline = given.pop("inline", "false")
    errors = [FieldError(name[:40], "is not a parameter of this call; the only one is inline") for name in given]
    if inline not in _CHOICES:
        errors.append(FieldError("inline", f"is {inline[:40]!r}; write true or false"))
    if errors:
        raise InvalidTask(errors)
    return _CHOICES[inline]


def with_base64(task: ShownTask, *, outputs: OutputBucket, max_bytes: int = MAX_RESPONSE_BYTES) -> ShownTask:
    """Return a task with `base64` at each output; None where the output does not fit or was deleted.

    Earlier outputs have precedence: the pictures, then the Web UI's response.
    """
    # Lambda returns the body as JSON inside JSON, which doubles its quotation marks.
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


def with_nodes(task: ShownTask, files: Iterable[WorkflowFile]) -> ShownTask:
    """Return a task with node, kind and name at each output that is one of a workflow's files."""
    by_uri = {file.uri: file for file in files}
    shown = [
        {**output, "node_id": file.node_id, "kind": file.medium, "filename": file.filename}
        if (file := by_uri.get(output["s3_url"]))
        else output
        for output in task["outputs"]
    ]
    return cast("ShownTask", {**task, "outputs": shown})
