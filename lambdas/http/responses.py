"""Responses of the HTTP API: the one place that maps errors to statuses."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Final, NotRequired

from aws_lambda_powertools.event_handler import Response
from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from contract import errors
from contract.errors import DarkroomError
from lambdas.http.cross_origin import OriginRefused
from lambdas.runtime.aws_errors import AwsUnavailable
from lambdas.tasks.output_bucket import OutputGone
from task_store.refusals import StorageRefused
from task_store.task_bucket import MessageLost

#: Seconds after which a caller may repeat a request that AWS refused.
RETRY_AFTER_SECONDS: Final = 2


#: Time as the description of the API shows it.
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
#: https link as the description of the API shows it.
Link = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]


class PathNotFound(DarkroomError):
    """Raised when a path has the form of a route, but no route accepts its values."""

    code = "not_found"


class WrongKey(DarkroomError):
    """Raised for a missing or wrong key at a function URL."""

    code = "unauthorized"


class HeadersRefused(DarkroomError):
    """Raised when the headers of a request do not fit its path."""

    code = "invalid_headers"


STATUS_OF_ERROR: Final[dict[type[DarkroomError], HTTPStatus]] = {
    errors.InvalidTask: HTTPStatus.BAD_REQUEST,
    errors.InvalidJson: HTTPStatus.BAD_REQUEST,
    StorageRefused: HTTPStatus.BAD_REQUEST,
    WrongKey: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    HeadersRefused: HTTPStatus.BAD_REQUEST,
    OriginRefused: HTTPStatus.FORBIDDEN,
    errors.TaskNotFound: HTTPStatus.NOT_FOUND,
    errors.BatchNotFound: HTTPStatus.NOT_FOUND,
    errors.BatchFinished: HTTPStatus.CONFLICT,
    errors.BatchNotFinished: HTTPStatus.CONFLICT,
    errors.RuntimeNotFound: HTTPStatus.NOT_FOUND,
    PathNotFound: HTTPStatus.NOT_FOUND,
    errors.IdInUse: HTTPStatus.CONFLICT,
    errors.TaskFinished: HTTPStatus.CONFLICT,
    errors.TaskNotFinished: HTTPStatus.CONFLICT,
    errors.NoWebhook: HTTPStatus.CONFLICT,
    errors.TooManyRedeliveries: HTTPStatus.CONFLICT,
    errors.NotRetryable: HTTPStatus.CONFLICT,
    errors.MessageTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooManyActiveTasks: HTTPStatus.TOO_MANY_REQUESTS,
    MessageLost: HTTPStatus.GONE,
    OutputGone: HTTPStatus.GONE,
    AwsUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}


class FieldProblem(TypedDict):
    """Broken field of a request."""

    field: str
    message: str


class Problem(TypedDict):
    """Error of a request; `details` names every broken field."""

    code: str
    message: str
    details: NotRequired[list[FieldProblem]]


class ErrorResponse(TypedDict):
    """Body of every response that is not a success."""

    error: Problem


def moment(epoch_ms: int) -> str:
    """Return a time as answers write it."""
    at = datetime.fromtimestamp(int(epoch_ms) / 1000, tz=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def optional_moment(epoch_ms: int | None) -> str | None:
    """Return a time as answers write it; None for what has not happened."""
    return None if epoch_ms is None else moment(epoch_ms)


def json_response(body: Mapping[str, object], status: HTTPStatus = HTTPStatus.OK) -> Response[str]:
    """Return a JSON response."""
    return Response(status_code=status.value, content_type="application/json", body=json.dumps(body))


def status_of(error: DarkroomError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    return STATUS_OF_ERROR.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)


def error_response(error: DarkroomError) -> Response[str]:
    """Return the response of an error, with `Retry-After` if the error is retryable."""
    return with_retry_after(json_response({"error": error.as_dict()}, status_of(error)), error)


def with_retry_after(response: Response[str], error: DarkroomError) -> Response[str]:
    """Return the response of an error with `Retry-After` if the error is retryable."""
    if error.retryable:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
