"""Places in S3: outputs of a task, messages too large for a topic, checkpoints."""

import hashlib
import json
from typing import Any, Final, NamedTuple

from contract.upload import UPLOAD_FOLDER

#: Bytes of a message body above which it is passed by reference. SNS accepts 256 KiB of body and attributes together.
MAX_INLINE_MESSAGE_BYTES: Final = 192 * 1024
#: Bytes of a message body above which the record points to S3, because every later write of a record is billed by the
#: size of the whole item.
MAX_RECORD_MESSAGE_BYTES: Final = 4 * 1024
#: Bytes of a message body that is passed by reference. The HTTP API accepts 6 MB, and JSON's escapes make it up
#: to three times larger. Functions and agents need several times its size to hold it parsed.
MAX_MESSAGE_BYTES: Final = 16 * 1024 * 1024
CHECKPOINT_FOLDER: Final = "Stable-diffusion"
LORA_FOLDER: Final = "Lora"
#: Key of a model's metadata in the bucket: the SHA-256 of the file. Web UIs name checkpoints by its first digits.
SHA256_METADATA: Final = "sha256"
#: Folder of the task bucket for message bodies that are passed by reference.
MESSAGE_FOLDER: Final = "messages"
#: Folder of the task bucket with unreadable queue messages, for the operators.
UNREADABLE_FOLDER: Final = "unreadable"

#: Folder of the task bucket for the tasks of batches.
BATCH_FOLDER: Final = "batches"

#: Folder of the task bucket for the lists and options of the bridge for Web UI clients.
WEBUI_FOLDER: Final = "webui"

#: Folder of the task bucket for the messages that named publishers pass by reference, each below its own name.
TENANT_FOLDER: Final = "tenants"
#: Key of an output's metadata in S3: the tenant of its task.
TENANT_METADATA: Final = "tenant"
#: Tag of the uploads and outputs that a task links. The agents' roles read no others.
LINKED_TAG: Final = {"linked": "true"}
#: Folders of the task bucket whose objects Darkroom itself writes, or lets callers upload.
_OWN_FOLDERS: Final = frozenset(
    {MESSAGE_FOLDER, UNREADABLE_FOLDER, UPLOAD_FOLDER, WEBUI_FOLDER, TENANT_FOLDER, BATCH_FOLDER}
)

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


#: Bytes of a key (Amazon S3 user guide, "Naming Amazon S3 objects").
_MAX_KEY_BYTES: Final = 1024


def is_key(key: str) -> bool:
    """Return True if S3 accepts a key. It refuses others with an error like that of an outage."""
    return key.isprintable() and 0 < len(key.encode(errors="replace")) <= _MAX_KEY_BYTES


class S3Location(NamedTuple):
    """One object in S3."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """The `s3://` form that users see."""
        return f"s3://{self.bucket}/{self.key}"

    @classmethod
    def of(cls, uri: str) -> "S3Location":
        """Return the location that an `s3://` URI names."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(bucket, key)


def output_folder(prefix: str, task_id: str) -> str:
    """Return the key prefix, without trailing slash, of all outputs of a task."""
    return f"{prefix}/{task_id}"


def output_location(bucket: str, prefix: str, task_id: str) -> str:
    """Return the `output_location` of a response."""
    return S3Location(bucket, output_folder(prefix, task_id)).uri


def output_run(run_id: str, attempt: int) -> str:
    """Return the name of a run in the keys of its outputs, which is different for each attempt.

    A replica that vanished may have stored some outputs. Those of the next attempt must not replace or mix with them.
    """
    return run_id if attempt == 1 else f"{run_id}.{attempt}"


def image_key(prefix: str, task_id: str, run_id: str, number: int, extension: str) -> str:
    """Return the key of the picture with this number, counted from 1; `extension` has no dot."""
    return f"{output_folder(prefix, task_id)}/{task_id}-{run_id}-{number}.{extension}"


def thumbnail_key(prefix: str, task_id: str, run_id: str, number: int) -> str:
    """Return the key of the thumbnail of the picture with this number, counted from 1."""
    return f"{output_folder(prefix, task_id)}/{task_id}-{run_id}-{number}-thumbnail.webp"


def preview_key(prefix: str, task_id: str, run_id: str, extension: str) -> str:
    """Return the key of the newest preview of a running task; each preview replaces the one before."""
    return f"{output_folder(prefix, task_id)}/{task_id}-{run_id}-preview.{extension}"


def response_key(prefix: str, task_id: str, run_id: str) -> str:
    """Return the key of the Web UI's response without its image data."""
    return f"{output_folder(prefix, task_id)}/{task_id}-{run_id}.out"


def manifest_key(prefix: str, task_id: str, run_id: str) -> str:
    """Return the key of the list of all outputs, which exists if the record does not name them all."""
    return f"{output_folder(prefix, task_id)}/{task_id}-{run_id}-manifest.json"


def output_metadata(tenant: str) -> dict[str, str]:
    """Return the metadata of an output in S3, by which the edge knows its owner."""
    return {TENANT_METADATA: tenant} if tenant else {}


def message_folder(runtime: str) -> str:
    """Return the key prefix, without trailing slash, of all message bodies of a runtime's tasks."""
    return f"{MESSAGE_FOLDER}/{runtime}"


def message_key(runtime: str, task_id: str, run_id: str) -> str:
    """Return the key in the task bucket of a message body that is passed by reference."""
    return f"{message_folder(runtime)}/{task_id}/{run_id}.json"


def webui_list_key(runtime: str, endpoint: str) -> str:
    """Return the key in the task bucket of the response of a runtime's Web UI to a GET."""
    return f"{WEBUI_FOLDER}/{runtime}/lists/{endpoint}.json"


def webui_options_key(runtime: str, key_name: str) -> str:
    """Return the key in the task bucket of the options that the owner of an API key has set at a runtime."""
    return f"{WEBUI_FOLDER}/{runtime}/options/{key_name}.json"


def is_passed_by_reference(key: str, publisher: str | None) -> bool:
    """Return True if a message may point to this key of the task bucket; `publisher` names a publisher with a topic."""
    segments = key.split("/")
    if {".", ".."} & set(segments):
        return False
    return segments[:2] == [TENANT_FOLDER, publisher] if publisher else segments[0] not in _OWN_FOLDERS


def checkpoint_key(name: str) -> str:
    """Return the key in the model bucket of the checkpoint with this file name."""
    return f"{CHECKPOINT_FOLDER}/{name}"


def run_id_of_submission(task_key: str, submission_id: str) -> str:
    """Return the sixteen hexadecimal digits that separate the outputs of the submissions of one id.

    They are derived from the submission, so a message that arrives twice names the same run. Their 64 bits never
    repeat, so a new run of the id keeps the older pictures, and no one else can guess where they are.
    """
    return hashlib.sha256(f"{task_key}\n{submission_id}".encode()).hexdigest()[:16]


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
