"""From the body of a queue message to a task: as it is, inside an SNS envelope, or by reference to S3."""

import json
from contextlib import closing
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from contract.errors import DarkroomError
from contract.json_values import parse_json_object
from contract.message import TaskMessage
from contract.storage import S3Location, decode_pointer
from runtime_image.agent.core.errors import NotATask
from runtime_image.process.aws import error_code

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

from botocore.exceptions import ClientError

#: Bytes of a message passed by reference. The HTTP API takes 6 MB, the topics 1 MiB; JSON escapes may double it.
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
#: S3's ways to say that there is no such object, or none that we may read.
_MISSING_CODES: Final = frozenset({"NoSuchKey", "NoSuchBucket", "AccessDenied", "404", "403"})


class MessageReader:
    """Reads task messages; only the task bucket is trusted for those passed by reference."""

    def __init__(self, *, storage: "S3Client", task_bucket: str, runtime: str) -> None:
        self._storage = storage
        self._task_bucket = task_bucket
        self._runtime = runtime

    def read(self, body: str) -> TaskMessage:
        """Return the task in `body`.

        Raises:
            NotATask: if it cannot be read, now or ever.
            botocore's errors: if S3 does not answer.
        """
        text = _unwrap(body)
        location = decode_pointer(text)
        payload: str | bytes = text if location is None else self._fetch(location)
        try:
            message = TaskMessage.from_body(parse_json_object(payload))
        except DarkroomError as error:
            raise NotATask(error.message) from error
        except ValidationError as error:
            places = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors()[:10])
            raise NotATask(f"not a task message: {places}") from error
        if message.task.metadata.runtime != self._runtime:
            raise NotATask(f"meant for runtime {message.task.metadata.runtime!r}, delivered to {self._runtime!r}")
        return message

    def _fetch(self, location: S3Location) -> bytes:
        if location.bucket != self._task_bucket:
            raise NotATask("the reference points outside the task bucket")
        try:
            answer = self._storage.get_object(Bucket=location.bucket, Key=location.key)
        except ClientError as error:
            if error_code(error) in _MISSING_CODES:
                raise NotATask(f"the reference leads to nothing ({error_code(error)})") from error
            raise
        # Entering botocore's body itself would give the raw stream below it, whose errors are not botocore's.
        with closing(answer["Body"]) as stream:
            if answer["ContentLength"] > MAX_MESSAGE_BYTES:
                raise NotATask(f"the referenced message has {answer['ContentLength']} bytes")
            return stream.read()


def _unwrap(body: str) -> str:
    """Return the message inside an SNS envelope, or the body itself (raw delivery)."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return body
    match value:
        case {"Type": "Notification", "Message": str(message)}:
            return message
    return body
