"""Claim check of task messages: the task bucket holds bodies that are too large for a topic or a record."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Final

from contract.errors import DarkroomError, InvalidJson, MessageTooLarge
from contract.redaction import text_without_secrets
from contract.storage import MAX_MESSAGE_BYTES, TENANT_FOLDER, UNREADABLE_FOLDER, S3Location, decode_pointer, is_key

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: S3's codes for an object that does not exist, if the reader may list the bucket.
_MISSING: Final = frozenset({"NoSuchKey"})
#: The same without the right to list: S3 hides that an object is missing behind 403.
_MISSING_OR_HIDDEN: Final = frozenset({"NoSuchKey", "NoSuchBucket", "AccessDenied", "404", "403"})


class MessageLost(DarkroomError):
    """Raised when the message of a recorded task is no longer in the bucket."""

    code = "message_lost"


class TaskBucket:
    """Texts in S3; they expire with their tasks.

    Set `may_list` to False for a reader without the right to list the bucket: S3 answers such a reader with 403 for a
    missing object.
    """

    def __init__(self, *, client: "S3Client", bucket: str, may_list: bool = True) -> None:
        self._client = client
        self._bucket = bucket
        self._missing_codes = _MISSING if may_list else _MISSING_OR_HIDDEN

    def location(self, key: str) -> S3Location:
        """Return the location of the object with this key."""
        return S3Location(self._bucket, key)

    def put(self, key: str, body: str) -> None:
        """Store a text."""
        self._client.put_object(
            Bucket=self._bucket, Key=key, Body=body.encode(), ContentType="application/json", ChecksumAlgorithm="CRC32"
        )

    def get(self, key: str) -> str:
        """Return a text; raises MessageLost for a missing one."""
        try:
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            raise MessageLost(f"the message of the task is gone: {self.location(key).uri}; submit it again") from None
        return body.decode()

    def resolve(self, body: str, *, may_point_to: Callable[[str], bool] | None = None) -> str:
        """Return the payload of a message: the body itself, or the object that its pointer names.

        `may_point_to` returns True for a key that the sender of the message may read; without it, every key is allowed.

        Raises:
            InvalidJson: the pointer names another bucket, a missing object, or an object that is not text.
            MessageTooLarge: the object is larger than a function or an agent can hold.
            botocore's errors: S3 does not answer.
        """
        location = decode_pointer(body)
        if location is None:
            return body
        if location.bucket != self._bucket:
            raise InvalidJson(
                f"the message points to bucket {location.bucket!r}; put large messages into {self._bucket!r}"
            )
        if may_point_to is not None and not may_point_to(location.key):
            raise InvalidJson(
                f"the message points to {location.key[:200]!r}, which its sender must not read; put large messages"
                f" into another folder, and those of a publisher below {TENANT_FOLDER}/, followed by its name"
            )
        if not is_key(location.key):
            # boto3 or S3 would refuse it with an error like that of an outage, and the caller would retry for ever.
            raise InvalidJson(f"the message points to {location.key[:200]!r}, which is not a key of S3")
        try:
            response = self._client.get_object(Bucket=self._bucket, Key=location.key)
            # The body as a context manager would give the raw stream below it, whose errors are not botocore's.
            with closing(response["Body"]) as stream:
                if response["ContentLength"] > MAX_MESSAGE_BYTES:
                    raise MessageTooLarge(
                        f"{location.uri} has {response['ContentLength']} bytes; {MAX_MESSAGE_BYTES} are allowed:"
                        " pass links to pictures instead of base64"
                    )
                return stream.read().decode()
        except self._client.exceptions.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in self._missing_codes:
                raise InvalidJson(f"the message points to {location.uri}, where nothing can be read ({code})") from None
            raise
        except UnicodeDecodeError as error:
            raise InvalidJson(f"{location.uri} is not UTF-8 text: byte {error.start} cannot be decoded") from None

    def keep_unreadable(self, message_id: str, *, body: str, source: str) -> S3Location:
        """Store an unreadable message for the operators, without the secrets in it; return its location."""
        location = self.location(f"{UNREADABLE_FOLDER}/{message_id}.json")
        kept = {"source": source, "message_id": message_id, "body": text_without_secrets(body)}
        self.put(location.key, json.dumps(kept))
        return location
