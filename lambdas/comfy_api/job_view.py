"""Bodies of the Comfy API's jobs, made from a task's record."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from contract.record import Record, Status
from lambdas.comfy_api.bodies import (
    ComfyJob,
    ComfyJobError,
    ComfyJobSummary,
    ComfyOutput,
    ComfyProgress,
    ComfyStatus,
)
from lambdas.comfy_api.refusals import node_and_input
from lambdas.http.responses import moment, optional_moment

#: The Comfy API's word for each state.
STATUS: Final[Mapping[Status, ComfyStatus]] = {
    Status.IN_QUEUE: "queued",
    Status.IN_PROGRESS: "running",
    Status.COMPLETED: "succeeded",
    Status.CANCELLED: "canceled",
    Status.FAILED: "failed",
    Status.TIMED_OUT: "failed",
}


def job_body(
    record: Record,
    *,
    job_id: str,
    outputs: Sequence[ComfyOutput],
    queue_position: int | None,
    retention_ms: int,
    address: str,
) -> ComfyJob:
    """Return a job, by the id by which its reader knows it. Its links begin with `address`, the path of the API."""
    # A record gets the end of its retention when it is final.
    expires_at_ms = record.expires_at * 1000 if record.expires_at else record.submitted_at_ms + retention_ms
    path = f"{address}/jobs/{job_id}"
    return {
        "id": job_id,
        "status": STATUS[record.status],
        "created_at": moment(record.submitted_at_ms),
        "started_at": optional_moment(record.started_at_ms),
        "completed_at": optional_moment(record.completed_at_ms),
        "expires_at": moment(expires_at_ms),
        "queue_position": queue_position,
        "progress": _progress(record) if record.status is Status.IN_PROGRESS else None,
        "outputs": list(outputs),
        "error": _error(record) if record.status in {Status.FAILED, Status.TIMED_OUT} else None,
        "metadata": _labels(record),
        "urls": {"self": path, "events": f"{path}/events", "cancel": f"{path}/cancel"},
    }


def job_summary(record: Record, *, job_id: str) -> ComfyJobSummary:
    """Return a job of a listing; `job_id` is the id by which its reader knows it."""
    updated_at_ms = record.completed_at_ms or record.started_at_ms or record.submitted_at_ms
    return {
        "id": job_id,
        "status": STATUS[record.status],
        "create_time": moment(record.submitted_at_ms),
        "update_time": moment(updated_at_ms),
        "metadata": _labels(record),
    }


def _progress(record: Record) -> ComfyProgress:
    known: Mapping[str, Any] = record.sampling or {}
    return {
        "value": record.progress_permille / 1000,
        "nodes_done": known.get("nodes_done", 0),
        "nodes_total": known.get("nodes_total", 0),
        "current_node": known.get("node"),
        "current_node_class": known.get("class_type"),
        "step": known.get("sampling_step"),
        "steps": known.get("sampling_steps"),
    }


def _error(record: Record) -> ComfyJobError:
    error: Mapping[str, Any] = record.error or {}
    broken = (node_and_input(detail["field"])[0] for detail in error.get("details", ()))
    return {
        "code": error.get("code", "internal_error"),
        "message": error.get("message", ""),
        "node_id": error.get("node_id") or next((node for node in broken if node is not None), None),
        "class_type": error.get("class_type"),
        "traceback": None,
    }


def _labels(record: Record) -> dict[str, str]:
    """Return the labels of a job, which are the context of its task."""
    context = record.context_value
    found = context.items() if isinstance(context, dict) else ()
    return {name: value for name, value in found if isinstance(value, str)}
