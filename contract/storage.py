"""Places in S3: outputs of a task, messages too large for a topic, checkpoints."""

import hashlib
import json
from typing import Any, Final, NamedTuple

#: Bytes of a message body above which it is passed by reference. SNS accepts 256 KiB of body and attributes together.
MAX_INLINE_MESSAGE_BYTES: Final = 192 * 1024
#: Bytes of a message body above which the record points to S3, because every later write of a record is billed by the
#: size of the whole item.
MAX_RECORD_MESSAGE_BYTES: Final = 4 * 1024
#: Bytes of a message body that is passed by reference. The HTTP API accepts 6 MB, and JSON's escapes make it up
#: to three times larger. Functions and agents need several times its size to hold it parsed.
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
CHECKPOINT_FOLDER: Final = "Stable-diffusion"
#: Key of a model's metadata in the bucket: the SHA-256 of the file. Web UIs name checkpoints by its first digits.
SHA256_METADATA: Final = "sha256"
#: Folder of the task bucket for message bodies that are passed by reference.
MESSAGE_FOLDER: Final = "messages"
#: Folder of the task bucket with unreadable queue messages, for the operators.
UNREADABLE_FOLDER: Final = "unreadable"

#: Folder of the task bucket for the lists and options of the bridge for Web UI clients.
WEBUI_FOLDER: Final = "webui"

#: First element of the JSON array that the Amazon SNS and SQS Extended Client Libraries send instead of a payload.
POINTER_CLASSES: Final = frozenset(
    {
        "software.amazon.payloadoffloading.PayloadS3Pointer",
        "com.amazon.sqs.javamessaging.MessageS3Pointer",
    }
)
POINTER_CLASS: Final = "software.amazon.payloadoffloading.PayloadS3Pointer"
#: Message attribute in which the Extended Client Library gives the size of the payload in bytes.
POINTER_SIZE_ATTRIBUTE: Final = "ExtendedPayloadSize"


class S3Location(NamedTuple):
    """One object in S3."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """The `s3://` form that users see."""
        return f"s3://{self.bucket}/{self.key}"


def output_folder(prefix: str, task_id: str) -> str:
    """Return the key prefix, without trailing slash, of all outputs of a task."""
    return f"{prefix}/{task_id}"


def output_location(bucket: str, prefix: str, task_id: str) -> str:
    """Return the `output_location` of a response."""
    return S3Location(bucket, output_folder(prefix, task_id)).uri


def image_key(prefix: str, task_id: str, run_id: str, number: int, extension: str) -> str:
    """Return the key of the picture with this number, counted from 1; `extension` has no dot."""
    return f"{output_folder(prefix, task_id)}/{task_id}-{run_id}-{number}.{extension}"


def preview_key(prefix: str, task_id: str, run_id: str, extension: str) -> str:
    """Return the key of the newest preview of a running task; each preview replaces the one before."""
    return f"{output_folder(prefix, task_id)}/{task_id}-{run_id}-preview.{extension}"


def response_key(prefix: str, task_id: str, run_id: str) -> str:
    """Return the key of the Web UI's response without its image data."""
    return f"{output_folder(prefix, task_id)}/{task_id}-{run_id}.out"


def message_key(task_id: str, run_id: str, fingerprint: str) -> str:
    """Return the key in the task bucket of a message body that is passed by reference.

    Two submissions of one id may share a run's four digits by chance. The fingerprint of the content separates
    their bodies. Otherwise one could replace the other's body before either is recorded.
    """
    return f"{MESSAGE_FOLDER}/{task_id}/{run_id}-{fingerprint[:16]}.json"


def webui_list_key(runtime: str, endpoint: str) -> str:
    """Return the key in the task bucket of the response of a runtime's Web UI to a GET."""
    return f"{WEBUI_FOLDER}/{runtime}/lists/{endpoint}.json"


def webui_options_key(runtime: str, key_name: str) -> str:
    """Return the key in the task bucket of the options that the owner of an API key has set at a runtime."""
    return f"{WEBUI_FOLDER}/{runtime}/options/{key_name}.json"


def checkpoint_key(name: str) -> str:
    """Return the key in the model bucket of the checkpoint with this file name."""
    return f"{CHECKPOINT_FOLDER}/{name}"


def run_id_of_submission(task_id: str, submission_id: str, previous_run: str | None = None) -> str:
    """Return the four hexadecimal digits that separate the outputs of the submissions of one id.

    They are derived from the submission, so a redelivered task overwrites its own objects. They differ from
    `previous_run`, so a new run of the id keeps the older pictures.
    """
    number = int.from_bytes(hashlib.sha256(f"{task_id}\n{submission_id}".encode()).digest()[:2])
    if previous_run == f"{number:04x}":
        number = (number + 1) % 0x10000
    return f"{number:04x}"


def encode_pointer(location: S3Location) -> str:
    """Return the message body that refers to a payload in S3."""
    return json.dumps([POINTER_CLASS, {"s3BucketName": location.bucket, "s3Key": location.key}])


def decode_pointer(body: str) -> S3Location | None:
    """Return the location of the payload of `body`, or None if `body` is the payload itself."""
    if body.lstrip()[:1] != "[":
        return None
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match value:
        case [str(name), {"s3BucketName": str(bucket), "s3Key": str(key)}] if name in POINTER_CLASSES:
            return S3Location(bucket, key)
    return None
