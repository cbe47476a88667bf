"""The answers that are no success: an operation's own errors, and what the gateway says in front of all of them."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from contract.errors import DarkroomError
from docs.openapi.schemas import Schemas
from lambdas.http.application import InternalError
from lambdas.http.responses import STATUS_OF_ERROR, ErrorResponse
from lambdas.runtime.aws_errors import AwsUnavailable
from stacks.constructs.api.gateway_errors import GATEWAY_ERRORS

#: What any function may answer.
_COMMON: Final[tuple[type[DarkroomError], ...]] = (InternalError, AwsUnavailable)


def error_answers(errors: Iterable[type[DarkroomError]], schemas: Schemas) -> dict[str, Any]:
    """Return the responses of an operation by status, each with the codes that it may have."""
    codes: dict[int, dict[str, str]] = {}
    retried: set[int] = set()
    for error in (*errors, *_COMMON):
        status = STATUS_OF_ERROR.get(error, HTTPStatus.INTERNAL_SERVER_ERROR).value
        codes.setdefault(status, {})[error.code] = _meaning(error)
        retried |= {status} if error.retryable else set()
    for answer in GATEWAY_ERRORS.values():
        codes.setdefault(answer.status, {}).setdefault(answer.code, f"{answer.message}.")
        retried |= {answer.status} if answer.retry_after_seconds else set()
    return {
        str(status): _response(meanings, has_retry_after=status in retried, schemas=schemas)
        for status, meanings in sorted(codes.items())
    }


def _response(meanings: dict[str, str], *, has_retry_after: bool, schemas: Schemas) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": "\n".join(f"- `{code}`: {meaning}" for code, meaning in meanings.items()),
        "content": {"application/json": {"schema": schemas.schema(ErrorResponse, "serialization")}},
    }
    if has_retry_after:
        response["headers"] = {
            "Retry-After": {
                "description": "Seconds after which the same request may be sent again",
                "schema": {"type": "string", "pattern": "^[0-9]+$"},
            }
        }
    return response


def _meaning(error: type[DarkroomError]) -> str:
    text = " ".join((error.__doc__ or "").split())
    return text.removeprefix("Raised ").capitalize().rstrip(".") + "."
