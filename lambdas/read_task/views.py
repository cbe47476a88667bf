"""How a task looks over HTTP."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from contract.record import Record, Status
from contract.storage import output_location
from contract.webhook import WebhookState
from lambdas.read_task.answers import ListedTask, ShownTask, TaskError, TaskHead, TaskTimes, WebhookTrace

#: Makes an https link that works without a key of an `s3://` URI.
Presign = Callable[[str], str]


def show_task(record: Record, *, output_bucket: str, presign: Presign) -> ShownTask:
    """Return all that a caller may know of a task."""
    uris = [*record.image_urls, *([record.output_url] if record.output_url else [])]
    return {
        **_head(record.id, record.runtime, record.tasktype, record.status.value, record.progress_permille),
        **_times(record.submitted_at_ms, record.started_at_ms, record.completed_at_ms),
        "sampling": record.sampling,
        "models": record.models,
        "preview": presign(record.preview_url) if record.preview_url else None,
        "attempts": record.attempts,
        "context": record.context_value,
        "output_location": output_location(output_bucket, record.prefix, record.id),
        "outputs": [{"s3_url": uri, "url": presign(uri)} for uri in uris],
        "error": cast("TaskError | None", record.error),
        "webhook": _webhook(record),
    }


def show_listed(item: Mapping[str, Any]) -> ListedTask:
    """Return a task of a listing: what the index holds."""
    return {
        **_head(item["id"], item["runtime"], item["tasktype"], item["status"], item["progress_permille"]),
        **_times(item["submitted_at_ms"], item.get("started_at_ms"), item.get("completed_at_ms")),
    }


def _webhook(record: Record) -> WebhookTrace | None:
    if record.webhook is None:
        return None
    return {
        "state": WebhookState(record.webhook_state or WebhookState.PENDING),
        "attempts": record.webhook_attempts,
        "lastStatus": record.webhook_last_status,
        "lastError": record.webhook_last_error,
    }


def _head(task_id: str, runtime: str, tasktype: str, status: str, progress_permille: int) -> TaskHead:
    return {
        "id": task_id,
        "runtime": runtime,
        "tasktype": tasktype,
        "status": Status(status),
        "progress": int(progress_permille) / 1000,
    }


def _times(submitted_at_ms: int, started_at_ms: int | None, completed_at_ms: int | None) -> TaskTimes:
    delay_ms = int(started_at_ms - submitted_at_ms) if started_at_ms else None
    execution_ms = int(completed_at_ms - started_at_ms) if started_at_ms and completed_at_ms else None
    return {
        "submitted_at": _moment(submitted_at_ms),
        "started_at": _iso(started_at_ms),
        "completed_at": _iso(completed_at_ms),
        "delay_ms": delay_ms,
        "execution_ms": execution_ms,
    }


def _iso(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else _moment(epoch_ms)


def _moment(epoch_ms: int) -> str:
    moment = datetime.fromtimestamp(int(epoch_ms) / 1000, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
