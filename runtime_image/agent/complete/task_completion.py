"""Completion of a task: the record becomes final or waits again, then its messages are deleted or requeued.

In this order a crash loses nothing: a message that comes again meets a record that says what to do with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from contract.errors import DarkroomError
from contract.lease import LeaseLost
from contract.record import Status
from contract.transitions import Outcome
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.claimed_tasks import COMPLETE
from runtime_image.agent.core.completion import AbandonReason, Release
from runtime_image.agent.core.task_queue import TaskQueue
from runtime_image.agent.core.task_result import TaskObserver, TaskResult
from runtime_image.agent.core.worker_pools import MAX_HELD
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
from runtime_image.process.engine import SuspectFailure
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from task_store.refusals import StorageRefused, is_refused_for_good
from task_store.repository import TaskRepository

#: Seconds after which a task that the machine failed is delivered again, by delivery. The first failure may be a
#: hiccup; later ones should meet a machine that has been replaced.
RETRY_DELAYS_SECONDS: Final = (5.0, 30.0, 60.0)


@dataclass(kw_only=True, eq=False)
class TaskCompletion:
    """The last stage of every task, also of one that failed or was lost."""

    name = COMPLETE
    workers = MAX_HELD

    repository: TaskRepository
    queue: TaskQueue
    lease_renewal: LeaseRenewal
    retry: Retry
    observers: Sequence[TaskObserver]
    clock: Clock
    log: EventLog

    def run(self, task: ClaimedTask) -> None:
        """Complete the task as the loop has decided."""
        # From here on the writes alone decide; a renewal that finds the record final would look like a lost lease.
        self.lease_renewal.stop(task)
        if task.call is not None:
            task.call.close()
        match task.completion:
            case Outcome() as outcome:
                self._finish(task, outcome)
            case Release(SuspectFailure() as error) if self._failed_so_before(task, error):
                self._finish(task, Outcome(Status.FAILED, error=error.as_dict()))
            case Release(error, reason):
                self._release(task, error, reason)
            case AbandonReason() as reason:
                self._abandon(task, reason)

    def _finish(self, task: ClaimedTask, outcome: Outcome) -> None:
        log, error = self._log_of(task), outcome.error or {}
        if outcome.error:
            log.warning("task_failed", code=error["code"], reason=error["message"])
        try:
            self._insist(task, lambda: self.repository.finish(task.lease, outcome))
        except LeaseLost as lost:
            if not self._was_written(task, outcome):
                self._abandon(task, AbandonReason.of(lost))
                return
        except AWS_ERRORS as problem:
            log.warning("outcome_not_written", reason=str(problem))
            if is_refused_for_good(problem) and error.get("code") != StorageRefused.code:
                self._finish(task, Outcome(Status.FAILED, error=StorageRefused(problem).as_dict()))
            else:
                self._abandon(task, AbandonReason.LEASE_EXPIRED)
            return
        pictures = len(outcome.image_urls)
        seconds = round(self.clock.monotonic() - task.claimed_at, 3)
        log.info("task_finished", status=outcome.status.value, pictures=pictures, seconds=seconds)
        self._report(task, TaskResult[outcome.status.name], pictures=pictures, error_code=error.get("code"))
        self._delete_messages(task)

    def _was_written(self, task: ClaimedTask, outcome: Outcome) -> bool:
        """Return True if the record has this outcome: an earlier attempt wrote it, and its answer was lost."""
        try:
            record = self.repository.read(task.lease.task_key)
        except AWS_ERRORS:
            return False
        written = (task.lease.run_id, outcome.status, outcome.output_url, (outcome.error or {}).get("code"))
        return record is not None and (record.run_id, record.status, record.output_url, record.error_code) == written

    def _failed_so_before(self, task: ClaimedTask, error: SuspectFailure) -> bool:
        """Return True if the attempt before this one failed in the same way, so that the task is the cause."""
        try:
            record = self.repository.read(task.lease.task_key)
        except AWS_ERRORS as problem:
            self._log_of(task).warning("last_error_not_read", reason=str(problem))
            return False
        return record is not None and (record.last_error or {}).get("code") == error.code

    def _release(self, task: ClaimedTask, error: DarkroomError | None, reason: str) -> None:
        delay_seconds = 0.0
        if error:
            delay_seconds = RETRY_DELAYS_SECONDS[min(task.message.receive_count, len(RETRY_DELAYS_SECONDS)) - 1]
        log = self._log_of(task)
        log.info(
            "task_released",
            code=error.code if error else None,
            reason=error.message if error else reason,
            delay=delay_seconds,
        )
        try:
            self._insist(task, lambda: self._release_record(task, error))
        except LeaseLost as lost:
            self._abandon(task, AbandonReason.of(lost))
            return
        except AWS_ERRORS as problem:
            log.warning("record_not_released", reason=str(problem))
        self._report(task, TaskResult.RELEASED, error_code=error.code if error else None)
        # Also without the write: the replica that receives the message claims the task when the lease has ended.
        self._requeue_messages(task, delay_seconds)

    def _abandon(self, task: ClaimedTask, reason: AbandonReason) -> None:
        """Leave a task that is no longer this agent's, and tidy up what no other replica would."""
        log = self._log_of(task)
        self._report(task, TaskResult[reason.name])
        try:
            match reason:
                case AbandonReason.CANCELLED:
                    log.info("task_cancelled")
                    self._delete_messages(task)
                case AbandonReason.MESSAGE_LOST:
                    log.warning("message_lost")
                    # The message will be delivered again, and the record must not delay that.
                    self._release_record(task, None)
                case AbandonReason.LEASE_LOST | AbandonReason.LEASE_EXPIRED:
                    log.warning(reason.value)
                    self._tidy_messages(task)
        except (LeaseLost, *AWS_ERRORS) as error:
            # The message reappears, and its receiver finds the same record.
            log.info("task_not_tidied", reason=str(error))

    def _tidy_messages(self, task: ClaimedTask) -> None:
        record = self.repository.read(task.lease.task_key)
        if record is None:
            return
        if record.run_id == task.lease.run_id and record.status is Status.IN_QUEUE:
            # Released by a write whose answer was lost. No replica holds it, and this may be its only message.
            self._requeue_messages(task, 0)
        elif record.run_id != task.lease.run_id or record.is_final:
            self._log_of(task).info("task_already_final", status=record.status.value)
            self._delete_messages(task)

    def _release_record(self, task: ClaimedTask, error: DarkroomError | None) -> None:
        ttl_ends_at_ms = task.task_message.submitted_at_ms + task.metadata.policy.ttl_ms
        self.repository.release(task.lease, next_check_at_ms=ttl_ends_at_ms, error=error)

    def _insist(self, task: ClaimedTask, write: Callable[[], None]) -> None:
        self.retry.call(write, until=lambda: self.clock.monotonic() >= task.lease_until, task_id=task.metadata.id)

    def _delete_messages(self, task: ClaimedTask) -> None:
        try:
            for receipt_handle in task.receipt_handles:
                self._insist(task, partial(self.queue.delete, receipt_handle))
        except AWS_ERRORS as error:
            # It comes again, and is deleted then, because the task is final.
            self._log_of(task).warning("message_not_deleted", reason=str(error))

    def _requeue_messages(self, task: ClaimedTask, delay_seconds: float) -> None:
        try:
            for receipt_handle in task.receipt_handles:
                self._insist(task, partial(self.queue.requeue, receipt_handle, delay_seconds))
        except AWS_ERRORS as error:
            self._log_of(task).warning("message_not_requeued", reason=str(error))

    def _report(
        self, task: ClaimedTask, result: TaskResult, *, pictures: int = 0, error_code: str | None = None
    ) -> None:
        for observer in self.observers:
            observer.task_ended(task, result, pictures=pictures, error_code=error_code)

    def _log_of(self, task: ClaimedTask) -> EventLog:
        return self.log.bind(task_id=task.metadata.id, run_id=task.lease.run_id, attempt=task.attempt)
