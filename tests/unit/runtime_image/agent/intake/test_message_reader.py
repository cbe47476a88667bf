"""Every body is a task or a NotATask, and nothing else comes out."""

import io
import json
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from hypothesis import given
from hypothesis import strategies as st

from contract.storage import MAX_MESSAGE_BYTES, S3Location, encode_pointer
from runtime_image.agent.core.errors import NotATask
from runtime_image.agent.intake.task_claimer import MessageReader
from runtime_image.process.aws import AWS_ERRORS
from tests.unit.runtime_image.agent.tasks import task_message

ENVELOPE = {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:us-east-1:123456789012:tasks"}


class Bucket:
    """The part of S3 that the reader uses."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.error_code = "NoSuchKey"
        #: Of each body, that do not arrive.
        self.bytes_missing = 0

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if (Bucket, Key) not in self.objects:
            raise ClientError({"Error": {"Code": self.error_code}}, "GetObject")
        data = self.objects[Bucket, Key]
        arriving = io.BytesIO(data[: len(data) - self.bytes_missing])
        return {"Body": StreamingBody(arriving, len(data)), "ContentLength": len(data)}


def reader(bucket: Bucket | None = None) -> MessageReader:
    storage: Any = bucket or Bucket()
    return MessageReader(storage=storage, task_bucket="tasks", runtime="sdruntime")


def test_raw_enveloped_and_referenced_messages_are_read() -> None:
    message = task_message()
    bucket = Bucket()
    bucket.objects["tasks", "messages/x.json"] = message.to_body().encode()
    pointer = encode_pointer(S3Location("tasks", "messages/x.json"))

    bodies = [message.to_body(), pointer]
    for body in [*bodies, *(json.dumps(ENVELOPE | {"Message": body}) for body in bodies)]:
        assert reader(bucket).read(body) == message


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "{}",
        "[" * 10_000,
        "\ud800",
        json.dumps(ENVELOPE | {"Message": "{}"}),
        task_message(runtime="other").to_body(),
        encode_pointer(S3Location("elsewhere", "x")),
        encode_pointer(S3Location("tasks", "missing")),
    ],
)
def test_what_is_no_task_is_refused(body: str) -> None:
    with pytest.raises(NotATask):
        reader().read(body)


def test_a_bucket_that_does_not_answer_is_no_reason_to_drop_the_message() -> None:
    bucket = Bucket()
    bucket.error_code = "SlowDown"

    with pytest.raises(ClientError):
        reader(bucket).read(encode_pointer(S3Location("tasks", "x")))


def test_a_body_that_breaks_off_is_the_buckets_trouble() -> None:
    """As such it is waited out; any other error would use up one of the message's deliveries."""
    bucket = Bucket()
    bucket.objects["tasks", "x"] = task_message().to_body().encode()
    bucket.bytes_missing = 10

    with pytest.raises(AWS_ERRORS):
        reader(bucket).read(encode_pointer(S3Location("tasks", "x")))


def test_a_referenced_message_that_is_too_large_is_refused() -> None:
    bucket = Bucket()
    bucket.objects["tasks", "x"] = b" " * (MAX_MESSAGE_BYTES + 1)

    with pytest.raises(NotATask, match="bytes"):
        reader(bucket).read(encode_pointer(S3Location("tasks", "x")))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)
BODIES = (
    st.text()
    | JSON.map(json.dumps)
    | JSON.map(lambda value: json.dumps(ENVELOPE | {"Message": value}))
    | JSON.map(lambda value: json.dumps({"task": {"metadata": value, "content": {}}, "run": "1", "submitted_at_ms": 1}))
    | JSON.map(lambda value: json.dumps(["software.amazon.payloadoffloading.PayloadS3Pointer", value]))
)


@given(BODIES)
def test_nothing_but_not_a_task_is_raised(body: str) -> None:
    with suppress(NotATask):
        reader().read(body)
