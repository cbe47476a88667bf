"""Error responses that API Gateway sends itself, by its own name of the error."""

import json
from typing import Final, NamedTuple

from contract.openai_errors import openai_error_type


class GatewayResponse(NamedTuple):
    """Error response of API Gateway.

    `retry_after_seconds` is when a client should try again. Without `may_repeat`, OpenAI's clients do not try again by
    themselves.
    """

    status: int
    code: str
    message: str
    retry_after_seconds: int | None = None
    may_repeat: bool = True

    def body(self) -> str:
        """Return the body, which programs written for OpenAI's API can read as well."""
        error = {"code": self.code, "message": self.message, "type": openai_error_type(self.status), "param": None}
        return json.dumps({"error": error})


_FORBIDDEN: Final = GatewayResponse(403, "forbidden", "This key does not allow the request")
_NOT_FOUND: Final = GatewayResponse(
    404, "not_found", "There is no such path; GET /docs of this API shows all, and GET /openapi.json is for programs"
)
_INTERNAL: Final = "The request could not be handled; try again"

GATEWAY_ERRORS: Final = {
    "UNAUTHORIZED": GatewayResponse(401, "unauthorized", "Send a valid key in the header x-api-key or Authorization"),
    "ACCESS_DENIED": _FORBIDDEN,
    "INVALID_API_KEY": _FORBIDDEN,
    # API Gateway's name for an unknown path.
    "MISSING_AUTHENTICATION_TOKEN": _NOT_FOUND,
    # On an unknown path API Gateway reads an Authorization header as a signature, which no path of ours uses.
    "INVALID_SIGNATURE": _NOT_FOUND,
    "EXPIRED_TOKEN": _NOT_FOUND,
    "RESOURCE_NOT_FOUND": _NOT_FOUND,
    "REQUEST_TOO_LARGE": GatewayResponse(
        413, "too_large", "The request is too large; pass links to pictures instead of base64"
    ),
    "THROTTLED": GatewayResponse(429, "throttled", "Too many requests with this key; slow down", 1),
    "QUOTA_EXCEEDED": GatewayResponse(429, "throttled", "The quota of this key is used up for today", 3600),
    "AUTHORIZER_FAILURE": GatewayResponse(500, "internal_error", _INTERNAL),
    "AUTHORIZER_CONFIGURATION_ERROR": GatewayResponse(500, "internal_error", _INTERNAL),
    "INTEGRATION_FAILURE": GatewayResponse(503, "internal_error", _INTERNAL, 1),
    # The call has probably made a task, so each repetition would be one more.
    "INTEGRATION_TIMEOUT": GatewayResponse(
        504, "internal_error", "The request took too long; check whether the task exists", may_repeat=False
    ),
    "DEFAULT_4XX": GatewayResponse(400, "bad_request", "The API does not support this request"),
    "DEFAULT_5XX": GatewayResponse(500, "internal_error", _INTERNAL),
}
