"""The agent's AWS clients: how long each call may take and how often botocore tries before the agent's own retries."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError, InvalidRegionError, NoRegionError
from botocore.utils import validate_region_name

from contract.content_length import content_length
from contract.settings import InvalidEnvironment
from runtime_image.process.clock import AwsClock

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_sqs import SQSClient

#: What boto3 raises when AWS refuses, throttles, or cannot be reached.
AWS_ERRORS: Final = (BotoCoreError, ClientError)

#: Seconds. A hanging call must not outlast a lease, so these are far below any sensible visibility timeout.
CONNECT_TIMEOUT_SECONDS: Final = 3
TABLE_READ_TIMEOUT_SECONDS: Final = 4
QUEUE_READ_TIMEOUT_SECONDS: Final = 6
#: Seconds without a byte; pictures may be large and uplinks slow.
STORAGE_READ_TIMEOUT_SECONDS: Final = 15
#: Tries inside botocore; the agent itself tries on for as long as its lease holds.
ATTEMPTS: Final = 2
#: Connections kept open to S3: parallel uploads of several tasks at once.
STORAGE_CONNECTIONS: Final = 16
#: botocore would build its own with each call, which is 3 % of the agent's processor time.
_USER_AGENT: Final = "darkroom-agent/1"


def open_session() -> boto3.Session:
    """Return a session of boto3; raise InvalidEnvironment if it has no valid region."""
    session = boto3.Session()
    try:
        if not session.region_name:
            raise NoRegionError  # noqa: TRY301 - botocore notices an empty variable only while it signs
        validate_region_name(session.region_name)
    except (NoRegionError, InvalidRegionError) as error:
        reason = str(error).rstrip(".")
        raise InvalidEnvironment(
            f"AWS_REGION, AWS_DEFAULT_REGION: {reason}; write both, for example `eu-central-1`"
        ) from error
    return session


def open_table(session: boto3.Session) -> "DynamoDBClient":
    """Return a client of DynamoDB that speaks plain Python values, as `contract.transitions` does."""
    return session.resource("dynamodb", config=_config(TABLE_READ_TIMEOUT_SECONDS)).meta.client


class AwsClients:
    """One client per service; all are safe to share between threads. `clock` follows the time of their answers."""

    def __init__(self, *, clock: AwsClock) -> None:
        session = open_session()
        session.events.register("before-parse", _check_length)

        def follow(*, response_dict: Mapping[str, Any], **_: object) -> None:
            clock.answered(response_dict["headers"].get("date", ""))

        session.events.register("before-parse", follow)
        self.queue: SQSClient = session.client("sqs", config=_config(QUEUE_READ_TIMEOUT_SECONDS))
        self.table = open_table(session)
        self.storage: S3Client = session.client("s3", config=_config(STORAGE_READ_TIMEOUT_SECONDS))


def error_code(error: Exception) -> str:
    """Return AWS's code of an error, empty if there was no answer."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def is_client_fault(error: Exception) -> bool:
    """Return True if AWS answered that the request is wrong (4xx), so that the same call cannot succeed later."""
    if not isinstance(error, ClientError) or "Throttl" in error_code(error) or "SlowDown" in error_code(error):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    return 400 <= status < 500  # noqa: PLR2004 - HTTP's own classes


def _check_length(*, response_dict: Mapping[str, Any], operation_model: "OperationModel", **_: object) -> None:
    """Raise if an answer broke off: botocore would take half a record for none, and so a task that is held for lost."""
    body, length = response_dict["body"], content_length(response_dict["headers"].get("content-length"))
    # A stream is counted while it is read; nothing follows the head that answers HEAD.
    is_counted = isinstance(body, bytes) and operation_model.http["method"] != "HEAD"
    if is_counted and length is not None and len(body) < length:
        raise IncompleteReadError(actual_bytes=len(body), expected_bytes=length)


def _config(read_timeout_seconds: float) -> Config:
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=STORAGE_CONNECTIONS,
        user_agent=_USER_AGENT,
    )
