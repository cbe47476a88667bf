"""Translation of AWS errors for the users of all commands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from cli.errors import Misconfigured, Unreachable

_Found = TypeVar("_Found")


@contextmanager
def aws_errors(failed: str) -> Iterator[None]:
    """Raise Misconfigured or Unreachable for an error of boto3; `failed` says what could not be done."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        InvalidRegionError,
        NoCredentialsError,
        NoRegionError,
        PartialCredentialsError,
        ProfileNotFound,
    )
    from botocore.parsers import ResponseParserError

    try:
        yield
    except (NoRegionError, InvalidRegionError) as error:
        raise Misconfigured(
            f"{failed}: {str(error).rstrip('.')}; write for example --region eu-central-1, set AWS_REGION, or write"
            " `region` into the environment file"
        ) from None
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise Misconfigured(
            f"{failed}: {error}; name a profile with --profile or AWS_PROFILE, or log in. With --url and --key, the"
            " commands for tasks need no AWS rights"
        ) from None
    except (BotoCoreError, ClientError, Boto3Error, ResponseParserError) as error:
        raise Unreachable(f"{failed}: {error}") from None


def unless_missing(ask: Callable[[], _Found], *codes: str) -> _Found | None:
    """Return the answer of a call to AWS; None if its error has one of these codes."""
    from botocore.exceptions import ClientError

    try:
        return ask()
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
        return None
