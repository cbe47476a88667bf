"""Submitter: makes a recorded and published task from the body of a POST, and its response."""

from typing_extensions import TypedDict

from contract.json_values import parse_json_object
from contract.record import Record
from contract.routing import Catalogue, FindCheckpoint
from contract.storage import output_location
from contract.submission import Format, parse_submission
from lambdas.http.application import Caller
from lambdas.runtime.observability import count, logger
from lambdas.tasks.submission import TaskSubmission


class SubmittedTask(TypedDict):
    """The answer to a v1alpha2 request."""

    id_task: str
    runtime: str
    output_location: str


class SubmittedOlderTask(TypedDict):
    """The answer to a v1alpha1 request."""

    id_task: str
    sd_model_checkpoint: str | None
    output_location: str


class TaskSubmitter:
    """Submits tasks and answers in the format of the request."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        find_checkpoint: FindCheckpoint,
        tasks: TaskSubmission,
        output_bucket: str,
    ) -> None:
        self._catalogue = catalogue
        self._find_checkpoint = find_checkpoint
        self._tasks = tasks
        self._output_bucket = output_bucket

    def submit(
        self, body: str | bytes, format_: Format, *, caller: Caller, now_ms: int
    ) -> SubmittedTask | SubmittedOlderTask:
        """Submit a task and return the response; raises the contract's errors."""
        submission = parse_submission(
            parse_json_object(body),
            catalogue=self._catalogue,
            find_checkpoint=self._find_checkpoint,
            format_=format_,
        )
        record = self._tasks.submit(
            submission, submission_id=caller.request_id, now_ms=now_ms, key_name=caller.key_name
        )
        logger().info("task_accepted", task_id=record.id, run_id=record.run_id, runtime=record.runtime)
        count("TasksAccepted", runtime=record.runtime)
        return self._response(record, format_, submission.requested_checkpoint)

    def _response(
        self, record: Record, format_: Format, requested_checkpoint: str | None
    ) -> SubmittedTask | SubmittedOlderTask:
        location = output_location(self._output_bucket, record.prefix, record.id)
        if format_ is Format.V1ALPHA1:
            return {
                "id_task": record.id,
                "sd_model_checkpoint": requested_checkpoint,
                "output_location": location,
            }
        return {"id_task": record.id, "runtime": record.runtime, "output_location": location}
