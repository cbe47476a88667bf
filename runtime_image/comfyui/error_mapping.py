"""Mapping of ComfyUI's refusals and failures to errors: the workflow's fault, the machine's, or unclear."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from contract.errors import FieldError
from runtime_image.comfyui.errors import (
    ComfyUiBroken,
    ComfyUiError,
    ComfyUiFailed,
    ComfyUiOutOfMemory,
    SubmissionFailed,
    WorkflowFailed,
    WorkflowRefused,
)
from runtime_image.process.engine_http import EngineResponse, json_object

#: Characters of ComfyUI's words that reach the user.
MAX_REASON_LENGTH: Final = 2000
#: Bytes of ComfyUI's answer that are kept with the error.
MAX_KEPT_BYTES: Final = 8192
#: Characters of the words about one node.
MAX_DETAIL_LENGTH: Final = 1000
#: Problems of nodes that one error lists.
MAX_DETAILS: Final = 20
#: Paths of this machine, which say nothing to the user.
_PATH: Final = re.compile(r"(?<![\w:/.])/(?:[\w.+-]+/)+")
_MEMORY_TYPE: Final = "OutOfMemoryError"
_MEMORY_WORDS: Final = re.compile(r"out of memory|can't allocate memory", re.IGNORECASE)
#: First words of errors after which the process must end, because the context of the GPU is lost. Behind them a node's
#: own RuntimeError may repeat names that the workflow chose, by which any sender could restart the container.
_BROKEN_WORDS: Final = re.compile(r"CUDA (?:driver )?error|cuDNN|cuBLAS|device-side assert", re.IGNORECASE)
_BAD_REQUEST: Final = 400
_INTERNAL_ERROR: Final = 500
#: Kinds of node errors whose details repeat the lines of a traceback.
_EXTRA: Final = "extra_info"


def submission_error(response: EngineResponse) -> ComfyUiError:
    """Return the error for a response other than 2xx to a prompt."""
    if response.status != _BAD_REQUEST:
        words = response.body[:MAX_REASON_LENGTH].decode(errors="replace").strip()
        error = SubmissionFailed if response.status == _INTERNAL_ERROR else ComfyUiFailed
        return error(f"ComfyUI answered {response.status} to the workflow: {_without_paths(words)}")
    return refusal(response.status, json_object(response.body))


def refusal(status: int, body: Mapping[str, Any]) -> WorkflowRefused:
    """Return the error for a workflow that ComfyUI refuses as a whole or in part."""
    node_errors = body.get("node_errors")
    details = list(_details(node_errors))[:MAX_DETAILS] if isinstance(node_errors, Mapping) else []
    words = "; ".join(f"{detail.field}: {detail.message}" for detail in details) or _reason(body.get("error"))
    kept = _without_tracebacks(body)
    if len(json.dumps(kept)) > MAX_KEPT_BYTES:
        kept = {"error": kept.get("error")} if len(json.dumps(kept.get("error"))) <= MAX_KEPT_BYTES else {}
    message = f"ComfyUI refused the workflow: {words[:MAX_REASON_LENGTH]}"
    return WorkflowRefused(message, details=details, response={"status": status, "body": kept})


def execution_error(data: Mapping[str, Any]) -> ComfyUiError:
    """Return the error for a node that failed, from the data of `execution_error`."""
    exception_type, words = str(data.get("exception_type") or ""), str(data.get("exception_message") or "").strip()
    node_id, class_type = str(data.get("node_id") or ""), str(data.get("node_type") or "")
    words = _without_paths(words)[:MAX_REASON_LENGTH]
    message = f"node {node_id} ({class_type}) failed: {exception_type}: {words}"
    # Only torch's own errors speak of the GPU; others repeat names that the workflow chose.
    is_torch = exception_type == "RuntimeError" or exception_type.startswith("torch.")
    if exception_type.endswith(_MEMORY_TYPE) or (is_torch and _MEMORY_WORDS.search(words)):
        return ComfyUiOutOfMemory(message)
    if is_torch and _BROKEN_WORDS.match(words):
        return ComfyUiBroken(message)
    return WorkflowFailed(message, node_id=node_id, class_type=class_type, exception_type=exception_type)


def _details(node_errors: Mapping[str, Any]) -> Iterator[FieldError]:
    for node_id, found in node_errors.items():
        for problem in found.get("errors", []) if isinstance(found, dict) else []:
            extra = problem.get(_EXTRA) if isinstance(problem, dict) else None
            name = extra.get("input_name") if isinstance(extra, dict) else None
            field = f"task.content.{node_id}" + (f".inputs.{name}" if name else "")
            yield FieldError(field, _reason(problem)[:MAX_DETAIL_LENGTH], WorkflowRefused.code)


def _reason(problem: object) -> str:
    match problem:
        case {"message": str(message), "details": str(details)} if details:
            return _without_paths(f"{message}: {details}")
        case {"message": str(message)}:
            return _without_paths(message)
    return _without_paths(str(problem)) if problem else "it gave no reason"


def _without_tracebacks(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_tracebacks(item) for key, item in value.items() if key != "traceback"}
        case list():
            return [_without_tracebacks(item) for item in value]
        case str():
            return _without_paths(value)
    return value


def _without_paths(text: str) -> str:
    return _PATH.sub("", text)
