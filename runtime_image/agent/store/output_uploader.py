"""The last stage: pictures to S3, then the record, then the message. In this order a crash loses nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from contract.record import Status
from contract.storage import S3Location, image_key, response_key
from contract.transitions import Outcome
from runtime_image.agent.complete.task_completion import TaskCompletion
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.agent.core.events import Event
from runtime_image.agent.store.outputs import Outputs, read_outputs
from runtime_image.process.parallel import in_parallel
from runtime_image.process.retry import Retry
from runtime_image.webui.request import WebUiRequest

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

#: Uploads at a time of one task: the most that shortens the wait for one instance's uplink.
PARALLEL_UPLOADS: Final = 4

Upload = Callable[[], object]


class OutputUploader:
    """Stores the outputs of a task and commits it."""

    def __init__(self, *, storage: "S3Client", bucket: str, completion: TaskCompletion, retry: Retry) -> None:
        self._storage = storage
        self._bucket = bucket
        self._completion = completion
        self._retry = retry

    def store(self, task: ClaimedTask, request: WebUiRequest, answer: Any) -> Event:
        """Upload, commit, delete the message.

        A picture that exists is kept: S3 is asked again for as long as the task is held.

        Raises:
            GivenUp: if the task was lost meanwhile.
            DarkroomError: if the answer is not what the request must bring.
        """
        outputs = read_outputs(request, answer)
        keys = self._keys(task, outputs)
        uploads = [
            self._upload(task, keys[index], picture.data, picture.content_type)
            for index, picture in enumerate(outputs.pictures)
        ]
        uploads.append(self._upload(task, keys[-1], outputs.response, "application/json"))
        for outcome in in_parallel(uploads, threads=PARALLEL_UPLOADS, name="upload"):
            if isinstance(outcome, Exception):
                raise outcome
        urls = [S3Location(self._bucket, key).uri for key in keys]
        return self._completion.commit(
            task, Outcome(Status.COMPLETED, image_urls=tuple(urls[:-1]), output_url=urls[-1])
        )

    def _keys(self, task: ClaimedTask, outputs: Outputs) -> list[str]:
        """Return the key of each picture, and last that of the rest of the answer."""
        prefix, (task_id, run) = task.metadata.prefix, task.key
        keys = [
            image_key(prefix, task_id, run, number, picture.extension)
            for number, picture in enumerate(outputs.pictures, 1)
        ]
        return [*keys, response_key(prefix, task_id, run)]

    def _upload(self, task: ClaimedTask, key: str, data: bytes, content_type: str) -> Upload:
        def put() -> object:
            if task.aborted.is_set():
                raise TaskAborted
            return self._storage.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=content_type)

        return lambda: self._retry.call(put, useful=lambda: not task.aborted.is_set(), task_id=task.metadata.id)
