"""Acceptance of batches: checks all tasks, stores them, records the batch, and lets it begin.

`lambdas.advance_batches` submits the tasks later. The sender or the task reaper repairs a crash in between.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from contract.batch import RETRIED_STATES, Batch
from contract.errors import BatchNotFinished, FieldError, IdInUse, InvalidJson, InvalidTask, NotRetryable
from contract.json_values import canonical_json, compact_json
from contract.storage import encode_pointer, run_id_of_submission
from contract.tenancy import Tenant, scoped
from lambdas.batch_api.batch_check import BatchCheck
from lambdas.batch_api.batch_request import BatchOptions, PlacedTask, read_batch, stem_of, with_id
from lambdas.http.application import Caller
from lambdas.messaging.queues import BatchQueue
from lambdas.runtime.aws_errors import AwsUnavailable
from lambdas.runtime.observability import count, logger
from lambdas.tasks.batch_tasks import BatchTask, BatchTasks
from lambdas.tasks.own_links import OwnLinks
from task_store.batches import BatchRepository
from task_store.task_bucket import TaskBucket

#: Begins the end of the ids of a retry.
_RETRY: Final = "-r"


@dataclass(frozen=True, kw_only=True)
class BatchAcceptance:
    """Accepts batches, and retries of their failed tasks."""

    batches: BatchRepository
    tasks: BatchTasks
    bucket: TaskBucket
    check: BatchCheck
    own_links: OwnLinks
    queue: BatchQueue
    now_ms: Callable[[], int]

    def accept(self, body: str | bytes, *, content_type: str, query: Mapping[str, str], caller: Caller) -> Batch:
        """Check, record and begin a batch; a repetition with the same id and content is the same batch.

        Raises:
            InvalidTask: options or tasks are broken; every place is named.
            InvalidJson: the body is not JSON.
            IdInUse: another batch has the id.
            MessageTooLarge: the tasks are too large, or their check takes too long.
        """
        request = read_batch(
            body,
            content_type=content_type,
            query=query,
            read_upload=lambda link: self._read_upload(link, caller.tenant),
        )
        return self._accept(request.options, request.tasks, caller)

    def retry(self, batch: Batch, *, caller: Caller) -> Batch:
        """Accept a batch of the failed tasks of another one, whose id and tasks follow from that one.

        Raises:
            BatchNotFinished: tasks of the batch are still active.
            NotRetryable: no task has failed.
            MessageLost: the tasks are no longer stored.
        """
        if not batch.is_final:
            raise BatchNotFinished(
                f"batch {batch.id} has {len(batch.active)} active tasks; wait for its end, or cancel it"
            )
        numbers = sorted(number for state in RETRIED_STATES for number in batch.numbers(state))
        if not numbers:
            raise NotRetryable(f"batch {batch.id} has no task that failed, timed out or was refused")
        stored = self.tasks.read(batch)
        retried = [stored[number - 1] for number in numbers]
        suffix = _retry_suffix(batch)
        options = BatchOptions(
            id=f"{_stem(batch.id, batch)}{suffix}",
            callback=batch.has_callback,
            webhook=batch.webhook,
            context=batch.context_value,
        )
        tasks = [
            PlacedTask(f"task {task.id}: ", with_id(task.body, f"{_stem(task.id, batch)}{suffix}")) for task in retried
        ]
        return self._accept(options, tasks, caller, retry_of=batch.id)

    def _accept(
        self, options: BatchOptions, placed: Sequence[PlacedTask], caller: Caller, *, retry_of: str | None = None
    ) -> Batch:
        tenant = caller.tenant.name
        batch_id = options.id or f"batch-{run_id_of_submission(tenant, caller.request_id)}"
        tasks = self.check.check(placed, batch_id=batch_id, tenant=caller.tenant)
        batch = Batch(
            tenant=tenant,
            id=batch_id,
            run_id=run_id_of_submission(scoped(tenant, batch_id), caller.request_id),
            submission_id=caller.request_id,
            fingerprint=_fingerprint(options, tasks),
            key_name=caller.key_name,
            context=compact_json(options.context),
            webhook=options.webhook,
            has_callback=options.callback,
            retry_of=retry_of,
            task_count=len(tasks),
            submitted_at_ms=self.now_ms(),
        )
        self.tasks.write(batch, tasks)
        is_new = self.batches.create(batch)
        recorded = self.batches.read(batch.key)
        if recorded is None:
            raise AwsUnavailable(f"batch {batch_id} has just been deleted; try again")
        if recorded.fingerprint != batch.fingerprint:
            raise IdInUse(f"another batch has the id {batch_id}; write a different id, or none")
        if not recorded.is_final:
            self._begin(recorded, is_new=is_new)
        if is_new:
            logger().info(
                "batch_accepted", batch_id=batch_id, tenant=tenant, key=batch.key_name, tasks=batch.task_count
            )
            count("BatchesAccepted")
        return recorded

    def _begin(self, batch: Batch, *, is_new: bool) -> None:
        try:
            self.queue.send(batch.key)
        except Exception:
            if not is_new:
                raise
            # The task reaper lets it begin. After an error, a sender who wrote no id would send a second batch.
            logger().exception("batch_begins_later", batch_id=batch.id)

    def _read_upload(self, link: str, tenant: Tenant) -> str:
        location = self.own_links.upload(link, tenant)
        if location is None:
            message = f"the link {link[:200]!r} leads to no upload of yours; upload the tasks first"
            raise InvalidTask([FieldError("tasks_link", message)])
        try:
            return self.bucket.resolve(encode_pointer(location))
        except InvalidJson as error:
            message = error.message.replace("the message points to", "leads to")
            raise InvalidTask([FieldError("tasks_link", message)]) from None


def _retry_suffix(batch: Batch) -> str:
    """Return the end of the ids of a retry: `-r1`, and for the retry of that one `-r2`."""
    return f"-r{int(batch.id.rpartition(_RETRY)[2]) + 1 if batch.retry_of else 1}"


def _stem(id_: str, batch: Batch) -> str:
    """Return the id of a batch, or of one of its tasks, without the end that a retry has added."""
    return id_.rpartition(_RETRY)[0] if batch.retry_of else stem_of(id_)


def _fingerprint(options: BatchOptions, tasks: Sequence[BatchTask]) -> str:
    # Without defaults, as for a task.
    content = [options.model_dump(mode="json", exclude={"id"}, exclude_defaults=True), *(task.body for task in tasks)]
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()
