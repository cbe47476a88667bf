"""Refusals of AWS that no repetition can change, because the request itself is wrong."""

from typing import Final

from contract.errors import DarkroomError

#: Codes of DynamoDB, SNS, SQS and S3. Rights, keys and limits of rates are not among them, because operators and time
#: change those.
_CODES: Final = frozenset(
    {
        "BatchRequestTooLong",
        "EntityTooLarge",
        "InvalidArgument",
        "InvalidMessageContents",
        "InvalidParameter",
        "InvalidParameterValue",
        "InvalidRequest",
        "ItemCollectionSizeLimitExceededException",
        "KeyTooLongError",
        "MetadataTooLarge",
        "ValidationException",
    }
)


class StorageRefused(DarkroomError):
    """Raised when AWS refuses for good what a task asks for or has made, so that every repetition would be refused."""

    code = "storage_refused"

    def __init__(self, reason: object) -> None:
        super().__init__(f"AWS does not accept the task: {reason}")


def is_refused_for_good(error: Exception) -> bool:
    """Return True if AWS, or its client, would refuse the same request again."""
    from botocore.exceptions import ClientError, ParamValidationError  # noqa: PLC0415 - loaded with the clients

    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") in _CODES
    return isinstance(error, ParamValidationError)


def may_pass(error: Exception) -> bool:
    """Return True if the same call of AWS may succeed later. Every other error is a defect, which stays."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see above

    return isinstance(error, BotoCoreError | ClientError | OSError) and not is_refused_for_good(error)
