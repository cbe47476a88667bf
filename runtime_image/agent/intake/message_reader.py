"""Reader of queue messages: a body as it is, inside an SNS envelope, or as a claim check for S3."""

from typing import TYPE_CHECKING

from pydantic import ValidationError

from contract.errors import DarkroomError
from contract.json_values import parse_json_object
from contract.message import TaskMessage
from runtime_image.agent.core.errors import NotATask
from task_store.envelope import open_envelope
from task_store.task_bucket import TaskBucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class MessageReader:
    """Reads task messages. A claim check may name only the task bucket."""

    def __init__(self, *, storage: "S3Client", task_bucket: str, runtime: str) -> None:
        self._task_bucket = TaskBucket(client=storage, bucket=task_bucket, may_list=False)
        self._runtime = runtime

    def read(self, body: str) -> TaskMessage:
        """Return the task in `body`.

        Raises:
            NotATask: if it can never be read.
            botocore's errors: if S3 does not answer.
        """
        try:
            payload = self._task_bucket.resolve(open_envelope(body).body)
            message = TaskMessage.from_body(parse_json_object(payload))
        except DarkroomError as error:
            raise NotATask(error.message) from error
        except ValidationError as error:
            places = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors()[:10])
            raise NotATask(f"not a task message: {places}") from error
        if message.task.metadata.runtime != self._runtime:
            raise NotATask(f"meant for runtime {message.task.metadata.runtime!r}, delivered to {self._runtime!r}")
        return message
