"""Types of errors of OpenAI's API, by the HTTP status. API Gateway's own refusals carry them too."""

from typing import Final

_TYPE_OF_STATUS: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_FIRST_SERVER_ERROR: Final = 500


def openai_error_type(status: int) -> str:
    """Return the type by which programs for OpenAI's API know an error with this status."""
    default = "server_error" if status >= _FIRST_SERVER_ERROR else "invalid_request_error"
    return _TYPE_OF_STATUS.get(status, default)
