"""Tasks that have no result for a caller who waited: status and error of the response."""

from http import HTTPStatus
from typing import Any, Final

from contract.record import Record, Status

#: Codes of errors that the machine caused. The caller caused all others.
MACHINE_CODES: Final = frozenset(
    {
        "checkpoint_not_loaded",
        "comfyui_failed",
        "comfyui_hung",
        "comfyui_unreachable",
        "delivery_failed",
        "disk_full",
        "download_failed",
        "internal_error",
        "interrupted",
        "message_lost",
        "out_of_memory",
        "storage_failed",
        "unavailable",
        "webui_failed",
        "webui_hung",
        "webui_unreachable",
        "worker_lost",
    }
)


def describe_unfinished(record: Record, *, page: str, refused: HTTPStatus) -> tuple[HTTPStatus, dict[str, Any]]:
    """Return status and error for a task that did not complete, or still runs at the deadline.

    `page` of the documents is about calls that take longer; `refused` is the status of an error of the caller.
    """
    error = dict(record.error or {})
    match record.status:
        case Status.IN_QUEUE | Status.IN_PROGRESS:
            message = (
                f"task {record.id} is {record.status.value} and goes on; its pictures will be at"
                f" GET /v1alpha2/tasks/{record.id}. Calls that take longer than this belong to the function URL"
                f" ({page})"
            )
            return HTTPStatus.GATEWAY_TIMEOUT, {"code": "takes_longer", "message": message}
        case Status.CANCELLED:
            return HTTPStatus.CONFLICT, error
        case Status.TIMED_OUT:
            return HTTPStatus.GATEWAY_TIMEOUT, error
    return HTTPStatus.INTERNAL_SERVER_ERROR if error.get("code") in MACHINE_CODES else refused, error
