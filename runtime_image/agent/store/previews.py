"""Previews of running tasks' pictures, stored in the output bucket for callers of the HTTP API."""

import base64
import binascii
from typing import TYPE_CHECKING, Final

from contract.picture_formats import detect_format
from contract.storage import S3Location, output_metadata, output_run, preview_key
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.events import Event, PreviewStored

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Bytes of a preview: a PNG of 1024² has 2 MB. A larger one would delay those of other tasks.
MAX_PREVIEW_BYTES: Final = 4 * 1024 * 1024


class Previews:
    """Job that stores the newest preview of a task, next to its outputs."""

    name = "preview"
    workers = 1

    def __init__(self, *, storage: "S3Client", bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket

    def run(self, task: ClaimedTask, encoded: str) -> Event:
        """Store a preview, base64."""
        return PreviewStored(task, self.store(task, encoded))

    def failed(self, error: Exception, task: ClaimedTask, _: str) -> Event:  # noqa: ARG002 - the next is two seconds away
        """Return a preview that could not be stored."""
        return PreviewStored(task, None)

    def store(self, task: ClaimedTask, encoded: str) -> str | None:
        """Store a preview and return its `s3://` URI; None if it is not a picture. Raises botocore's errors."""
        try:
            # The engine may put a data URL's head before it.
            data = base64.b64decode(encoded.rpartition(",")[2], validate=True)
        except (binascii.Error, ValueError):
            return None
        kind = detect_format(data)
        if kind is None or not kind.extension or len(data) > MAX_PREVIEW_BYTES:
            return None
        run = output_run(task.lease.run_id, task.attempt)
        key = preview_key(task.metadata.prefix, task.metadata.id, run, kind.extension)
        location = S3Location(self._bucket, key)
        self._storage.put_object(
            Bucket=location.bucket,
            Key=location.key,
            Body=data,
            ContentType=kind.content_type,
            Metadata=output_metadata(task.task_message.tenant),
        )
        return location.uri
