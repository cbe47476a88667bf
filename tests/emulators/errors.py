"""Error codes of AWS calls in the contract tests."""

from collections.abc import Callable

from botocore.exceptions import ClientError


def error_code(call: Callable[[], object]) -> str:
    """Return the code of the error that a call raises, "no error" if it succeeds."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "no error"
