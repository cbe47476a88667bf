"""Worker of batches: submits the tasks of a batch, or cancels them, in steps that a crash may interrupt.

The submission of a task follows from its batch and number, so a repeated step submits nothing twice.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from contract.batch import COMPARE_INTERVAL_MS, STATE_OF_STATUS, SUBMIT_GRACE_MS, Batch, BatchTaskState
from contract.errors import DarkroomError, IdInUse, TaskFinished, TooManyActiveTasks
from contract.json_values import compact_json
from contract.record import Record
from contract.tenancy import Tenancy, scoped
from lambdas.messaging.queues import BatchQueue
from lambdas.runtime.observability import count, logger
from lambdas.tasks.batch_tasks import BatchTask, BatchTasks
from lambdas.tasks.cancellation import cancel
from lambdas.tasks.submission import TaskSubmission
from task_store.batches import BatchRepository
from task_store.refusals import may_pass
from task_store.repository import TaskRepository
from task_store.task_bucket import MessageLost

#: Tasks after which the progress is recorded: a write of a batch costs as much as four writes of a task.
STEP: Final = 10
#: Seconds until a batch continues whose key has reached its limit of active tasks.
FULL_DELAY_SECONDS: Final = 15
#: Characters of a refusal's message that the batch keeps. With 1,000 refusals its item stays below 400 KB.
MAX_REFUSAL_LENGTH: Final = 200


@dataclass(frozen=True, kw_only=True)
class BatchWorker:
    """Lets batches continue. `has_time` returns False when the function must come to an end."""

    batches: BatchRepository
    tasks: BatchTasks
    submission: TaskSubmission
    repository: TaskRepository
    queue: BatchQueue
    tenancy: Tenancy

    def advance(self, key: str, *, has_time: Callable[[], bool]) -> None:
        """Submit or cancel tasks of a batch until it is done or the time is up."""
        batch = self.batches.read(key)
        if batch is None:
            return
        if not batch.active:
            self.batches.settle(key, (), BatchTaskState.COMPLETED)
            # A step that a cancel overtook may have submitted tasks that its cancellation has not seen.
            if batch.cancelled_at_ms is None:
                return
        self.batches.defer(key, by_ms=SUBMIT_GRACE_MS)
        try:
            tasks = self.tasks.read(batch)
        except MessageLost:
            logger().exception("batch_tasks_lost", batch_id=key)
            self.batches.settle(key, sorted(batch.active), BatchTaskState.FAILED)
            return
        if batch.cancelled_at_ms is None and batch.submitted_count < batch.task_count:
            self._submit_rest(batch, tasks, has_time)
        else:
            self._settle_active(batch, tasks, batch.active | _next_step(batch.submitted_count, batch), has_time)

    def _submit_rest(self, batch: Batch, tasks: list[BatchTask], has_time: Callable[[], bool]) -> None:
        for submitted_count in range(batch.submitted_count, batch.task_count, STEP):
            if not has_time():
                self.queue.send(batch.key)
                return
            step = sorted(_next_step(submitted_count, batch))
            for number in step:
                if number in batch.active and not self._submit(batch, number, tasks[number - 1]):
                    self.queue.send(batch.key, delay_seconds=FULL_DELAY_SECONDS)
                    return
            if not self.batches.advance(batch, step[-1]):
                current = self.batches.read(batch.key)
                if current is None or current.is_final or current.cancelled_at_ms is not None:
                    # The batch was cancelled after this step began. Its cancellation has not seen these tasks.
                    self._settle_active(current or batch, tasks, (current or batch).active | set(step), has_time)
                    return
        logger().info("batch_submitted", batch_id=batch.id, tenant=batch.tenant, tasks=batch.task_count)

    def _submit(self, batch: Batch, number: int, task: BatchTask) -> bool:
        """Submit a task; return False if its key has no room for another one."""
        try:
            record = self.submission.submit(
                task.body,
                submission_id=f"{batch.run_id}/{number}",
                tenant=self.tenancy.of_key(batch.key_name),
                key_name=batch.key_name,
                batch=batch.id,
                batch_number=number,
            )
        except TooManyActiveTasks:
            return False
        except DarkroomError as error:
            if error.retryable:
                raise
            self._refuse(batch, number, error)
        except Exception as error:
            if may_pass(error):
                raise
            # One task that meets a defect must not stop the others.
            logger().exception("batch_task_failed", batch_id=batch.id, number=number)
            self._refuse(batch, number, DarkroomError("the task could not be submitted; the log has why"))
        else:
            if not _is_in(batch, number, record):
                self._refuse(batch, number, IdInUse(f"task {record.id} is active already, outside of this batch"))
        return True

    def _settle_active(
        self, batch: Batch, tasks: list[BatchTask], numbers: Iterable[int], has_time: Callable[[], bool]
    ) -> None:
        """Cancel the tasks of a cancelled batch. In any other one, record the ends that the table's stream has lost."""
        for number in sorted(numbers):
            if not has_time():
                self.queue.send(batch.key)
                return
            record = self.repository.read(scoped(batch.tenant, tasks[number - 1].id))
            if record is None or not _is_in(batch, number, record):
                # It was never submitted, or another run has replaced it.
                is_lost = batch.cancelled_at_ms is None
                self._settle(batch, number, BatchTaskState.FAILED if is_lost else BatchTaskState.CANCELLED)
            elif record.is_final:
                self._settle(batch, number, STATE_OF_STATUS[record.status])
            elif batch.cancelled_at_ms is not None:
                # If it ended meanwhile, the stream reports how.
                with suppress(TaskFinished):
                    cancel(self.repository, record)
        self.batches.defer(batch.key, by_ms=COMPARE_INTERVAL_MS if batch.cancelled_at_ms is None else SUBMIT_GRACE_MS)

    def _settle(self, batch: Batch, number: int, state: BatchTaskState) -> None:
        self.batches.settle(batch.key, (number,), state)

    def _refuse(self, batch: Batch, number: int, error: DarkroomError) -> None:
        described = error.as_dict()
        refusal = {"code": described["code"], "message": described["message"][:MAX_REFUSAL_LENGTH]}
        self.batches.settle(batch.key, (number,), BatchTaskState.REFUSED, refusal=compact_json(refusal))
        logger().warning("batch_task_refused", batch_id=batch.id, number=number, error=described)
        count("BatchTasksRefused", code=described["code"])


def _next_step(submitted_count: int, batch: Batch) -> frozenset[int]:
    """Return the tasks that a call may have submitted after it recorded `submitted_count`."""
    return frozenset(range(submitted_count + 1, min(submitted_count + STEP, batch.task_count) + 1))


def _is_in(batch: Batch, number: int, record: Record) -> bool:
    return (record.batch, record.batch_number) == (batch.id, number)
