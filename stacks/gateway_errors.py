"""What API Gateway answers in the functions' stead, by its own name of what went wrong."""

from typing import Final, NamedTuple


class Answer(NamedTuple):
    """One answer of the gateway's own; `retry_after_seconds` tells a client when to come again."""

    status: int
    code: str
    message: str
    retry_after_seconds: int | None = None


_FORBIDDEN: Final = "This key may not do that"
_NOT_FOUND: Final = "There is no such path; see the documented ones: POST /v1alpha2, GET /v1alpha2/tasks/{id}"
_INTERNAL: Final = "The request could not be handled; try again"

ANSWERS: Final = {
    "UNAUTHORIZED": Answer(401, "unauthorized", "Send a valid key in the header x-api-key or Authorization"),
    "ACCESS_DENIED": Answer(403, "forbidden", _FORBIDDEN),
    "INVALID_API_KEY": Answer(403, "forbidden", _FORBIDDEN),
    # API Gateway's name for a path that it does not have.
    "MISSING_AUTHENTICATION_TOKEN": Answer(404, "not_found", _NOT_FOUND),
    # What it makes of an Authorization header there, which it takes for a signature: no path of ours is signed for.
    "INVALID_SIGNATURE": Answer(404, "not_found", _NOT_FOUND),
    "EXPIRED_TOKEN": Answer(404, "not_found", _NOT_FOUND),
    "RESOURCE_NOT_FOUND": Answer(404, "not_found", _NOT_FOUND),
    "REQUEST_TOO_LARGE": Answer(413, "too_large", "The request is too large; pass links to pictures instead of base64"),
    "THROTTLED": Answer(429, "throttled", "Too many requests with this key; slow down", 1),
    "QUOTA_EXCEEDED": Answer(429, "throttled", "The quota of this key is used up for today", 3600),
    "AUTHORIZER_FAILURE": Answer(500, "internal_error", _INTERNAL),
    "AUTHORIZER_CONFIGURATION_ERROR": Answer(500, "internal_error", _INTERNAL),
    "INTEGRATION_FAILURE": Answer(503, "internal_error", _INTERNAL, 1),
    "INTEGRATION_TIMEOUT": Answer(504, "internal_error", "The request took too long; ask whether the task exists"),
    "DEFAULT_4XX": Answer(400, "bad_request", "The request is not one that this API takes"),
    "DEFAULT_5XX": Answer(500, "internal_error", _INTERNAL),
}
