"""Upload of a task's outputs to S3. The record names them only after that, so a crash loses nothing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from contract.json_values import compact_json
from contract.picture_list import listed, listed_copies, manifest
from contract.record import Status
from contract.storage import (
    S3Location,
    image_key,
    manifest_key,
    output_metadata,
    output_run,
    response_key,
    thumbnail_key,
)
from contract.transitions import Outcome
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.agent.core.worker_pools import MAX_STORING
from runtime_image.agent.store.picture_delivery import PictureDelivery
from runtime_image.agent.store.picture_encoder import THUMBNAIL_TYPE, PictureEncoder
from runtime_image.process.aws import AWS_ERRORS, error_code
from runtime_image.process.engine import MadeFile, Outputs
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from runtime_image.process.threads import in_parallel

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Uploads at a time of one task: the most that shortens the wait for one instance's uplink.
PARALLEL_UPLOADS: Final = 4

#: Content types that a browser shows with their scripts and links, or takes for another type.
_RUN_BY_BROWSERS: Final = frozenset({"text/html", "text/plain", "image/svg+xml"})

Upload = Callable[[], object]


@dataclass(kw_only=True, eq=False)
class OutputUploader:
    """The stage that stores the outputs of a task."""

    name = "store"
    workers = MAX_STORING

    storage: "S3Client"
    bucket: str
    encoder: PictureEncoder
    delivery: PictureDelivery
    retry: Retry
    log: EventLog

    def run(self, task: ClaimedTask) -> None:
        """Upload the outputs and write the outcome that names them.

        A picture that exists is kept: S3 is asked again until the task is aborted.

        Raises:
            TaskAborted: if the task was aborted meanwhile.
            DarkroomError: if the answer lacks what the call must bring, or cannot be converted.
        """
        made = _outputs_of(task)
        files = tuple(self.encoder.convert(picture, task.metadata.output) for picture in made.files)
        outputs = replace(made, files=files)
        keys = self._keys(task, outputs)
        uploads = [self._upload(task, keys[index], picture) for index, picture in enumerate(outputs.files)]
        *urls, output_url = [S3Location(self.bucket, key).uri for key in keys]
        uploads.append(self._upload(task, keys[-1], _json(outputs.response_with(urls))))
        outcome = Outcome(Status.COMPLETED, image_urls=listed(urls), output_url=output_url)
        if len(outcome.image_urls) < len(urls):
            metadata = task.metadata
            key = manifest_key(metadata.prefix, metadata.id, output_run(task.lease.run_id, task.attempt))
            uploads.append(self._upload(task, key, _json(manifest(urls, output_url).encode())))
            outcome = replace(outcome, image_count=len(urls), manifest_url=S3Location(self.bucket, key).uri)
        thumbnails = {
            number: self._thumbnail(task, number, picture)
            for number, picture in enumerate(outputs.files, 1)
            if task.metadata.output.thumbnails and picture.content_type.startswith("image/")
        }
        results = in_parallel([*uploads, *thumbnails.values()], threads=PARALLEL_UPLOADS, name="upload")
        for result in results[: len(uploads)]:
            if isinstance(result, Exception):
                raise result
        numbers = self._numbers_of(task, thumbnails, results[len(uploads) :])
        names = [key.rpartition("/")[2] for key in keys]
        deliveries = listed_copies(self.delivery.deliver(task, outputs.files, names[:-1]))
        task.answer, task.outcome = None, replace(outcome, thumbnails=numbers, deliveries=deliveries)

    def _thumbnail(self, task: ClaimedTask, number: int, picture: MadeFile) -> Upload:
        metadata = task.metadata
        key = thumbnail_key(metadata.prefix, metadata.id, output_run(task.lease.run_id, task.attempt), number)
        # It is sent once, because a task must not wait for its thumbnails.
        return lambda: self._put(task, key, MadeFile(self.encoder.thumbnail(picture), "webp", THUMBNAIL_TYPE))

    def _numbers_of(self, task: ClaimedTask, numbers: Iterable[int], results: Sequence[object]) -> tuple[int, ...]:
        """Return the numbers of the pictures whose thumbnail was stored. A missing one does not fail the task."""
        made = []
        for number, result in zip(numbers, results, strict=True):
            if isinstance(result, TaskAborted):
                raise result
            if isinstance(result, Exception):
                self.log.warning("thumbnail_failed", task_id=task.metadata.id, picture=number, reason=str(result))
            else:
                made.append(number)
        return tuple(made)

    def _keys(self, task: ClaimedTask, outputs: Outputs) -> list[str]:
        """Return the key of each picture, and last that of the rest of the answer."""
        prefix, task_id, run = task.metadata.prefix, task.metadata.id, output_run(task.lease.run_id, task.attempt)
        keys = [
            image_key(prefix, task_id, run, number, picture.extension)
            for number, picture in enumerate(outputs.files, 1)
        ]
        return [*keys, response_key(prefix, task_id, run)]

    def _upload(self, task: ClaimedTask, key: str, file: MadeFile) -> Upload:
        put = partial(self._put, task, key, file)
        return lambda: self.retry.call(put, until=task.aborted.is_set, task_id=task.metadata.id)

    def _put(self, task: ClaimedTask, key: str, file: MadeFile) -> None:
        if task.aborted.is_set():
            raise TaskAborted
        # A browser must not run what a task made.
        as_attachment: Any = {"ContentDisposition": "attachment"} if file.content_type in _RUN_BY_BROWSERS else {}
        try:
            # The role allows no other write, so that no output can be replaced.
            with file.opened() as body:
                self.storage.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=body,
                    ContentType=file.content_type,
                    Metadata=output_metadata(task.task_message.tenant),
                    IfNoneMatch="*",
                    **as_attachment,
                )
        except AWS_ERRORS as error:
            # This attempt alone writes to the key, so S3 has the object and the answer to its first write was lost.
            if error_code(error) != "PreconditionFailed":
                raise


def _json(content: bytes) -> MadeFile:
    return MadeFile(content, "json", "application/json")


def _outputs_of(task: ClaimedTask) -> Outputs:
    if task.call is None:
        # The agent itself carried the task out.
        return Outputs((), compact_json(task.answer).encode())
    return task.call.read_outputs(task.answer)
