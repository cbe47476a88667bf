"""Submission of tasks: checks, records and publishes a task in an order that survives crashes and repetitions.

Body to S3 if it is large, then the record, then the message, then the mark that it was sent. A repeated
submission, or the same content while the first task is active, continues where the other stopped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from contract import task_v1alpha1
from contract.errors import IdInUse, NotRetryable
from contract.formats import Format
from contract.pipeline.workflow_check import HasObject
from contract.record import Record, Status
from contract.routing import Catalogue, FindCheckpoint
from contract.storage import run_id_of_submission
from contract.submission import Submission, format_of, parse_submission
from contract.tenancy import Tenant
from lambdas.runtime.aws_errors import AwsUnavailable
from lambdas.runtime.observability import count, logger
from lambdas.tasks.active_task_limit import ActiveTaskLimit
from lambdas.tasks.new_record import new_record, remembered_submissions
from lambdas.tasks.output_destination import check_destination
from lambdas.tasks.own_links import OwnLinks
from lambdas.tasks.publisher import TaskPublisher
from lambdas.tasks.stored_message import message_place, stored_message
from task_store.refusals import StorageRefused, is_refused_for_good
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket

#: Tries to record a run while others write the same id. A lost race means that another sender made progress.
MAX_RACES: Final = 5
#: States after which a task may run again.
RETRYABLE_STATUSES: Final = (Status.FAILED, Status.TIMED_OUT)
#: Fields of a record that describe the task. A retry keeps them; all others belong to one run.
_KEPT: Final = {
    "id",
    "runtime",
    "tasktype",
    "format",
    "prefix",
    "endpoint",
    "context",
    "webhook",
    "prompt",
    "checkpoint",
    "requested_checkpoint",
    "requested_runtime",
    "moved_fields",
    "unknown_fields",
    "fingerprint",
    "execution_timeout_ms",
    "ttl_ms",
    "low_priority",
}


@dataclass(kw_only=True)
class TaskSubmission:
    """Submits and retries tasks, within the `limit` of their key if there is one.

    `is_redelivered` says that a queue delivers each submission again after an error. Without a queue, a recorded task
    is accepted although SNS refused its message, and the task reaper publishes it. A caller who wrote no id would send
    a second task after an error.
    """

    catalogue: Catalogue
    find_checkpoint: FindCheckpoint
    has_object: HasObject
    own_links: OwnLinks
    repository: TaskRepository
    bucket: TaskBucket
    publisher: TaskPublisher
    now_ms: Callable[[], int]
    limit: ActiveTaskLimit | None = None
    is_redelivered: bool = False

    def submit(
        self,
        body: dict[str, Any],
        *,
        submission_id: str,
        format_: Format | None = None,
        runtime_name: str | None = None,
        generated_id: str = "",
        tenant: Tenant,
        key_name: str | None = None,
        webui_session: str | None = None,
        batch: str | None = None,
        batch_number: int | None = None,
    ) -> Record:
        """Check, record and publish a task, and return its record.

        `submission_id` is equal for every delivery of one submission, and different for every other submission.
        `format_`, `runtime_name` and `generated_id` are those of `parse_submission`. The record keeps who sent the
        task: the name of a key, the session of a Web UI client that waits, and the batch with the task's number in it.

        Raises:
            InvalidTask: the request has broken fields.
            IdInUse: another task with this id and other content is still active.
            MessageTooLarge: the message is larger than an agent reads.
            TooManyActiveTasks: the sender's key has reached its limit.
        """
        submission = parse_submission(
            body,
            catalogue=self.catalogue,
            find_checkpoint=self.find_checkpoint,
            has_object=self.has_object,
            format_=format_,
            runtime_name=runtime_name,
            generated_id=generated_id,
        )
        check_destination(submission, tenant)
        submission = replace(submission, etags=self.own_links.etags(submission, tenant))
        sender: dict[str, str | int | None] = {"key_name": key_name, "webui_session": webui_session}
        sender |= {"batch": batch, "batch_number": batch_number}
        record = self._submit(submission, submission_id, tenant.name, **sender)
        logger().info(
            "task_accepted",
            task_id=record.id,
            run_id=record.run_id,
            tenant=record.tenant,
            key=record.key_name,
            runtime=record.runtime,
            endpoint=record.endpoint,
        )
        count("TasksAccepted", runtime=record.runtime)
        return record

    def runtime_of(self, body: Mapping[str, Any]) -> str | None:
        """Return the runtime that the checkpoint of a v1alpha1 request names; None for every other request."""
        if format_of(body) is not Format.V1ALPHA1:
            return None
        return task_v1alpha1.runtime_of(body, catalogue=self.catalogue, find_checkpoint=self.find_checkpoint)

    def retry(self, previous: Record, *, submission_id: str, key_name: str | None) -> Record:
        """Record and publish another run of a task that failed or timed out, and return its record.

        A repetition with the same `submission_id` begins no further run. The run counts for the key that asks for it,
        `key_name`.

        Raises:
            NotRetryable: the task is in another state, or another caller has just retried it.
            RuntimeNotFound: the environment no longer has the task's runtime.
            TooManyActiveTasks: the sender's key has reached its limit.
            MessageLost: the content of the task is no longer stored.
        """
        if previous.status not in RETRYABLE_STATUSES or previous.has_begun(submission_id):
            return self._retried_before(previous, submission_id)
        # No queue receives the message of a runtime that does not exist.
        self.catalogue.require(previous.runtime)
        run_id = run_id_of_submission(previous.key, submission_id)
        now_ms = self.now_ms()
        stored = stored_message(previous, bucket=self.bucket)
        body = stored.model_copy(update={"run_id": run_id, "submitted_at_ms": now_ms}).to_body()
        record = Record.model_validate(
            previous.model_dump(include=_KEPT)
            | message_place(body, previous, run_id)
            | {
                "tenant": previous.tenant,
                "key_name": key_name,
                "run_id": run_id,
                "status": Status.IN_QUEUE,
                "submission_id": submission_id,
                "earlier_submission_ids": remembered_submissions(previous),
                "submitted_at_ms": now_ms,
                "retries": previous.retries + max(previous.attempts - 1, 0) + 1,
            }
        )
        if not self._record_and_publish(record, body, after=previous):
            return self._retried_before(self.repository.read(previous.key) or previous, submission_id)
        logger().info(
            "task_retried", task_id=record.id, run_id=record.run_id, tenant=record.tenant, key=record.key_name
        )
        count("TasksRetried", runtime=record.runtime)
        return record

    def _submit(self, submission: Submission, submission_id: str, tenant: str, **sender: str | int | None) -> Record:
        previous: Record | None = None
        now_ms = self.now_ms()
        for _ in range(MAX_RACES):
            record, body, stored_body = new_record(submission, submission_id, now_ms, previous, tenant)
            record = record.model_copy(update=sender)
            if self._record_and_publish(record, body, stored_body=stored_body, after=previous):
                return record
            existing = self.repository.read(record.key)
            if existing is None:
                previous = None
                continue
            # A redelivery must not start another run, or be refused, also after the run of its submission.
            if existing.has_begun(submission_id) or (
                not existing.is_final and existing.fingerprint == record.fingerprint
            ):
                return self._resume(existing, submission)
            if not existing.is_final:
                raise IdInUse(
                    f"task {record.id} is {existing.status.value} with other content; use another id, wait for its end,"
                    " or cancel it"
                )
            previous = existing
        raise AwsUnavailable(f"task {submission.task.metadata.id} is being submitted by many at once; try again")

    def _record_and_publish(
        self, record: Record, body: str, *, stored_body: str | None = None, after: Record | None
    ) -> bool:
        """Store, record and publish a run; return False if the record of its id has changed since it was read."""
        try:
            if record.message_key:
                self.bucket.put(record.message_key, stored_body or body)
            if not (self.limit or self.repository).create(record, after=after):
                return False
        except Exception as error:
            if is_refused_for_good(error):
                raise StorageRefused(error) from error
            raise
        try:
            self.publisher.publish(record, body=body)
        except Exception as error:
            # The reaper does not have the secrets of a message, so only its sender can repeat it.
            if self.is_redelivered or record.has_secret or is_refused_for_good(error):
                raise
            logger().exception("task_published_later", task_id=record.id, run_id=record.run_id)
        return True

    def _retried_before(self, record: Record, submission_id: str) -> Record:
        """Return the record of a task that this submission has retried already; raises NotRetryable for another one."""
        if not record.has_begun(submission_id):
            state, states = record.status.value, " or ".join(RETRYABLE_STATUSES)
            raise NotRetryable(f"task {record.id} is {state}; only one that is {states} can be begun again")
        return self._resume(record)

    def _resume(self, existing: Record, submission: Submission | None = None) -> Record:
        if existing.status is Status.IN_QUEUE and existing.published_at_ms is None:
            self.publisher.publish(existing, body=_message_of(existing, submission) if submission else None)
        return existing


def _message_of(record: Record, submission: Submission) -> str | None:
    """Return the message of a recorded submission with its secrets, which are not stored; None for another content."""
    same, body, _ = new_record(submission, record.submission_id, record.submitted_at_ms, None, record.tenant)
    return body if same.fingerprint == record.fingerprint else None
