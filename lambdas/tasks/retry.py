"""Retry of a task that did not succeed: the same id and content, as another run."""

from typing import Final

from contract.errors import NotRetryable
from contract.json_values import parse_json_object
from contract.message import TaskMessage
from contract.record import Record, Status
from contract.storage import run_id_of_submission
from lambdas.tasks.publisher import TaskPublisher
from lambdas.tasks.submission import message_place, remembered_submissions
from task_store.repository import Create, TaskRepository
from task_store.task_bucket import TaskBucket

#: States after which a task may be begun again.
RETRYABLE_STATUSES: Final = (Status.FAILED, Status.TIMED_OUT)
#: Fields of a record that say what the task is, and not what became of one of its runs.
_KEPT: Final = {
    "id",
    "runtime",
    "tasktype",
    "format",
    "prefix",
    "endpoint",
    "context",
    "webhook",
    "key_name",
    "checkpoint",
    "requested_checkpoint",
    "fingerprint",
    "execution_timeout_ms",
    "ttl_ms",
    "low_priority",
}


class TaskRetry:
    """Begins tasks again; each is counted in its record's `retries`. `create` is as for `TaskSubmission`."""

    def __init__(
        self, *, repository: TaskRepository, bucket: TaskBucket, publisher: TaskPublisher, create: Create | None = None
    ) -> None:
        self._repository = repository
        self._create = create or repository.create
        self._bucket = bucket
        self._publisher = publisher

    def retry(self, previous: Record, *, submission_id: str, now_ms: int) -> Record:
        """Record and publish another run of a task, and return its record.

        Raises:
            NotRetryable: the task is in another state, or somebody else has just begun it again.
            TooManyActiveTasks: the sender's key has as many as it may.
            MessageLost: what was to be done is not stored any more.
        """
        if previous.status not in RETRYABLE_STATUSES:
            raise _not_retryable(previous)
        run = run_id_of_submission(previous.id, submission_id, previous.run_id)
        body = self._body(previous, run, now_ms)
        record = Record.model_validate(
            previous.model_dump(include=_KEPT)
            | message_place(body, previous.id, run, previous.fingerprint)
            | {
                "run": run,
                "status": Status.IN_QUEUE,
                "submission_id": submission_id,
                "earlier_submission_ids": remembered_submissions(previous),
                "submitted_at_ms": now_ms,
                "retries": previous.retries + max(previous.attempts - 1, 0) + 1,
            }
        )
        if record.message_key:
            self._bucket.put(record.message_key, body)
        if not self._create(record, after=previous):
            raise _not_retryable(self._repository.read(previous.id) or previous)
        self._publisher.publish(record, body=body)
        return record

    def _body(self, previous: Record, run: str, now_ms: int) -> str:
        stored = self._bucket.get(previous.message_key) if previous.message_key else (previous.message or "")
        message = TaskMessage.from_body(parse_json_object(stored))
        return message.model_copy(update={"run_id": run, "submitted_at_ms": now_ms}).to_body()


def _not_retryable(record: Record) -> NotRetryable:
    return NotRetryable(
        f"task {record.id} is {record.status.value}; only a task that is {' or '.join(RETRYABLE_STATUSES)} can be"
        " begun again"
    )
