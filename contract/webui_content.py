"""Check of the content of a task for the SD Web UI: each field is read once, and its cost is kept within the limits."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from contract import runpod
from contract.checkpoint import choose_checkpoint, extract_requested_checkpoint
from contract.content import check_cost, check_input_image
from contract.errors import FieldError
from contract.findings import CheckedContent, Findings
from contract.infotext import fill_from_infotext
from contract.links import check_links
from contract.request_fields import read_request
from contract.routing import FindCheckpoint, Runtime
from contract.task import TaskType
from contract.unknown_keys import refuse_misspelt
from contract.work import pictures_of


def check_webui_content(
    tasktype: TaskType | None,
    content: dict[str, Any],
    *,
    runtime: Runtime | None,
    find_checkpoint: FindCheckpoint,
    found: Findings,
) -> CheckedContent:
    """Return the content as the Web UI reads it, and its checkpoint.

    An unknown task type leaves the content unread.
    """
    content, requested = extract_requested_checkpoint(content, found.errors, found.moved)
    if tasktype is None:
        return CheckedContent(content)
    content, filled = _read(tasktype, content, runtime, found)
    checkpoint = None
    # The work of scripts is computed from arguments that are sound.
    is_sound = not any("script" in error.field for error in found.errors)
    found.errors.extend(_check_content(tasktype, content, runtime if is_sound else None))
    if runtime:
        checkpoint = choose_checkpoint(requested, tasktype, content, runtime, find_checkpoint, found.errors)
    found.errors[:] = [_at_infotext(error, filled) for error in found.errors]
    found.moved.update(filled)
    pictures = pictures_of(*call_of(tasktype, content)[:2])[1] if is_sound else None
    return CheckedContent(content, checkpoint, requested.name, pictures)


def _read(
    tasktype: TaskType, content: dict[str, Any], runtime: Runtime | None, found: Findings
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the content as the Web UI reads it, and the path of the infotext by the paths of what it has filled in."""
    endpoint, body, field = call_of(tasktype, content)
    if tasktype is TaskType.WEBUI_API:
        unknown = refuse_misspelt(content, ("api", "payload"), "task.content", found.errors, owner="a call")
        found.unknown.extend(unknown)
    names: list[str] = []
    if endpoint in runpod.GENERATION_ENDPOINTS and "infotext" in body:
        body, names = fill_from_infotext(body, with_second_pass=endpoint == runpod.TEXT_TO_IMAGE_ENDPOINT)
    allowed = runtime.allowed_scripts if runtime else ()
    body, unknown = read_request(endpoint, body, allowed_scripts=allowed, field=field, errors=found.errors)
    found.unknown.extend(unknown)
    filled = {f"{field}.{name}": f"{field}.infotext" for name in names}
    if tasktype is not TaskType.WEBUI_API:
        return body, filled
    return (content | {"payload": body} if isinstance(content.get("payload"), dict) else content), filled


def call_of(tasktype: TaskType, content: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    """Return endpoint, body and path of the body of a task's call."""
    endpoint = runpod.called_endpoint(tasktype, content)
    if tasktype is not TaskType.WEBUI_API:
        return endpoint, content, "task.content"
    payload = content.get("payload")
    return endpoint, payload if isinstance(payload, dict) else {}, "task.content.payload"


def _at_infotext(error: FieldError, filled: Mapping[str, str]) -> FieldError:
    for field, infotext in filled.items():
        if error.field == field or error.field.startswith((f"{field}.", f"{field}[")):
            return replace(error, field=infotext, message=f"{error.field.rpartition('.')[2]} {error.message}")
    return error


def _check_content(tasktype: TaskType, content: dict[str, Any], runtime: Runtime | None) -> list[FieldError]:
    if tasktype is TaskType.WEBUI_API:
        if errors := runpod.check_call(content, "task.content"):
            return errors
        if runtime and not runtime.model_calls and runpod.endpoint_of(content) in runpod.MODEL_ENDPOINTS:
            message = f"runtime {runtime.name} does not accept {runpod.endpoint_of(content)}; it needs modelCalls: true"
            return [FieldError("task.content.api.endpoint", message, "call_not_allowed")]
    endpoint, body, field = call_of(tasktype, content)
    errors = check_links(body, field) + (check_cost(endpoint, body, runtime.limits, field) if runtime else [])
    return errors + (check_input_image(body, field) if endpoint == runpod.IMAGE_TO_IMAGE_ENDPOINT else [])
