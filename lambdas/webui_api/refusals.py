"""Refusals of the bridge in the form of the Web UI, which its clients can show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from contract import errors
from contract.errors import DarkroomError, InvalidTask
from contract.record import Record, Status
from lambdas.http.responses import status_of
from lambdas.tasks.unfinished import describe_unfinished

#: Paths of a task's content. The rest of such a path is the path of a field in the call's body.
_BODY_PATHS: Final = ("task.content.payload", "task.content")
#: Field of a call by the path of the task's field: the Web UI knows one place of a checkpoint, and Darkroom another.
_FIELD_OF_PATH: Final = {
    "task.content.alwayson_scripts.sd_model_checkpoint": "task.content.override_settings.sd_model_checkpoint"
}
_PAGE: Final = "docs/how-to/webui-clients.md"


@dataclass(frozen=True)
class BridgeResponse:
    """Status and body of a response."""

    status: int
    body: Any


class WebUiRefusal(Exception):
    """Raised when a call is refused before it becomes a task, as the Web UI itself would refuse it."""

    def __init__(self, response: BridgeResponse) -> None:
        super().__init__(response.status)
        self.response = response


def plain(status: HTTPStatus, detail: str) -> WebUiRefusal:
    """Return the refusal of a route or method that does not exist."""
    return WebUiRefusal(BridgeResponse(status.value, {"detail": detail}))


def invalid(location: Sequence[str | int], message: str, kind: str, **more: Any) -> WebUiRefusal:
    """Return the refusal of one field, or of the whole body."""
    entry = {"loc": list(location), "msg": message, "type": kind, **more}
    return WebUiRefusal(BridgeResponse(HTTPStatus.UNPROCESSABLE_ENTITY.value, {"detail": [entry]}))


def exception(name: str, message: str) -> WebUiRefusal:
    """Return the refusal of a call that would raise an exception in the Web UI."""
    body = {"error": name, "detail": "", "body": "", "errors": message}
    return WebUiRefusal(BridgeResponse(HTTPStatus.INTERNAL_SERVER_ERROR.value, body))


def response_to(error: DarkroomError) -> BridgeResponse:
    """Return the response of an error before a call became a task."""
    if isinstance(error, InvalidTask):
        entries = [
            {"loc": _location(detail.field), "msg": detail.message, "type": detail.code} for detail in error.details
        ]
        return BridgeResponse(HTTPStatus.UNPROCESSABLE_ENTITY.value, {"detail": entries})
    return _words(status_of(error), error.as_dict())


def response_to_unfinished(record: Record) -> BridgeResponse:
    """Return the response to a call whose task did not complete, or still runs at the deadline."""
    status, error = describe_unfinished(record, page=_PAGE, refused=HTTPStatus.UNPROCESSABLE_ENTITY)
    if record.status is Status.FAILED:
        match error:
            case {errors.WEBUI_RESPONSE: {"status": int(webui_status), "body": body}}:
                return BridgeResponse(webui_status, body)
            case {"details": list(details)}:
                entries = [
                    {"loc": _location(detail["field"]), "msg": detail["message"], "type": error["code"]}
                    for detail in details
                ]
                return BridgeResponse(HTTPStatus.UNPROCESSABLE_ENTITY.value, {"detail": entries})
    return _words(status, error, record.id)


def _words(status: HTTPStatus, error: Mapping[str, Any], task_id: str | None = None) -> BridgeResponse:
    body = {"error": "HTTPException", "detail": error.get("message", ""), "body": "", "errors": ""}
    # Further keys than the Web UI's own, for programs that know Darkroom.
    ours = {"code": error.get("code")} | ({"id_task": task_id} if task_id else {})
    return BridgeResponse(status.value, body | ours)


def _location(field: str) -> list[str]:
    field = _FIELD_OF_PATH.get(field, field)
    for path in _BODY_PATHS:
        if field == path or field.startswith(f"{path}."):
            return ["body", *field.removeprefix(path).split(".")[1:]]
    return ["body", field]
