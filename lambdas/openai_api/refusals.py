"""Refusals in the form of OpenAI's API, with its types of errors, which its clients turn into their exceptions."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response

from contract.errors import DarkroomError
from contract.record import Record
from lambdas.http.responses import json_response, status_of, with_retry_after
from lambdas.tasks.unfinished import describe_unfinished

#: Field of an OpenAI request by the path of the task's field that it became.
_FIELD_OF_PATH: Final = {
    "task.metadata.runtime": "model",
    "task.content.override_settings.sd_model_checkpoint": "model",
    "task.content.alwayson_scripts.sd_model_checkpoint": "model",
    "task.content.width": "size",
    "task.content.height": "size",
    "task.content.n_iter": "n",
    "task.content.steps": "quality",
    "task.content.init_images": "image",
    "task.content.init_images[0]": "image",
}
_PAGE: Final = "docs/how-to/openai.md"
_TYPE_OF_STATUS: Final = {
    HTTPStatus.UNAUTHORIZED: "authentication_error",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error",
}
#: Codes by which OpenAI's API calls an unknown model.
_MODEL_CODES: Final = frozenset({"unknown_runtime", "unknown_model"})


def refusal(error: DarkroomError) -> Response[str]:
    """Return the response to a call that did not become a task."""
    described = error.as_dict()
    status = HTTPStatus.NOT_FOUND if described["code"] in _MODEL_CODES else status_of(error)
    return with_retry_after(_response(status, described), error)


def unfinished(record: Record) -> Response[str]:
    """Return the response to a call whose task did not complete, or still runs at the deadline."""
    return _response(*describe_unfinished(record, page=_PAGE, refused=HTTPStatus.BAD_REQUEST))


def _response(status: HTTPStatus, error: Mapping[str, Any]) -> Response[str]:
    details = [{**detail, "field": field_of(detail["field"])} for detail in error.get("details", ())]
    described = {
        "message": "; ".join(f"{each['field']}: {each['message']}" for each in details) or error.get("message", ""),
        "type": _TYPE_OF_STATUS.get(status, "server_error" if status >= 500 else "invalid_request_error"),  # noqa: PLR2004
        "param": details[0]["field"] if details else None,
        "code": "model_not_found" if error.get("code") in _MODEL_CODES else error.get("code"),
    }
    return json_response({"error": described}, status)


def field_of(path: str) -> str:
    """Return the field of a request for the path of a task's field."""
    return _FIELD_OF_PATH.get(path, path.removeprefix("task.content."))
