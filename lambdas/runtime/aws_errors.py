"""Failures of AWS, as opposed to mistakes of a request."""

from typing import Any

from contract.errors import DarkroomError


class AwsUnavailable(DarkroomError):
    """Raised when an AWS service refuses or does not answer; the same request may be sent again."""

    code = "unavailable"
    retryable = True


def error_code(error: Any) -> str:
    """Return the code of a botocore ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))
