"""The task bucket: message bodies too large for a topic or a record, and messages in which no task was found."""

import json
from typing import Any, Final

from contract.errors import DarkroomError, InvalidJson, MessageTooLarge
from contract.runpod import text_without_token
from contract.storage import MAX_MESSAGE_BYTES, UNREADABLE_FOLDER, S3Location, decode_pointer
from lambdas.aws_errors import error_code

#: Bytes of a key (Amazon S3 user guide, "Naming Amazon S3 objects").
_MAX_KEY_BYTES: Final = 1024


class MessageLost(DarkroomError):
    """Raised when the message of a recorded task is no longer in the bucket."""

    code = "message_lost"


class TaskBucket:
    """Texts in S3; they expire with the tasks they belong to."""

    def __init__(self, *, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def location(self, key: str) -> S3Location:
        """Return where the object with this key lies."""
        return S3Location(self._bucket, key)

    def put(self, key: str, body: str) -> None:
        """Store a message body."""
        self._client.put_object(
            Bucket=self._bucket, Key=key, Body=body.encode(), ContentType="application/json", ChecksumAlgorithm="CRC32"
        )

    def get(self, key: str) -> str:
        """Return a message body; raises MessageLost if there is none."""
        try:
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            raise MessageLost(f"the message of the task is gone: {self.location(key).uri}; submit it again") from None
        return body.decode()

    def resolve(self, body: str) -> str:
        """Return the payload of a message: its body, or what its pointer points to.

        Raises:
            InvalidJson: the pointer leads out of this bucket or to nothing.
            MessageTooLarge: what it points to is more than a function can hold.
        """
        location = decode_pointer(body)
        if location is None:
            return body
        if location.bucket != self._bucket:
            raise InvalidJson(
                f"the message points to bucket {location.bucket!r}; put large messages into {self._bucket!r}"
            )
        if not _is_key(location.key):
            # boto3 or S3 would refuse it in ways that look like failures of AWS, and be asked again for ever.
            raise InvalidJson(f"the message points to {location.key[:200]!r}, which is no key of S3")
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=location.key)
            if answer["ContentLength"] > MAX_MESSAGE_BYTES:
                raise MessageTooLarge(
                    f"{location.uri} has {answer['ContentLength']} bytes; {MAX_MESSAGE_BYTES} are allowed:"
                    " pass links to pictures instead of base64"
                )
            payload: bytes = answer["Body"].read()
            return payload.decode()
        except self._client.exceptions.ClientError as error:
            # The function may list the bucket, so what does not exist is not 403.
            if error_code(error) == "NoSuchKey":
                raise InvalidJson(f"the message points to {location.uri}, where nothing can be read") from None
            raise
        except UnicodeDecodeError as error:
            raise InvalidJson(f"{location.uri} is not UTF-8 text: byte {error.start} cannot be decoded") from None

    def keep_unreadable(self, message_id: str, *, body: str, source: str) -> S3Location:
        """Keep a message in which no task was found, for the operators; return where. Tokens in it are left out."""
        location = self.location(f"{UNREADABLE_FOLDER}/{message_id}.json")
        kept = {"source": source, "message_id": message_id, "body": text_without_token(body)}
        self.put(location.key, json.dumps(kept))
        return location


def _is_key(key: str) -> bool:
    return key.isprintable() and 0 < len(key.encode()) <= _MAX_KEY_BYTES
