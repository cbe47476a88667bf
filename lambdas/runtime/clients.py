"""AWS clients of the functions, each created at its first use and kept for the life of the process."""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from botocore.config import Config

#: Seconds. A function has half a minute in all, and a healthy AWS service answers within one second.
CONNECT_TIMEOUT_SECONDS: Final = 2
READ_TIMEOUT_SECONDS: Final = 5
#: Calls in all, the first included. More are useless, because a refused message or request is delivered again.
MAX_ATTEMPTS: Final = 3


@cache
def client(service: str, *, max_attempts: int = MAX_ATTEMPTS) -> Any:
    """Return the client of an AWS service."""
    # Importing boto3 takes longer than all other work of a function, so no handler imports it at start.
    import boto3  # noqa: PLC0415 - see above

    config = _config(max_attempts)
    if service == "s3":
        from botocore.config import Config  # noqa: PLC0415 - see above

        # Otherwise boto3 presigns links with the signature of 2006, for the global endpoint. That endpoint answers for
        # objects of newer regions with a redirect or an error. Virtual addressing names the region.
        config = config.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
    return boto3.client(service, config=config)  # type: ignore[call-overload] # the stubs know literal names only


@cache
def dynamodb(*, max_attempts: int = MAX_ATTEMPTS) -> Any:
    """Return a DynamoDB client that accepts and returns plain Python values."""
    import boto3  # noqa: PLC0415 - see `client`

    return boto3.resource("dynamodb", config=_config(max_attempts)).meta.client


@cache
def _config(max_attempts: int) -> "Config":
    from botocore.config import Config  # noqa: PLC0415 - see `client`

    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": max_attempts},
    )
