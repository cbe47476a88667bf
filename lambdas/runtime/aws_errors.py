"""Failures of AWS, which are not errors of a request."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from contract.errors import DarkroomError
from contract.storage import S3Location


class AwsUnavailable(DarkroomError):
    """Raised when an AWS service refuses or does not answer. The sender may repeat the request."""

    code = "unavailable"
    retryable = True


def error_code(error: Any) -> str:
    """Return the code of a botocore ClientError."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_missing(error: Any) -> bool:
    """Return True if S3 says by a ClientError that an object does not exist.

    With the right to list the bucket, S3 answers 404 for a missing object. A 403 is a missing permission.
    """
    return bool(error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_FOUND)


def head_object(client: Any, location: S3Location) -> Mapping[str, Any] | None:
    """Return what S3 knows of an object; None for a missing one."""
    try:
        head: Mapping[str, Any] = client.head_object(Bucket=location.bucket, Key=location.key)
    except client.exceptions.ClientError as error:
        if is_missing(error):
            return None
        raise
    return head
