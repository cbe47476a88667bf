"""Bodies of RunPod's status calls, made from a task's record."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

from contract.record import Record, Status

#: Prefix of the ids of jobs whose sender waits for the response.
SYNC_ID_PREFIX: Final = "sync-"


def job_id(unique: UUID, *, is_sync: bool) -> str:
    """Return the id of a new job, as RunPod makes them."""
    return f"{SYNC_ID_PREFIX if is_sync else ''}{unique}"


def job_body(record: Record, *, now_ms: int, output: Any = None) -> dict[str, Any]:
    """Return the body of a job's status; `output` is its progress while it runs, and its response after it completed.

    Times are milliseconds: `delayTime` from submission to pick-up (up to now while it waits), `executionTime` from
    there to the end.
    """
    body: dict[str, Any] = {"delayTime": _delay_ms(record, now_ms), "id": record.id, "status": record.status.value}
    match record.status:
        case Status.IN_QUEUE:
            return body
        case Status.IN_PROGRESS:
            return body | {"output": output}
    if record.started_at_ms is not None and record.completed_at_ms is not None:
        body["executionTime"] = record.completed_at_ms - record.started_at_ms
    if record.worker_id is not None:
        body["workerId"] = record.worker_id
    if record.status is Status.COMPLETED:
        return body | {"output": output}
    return body | {"error": _error_of(record), "retries": retries_of(record)}


def progress_of(record: Record, *, link: Callable[[str], str]) -> dict[str, Any]:
    """Return the progress of a running task, which is its `output` until the response arrives.

    `progress` is the share from 0 to 1; the other known values (`SAMPLING_KEYS`) have the Web UI's own names.
    `preview` is an https link to the newest preview, if the policy asks for one; `link` makes it from an `s3://` URI.
    `models` (`MODELS_KEYS`) is present while the job waits for its models.
    """
    preview = {"preview": link(record.preview_url)} if record.preview_url else {}
    models = {"models": record.models} if record.models else {}
    return {"progress": record.progress_permille / 1000, **(record.sampling or {}), **models, **preview}


def retries_of(record: Record) -> int:
    """Return how often a task was started again, by its sender or by a replica."""
    return record.retries + max(record.attempts - 1, 0)


def _error_of(record: Record) -> str:
    """Return the error of a job. A workflow's has the words of worker-comfyui, which its programs read."""
    error: Mapping[str, Any] = record.error or {}
    match error.get("code"):
        case "workflow_refused":
            return "\n".join(["Workflow validation failed:", *map(_node_error, error.get("details", ()))])
        case "workflow_failed":
            node = f"Node Type: {error.get('class_type')}, Node ID: {error.get('node_id')}"
            return f"Workflow execution error: {node}, Message: {error.get('message')}"
    return error_text(error)


def _node_error(detail: Mapping[str, str]) -> str:
    node, _, name = detail["field"].removeprefix("input.workflow.").partition(".inputs.")
    return f"• Node {node} ({name or 'errors'}): {detail['message']}"


def error_text(error: Mapping[str, Any] | None) -> str:
    """Return an error as one line. RunPod's errors are texts, and programs read the code before the colon."""
    return f"{error.get('code')}: {error.get('message')}" if error else ""


def _delay_ms(record: Record, now_ms: int) -> int:
    return max((record.started_at_ms or record.completed_at_ms or now_ms) - record.submitted_at_ms, 0)
