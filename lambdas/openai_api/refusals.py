"""Refusals in the form of OpenAI's API, with its types of errors, which its clients turn into their exceptions."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response

from contract.errors import DarkroomError
from contract.openai_errors import openai_error_type
from contract.record import Record
from lambdas.http.responses import json_response, status_of, with_retry_after
from lambdas.tasks.unfinished import describe_unfinished

_PAGE: Final = "docs/how-to/openai.md"
#: Codes by which OpenAI's API calls an unknown model.
_MODEL_CODES: Final = frozenset({"unknown_runtime", "unknown_model"})


def refusal(error: DarkroomError) -> Response[str]:
    """Return the response to a call that did not become a task."""
    described = error.as_dict()
    status = HTTPStatus.NOT_FOUND if described["code"] in _MODEL_CODES else status_of(error)
    return with_retry_after(_response(status, described), error)


def unfinished(record: Record, *, original_field: Callable[[str], str]) -> Response[str]:
    """Return the response to a call whose task did not complete, or still runs at the deadline."""
    status, error = describe_unfinished(record, page=_PAGE, refused=HTTPStatus.BAD_REQUEST)
    details = [{**detail, "field": original_field(detail["field"])} for detail in error.get("details", ())]
    response = _response(status, {**error, "details": details}, id_task=record.id)
    if status in {HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.CONFLICT}:
        # OpenAI's clients repeat a call after a 504 and a 409 by themselves. Each repetition would be one more task,
        # although the first one goes on or was cancelled.
        response.headers["x-should-retry"] = "false"
    return response


def _response(status: HTTPStatus, error: Mapping[str, Any], **more: str) -> Response[str]:
    details = error.get("details", ())
    described = {
        "message": "; ".join(f"{each['field']}: {each['message']}" for each in details) or error.get("message", ""),
        "type": openai_error_type(status),
        "param": details[0]["field"] if details else None,
        "code": "model_not_found" if error.get("code") in _MODEL_CODES else error.get("code"),
    }
    return json_response({"error": described, **more}, status)
