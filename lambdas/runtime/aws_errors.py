"""Failures of AWS, which are not errors of a request."""

from typing import Any

from contract.errors import DarkroomError


class AwsUnavailable(DarkroomError):
    """Raised when an AWS service refuses or does not answer. The sender may repeat the request."""

    code = "unavailable"
    retryable = True


def error_code(error: Any) -> str:
    """Return the code of a botocore ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))
