"""Submission of a checked task: records and publishes it in an order that survives crashes and repetitions.

Body to S3 if it is large, then the record, then the message, then the mark that it was sent. A repeated
submission, or the same content while the first task is active, continues where the other stopped.
"""

import hashlib
from typing import Any, Final

from contract.errors import IdInUse, MessageTooLarge
from contract.json_values import canonical_json, compact_json
from contract.message import TaskMessage
from contract.record import MAX_EARLIER_SUBMISSIONS, Record, Status
from contract.runpod import ENDPOINT_OF_TASKTYPE, endpoint_of, without_token
from contract.storage import MAX_MESSAGE_BYTES, MAX_RECORD_MESSAGE_BYTES, message_key, run_id_of_submission
from contract.submission import Submission
from lambdas.runtime.aws_errors import AwsUnavailable
from lambdas.tasks.publisher import TaskPublisher
from task_store.repository import Create, TaskRepository
from task_store.task_bucket import TaskBucket

#: Tries to record a run while others write the same id; each lost race means that somebody else made progress.
MAX_RACES: Final = 5


class TaskSubmission:
    """Submits checked tasks. `create` replaces the repository's own method."""

    def __init__(
        self, *, repository: TaskRepository, bucket: TaskBucket, publisher: TaskPublisher, create: Create | None = None
    ) -> None:
        self._repository = repository
        self._create = create or repository.create
        self._bucket = bucket
        self._publisher = publisher

    def submit(
        self,
        submission: Submission,
        *,
        submission_id: str,
        now_ms: int,
        key_name: str | None = None,
        webui_session: str | None = None,
    ) -> Record:
        """Record and publish a task, and return its record.

        `submission_id` is the same for every delivery of one submission, and of no other. `key_name` names the sender's
        key, if it sent one. `webui_session` is the session of the Web UI client that waits, if one does.

        Raises:
            IdInUse: another task with this id, of other content, is still active.
            MessageTooLarge: no agent would read its message.
            TooManyActiveTasks: the sender's key has as many as it may.
        """
        previous: Record | None = None
        for _ in range(MAX_RACES):
            record, body, stored_body = _new_record(submission, submission_id, now_ms, previous)
            record = record.model_copy(update={"key_name": key_name, "webui_session": webui_session})
            if record.message_key:
                self._bucket.put(record.message_key, stored_body)
            if self._create(record, after=previous):
                self._publisher.publish(record, body=body)
                return record
            existing = self._repository.read(record.id)
            if existing is None:
                previous = None
                continue
            if submission_id in existing.earlier_submission_ids:
                # Its own run has ended; neither another run nor a refusal may follow.
                return existing
            if existing.submission_id == submission_id or (
                not existing.is_final and existing.fingerprint == record.fingerprint
            ):
                return self._go_on_with(existing)
            if not existing.is_final:
                raise IdInUse(
                    f"task {record.id} is {existing.status.value} with other content; use another id, wait for its end,"
                    " or cancel it"
                )
            previous = existing
        raise AwsUnavailable(f"task {submission.task.metadata.id} is being submitted by many at once; try again")

    def _go_on_with(self, existing: Record) -> Record:
        if existing.status is Status.IN_QUEUE and existing.published_at_ms is None:
            self._publisher.publish(existing)
        return existing


def _new_record(
    submission: Submission, submission_id: str, now_ms: int, previous: Record | None
) -> tuple[Record, str, str]:
    """Return the record, the message body to publish, and the one to store, which holds no secret."""
    task = submission.task
    metadata = task.metadata
    run = run_id_of_submission(metadata.id, submission_id, previous.run_id if previous else None)
    message = TaskMessage(task=task, run_id=run, checkpoint=submission.checkpoint, submitted_at_ms=now_ms)
    body = message.to_body()
    if len(body) > MAX_MESSAGE_BYTES:
        raise MessageTooLarge(
            f"the task takes {len(body)} bytes of JSON; {MAX_MESSAGE_BYTES} are allowed:"
            " pass links to pictures instead of base64"
        )
    storable = task.model_copy(update={"content": without_token(task.content)})
    stored_body = body if storable == task else message.model_copy(update={"task": storable}).to_body()
    fingerprint = _fingerprint(submission)
    record = Record(
        id=metadata.id,
        run_id=run,
        status=Status.IN_QUEUE,
        runtime=metadata.runtime,
        tasktype=metadata.tasktype.value,
        format=submission.format.value,
        prefix=metadata.prefix,
        endpoint=ENDPOINT_OF_TASKTYPE.get(metadata.tasktype) or endpoint_of(task.content),
        context=compact_json(metadata.context),
        webhook=metadata.webhook,
        checkpoint=submission.checkpoint,
        requested_checkpoint=submission.requested_checkpoint,
        submission_id=submission_id,
        fingerprint=fingerprint,
        earlier_submission_ids=remembered_submissions(previous),
        **message_place(stored_body, metadata.id, run, fingerprint),
        execution_timeout_ms=metadata.policy.execution_timeout_ms,
        ttl_ms=metadata.policy.ttl_ms,
        low_priority=metadata.policy.low_priority,
        submitted_at_ms=now_ms,
    )
    return record, body, stored_body


def message_place(body: str, task_id: str, run: str, fingerprint: str) -> dict[str, Any]:
    """Return the fields of a record that hold a message body, or say where in the task bucket it is to lie."""
    # The body is pure ASCII, so characters are bytes.
    if len(body) > MAX_RECORD_MESSAGE_BYTES:
        return {"message_key": message_key(task_id, run, fingerprint)}
    return {"message": body}


def remembered_submissions(previous: Record | None) -> tuple[str, ...]:
    """Return the submissions whose redeliveries are no news to the run that comes after `previous`."""
    if previous is None:
        return ()
    return (*previous.earlier_submission_ids, previous.submission_id)[-MAX_EARLIER_SUBMISSIONS:]


def _fingerprint(submission: Submission) -> str:
    content = submission.task.model_dump(mode="json") | {"checkpoint": submission.checkpoint}
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()
