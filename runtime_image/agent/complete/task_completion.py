"""How a held task leaves the agent: committed, handed back, or found lost. The record comes first, then the message."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from contract.errors import DarkroomError, ExecutionTimedOut
from contract.record import Status
from contract.transitions import Outcome
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.events import AbandonReason, Event, TaskEnded
from runtime_image.agent.intake.task_queue import TaskQueue
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.agent.telemetry.observer import TaskObserver, TaskResult
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry
from task_store.lease import LeaseLost
from task_store.repository import TaskRepository

#: Seconds after which a task that the machine failed is delivered again, by delivery: the first failure may be a
#: hiccup, later ones should meet a machine that has been replaced.
RETRY_DELAYS_SECONDS: Final = (5.0, 30.0, 60.0)

_ENDINGS: Final = {
    Status.COMPLETED: TaskResult.COMPLETED,
    Status.FAILED: TaskResult.FAILED,
    Status.TIMED_OUT: TaskResult.TIMED_OUT,
}


class TaskCompletion:
    """Runs in workers' threads. Each method leaves the task no longer held."""

    def __init__(
        self,
        *,
        repository: TaskRepository,
        queue: TaskQueue,
        lease_renewal: LeaseRenewal,
        retry: Retry,
        observers: Sequence[TaskObserver],
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._repository = repository
        self._queue = queue
        self._lease_renewal = lease_renewal
        self._retry = retry
        self._observers = observers
        self._clock = clock
        self._log = log

    def commit(self, task: ClaimedTask, outcome: Outcome) -> Event:
        """Make the task final and delete its message; raises LeaseLost if it is not ours any more."""
        # From here on the write alone decides; a renewal that finds the record final would look like a loss.
        self._lease_renewal.stop(task)
        with task.committing:
            self._insist(task, lambda: self._repository.finish(task.lease, outcome))
            seconds = round(self._clock.monotonic() - task.claimed_at, 3)
            self._log_of(task).info(
                "task_finished", status=outcome.status.value, pictures=len(outcome.image_urls), seconds=seconds
            )
            code = str(outcome.error["code"]) if outcome.error else None
            self._tell_observers(task, _ENDINGS[outcome.status], pictures=len(outcome.image_urls), error_code=code)
        self._delete_messages(task)
        return TaskEnded(task)

    def fail(self, task: ClaimedTask, error: DarkroomError) -> Event:
        """Make the task FAILED, or TIMED_OUT by an ExecutionTimedOut."""
        status = Status.TIMED_OUT if isinstance(error, ExecutionTimedOut) else Status.FAILED
        self._log_of(task).warning("task_failed", code=error.as_dict()["code"], reason=error.message)
        try:
            return self.commit(task, Outcome(status, error=error.as_dict()))
        except LeaseLost:
            return self._tidy_lost(task)
        except AWS_ERRORS as problem:
            # The lease is over as well, so the task is delivered again and fails again, hopefully with AWS back.
            self._log_of(task).warning("outcome_not_written", reason=str(problem))
            self._tell_observers(task, TaskResult.LOST)
            return TaskEnded(task)

    def release(self, task: ClaimedTask, error: DarkroomError | None) -> Event:
        """Return the task to the queue: at once if there is no error, else after a growing delay."""
        self._lease_renewal.stop(task)
        delay_seconds = 0.0
        if error:
            delay_seconds = RETRY_DELAYS_SECONDS[min(task.message.receive_count, len(RETRY_DELAYS_SECONDS)) - 1]
        log = self._log_of(task)
        log.info("task_handed_back", code=error and error.code, reason=error and error.message, delay=delay_seconds)
        try:
            self._insist(task, lambda: self._return_record(task, error))
        except LeaseLost:
            return self._tidy_lost(task)
        except AWS_ERRORS as problem:
            log.warning("hand_back_failed", reason=str(problem))
        self._tell_observers(task, TaskResult.RELEASED, error_code=error.code if error else None)
        # Also if the record could not be written: whoever gets the message claims the task when the lease is over.
        self._requeue_messages(task, delay_seconds)
        return TaskEnded(task)

    def abandon(self, task: ClaimedTask, reason: AbandonReason) -> Event:
        """Let go of a task that was lost: tidy up its message, or its record, if nobody else will."""
        self._lease_renewal.stop(task)
        self._log_of(task).warning("task_lost", reason=reason.name)
        if reason is not AbandonReason.MESSAGE:
            return self._tidy_lost(task)
        # The message is out of our hands and will be delivered again: the record must not make that wait.
        try:
            self._return_record(task, None)
        except (LeaseLost, *AWS_ERRORS) as error:
            self._log_of(task).info("record_not_handed_back", reason=type(error).__name__)
        self._tell_observers(task, TaskResult.LOST)
        return TaskEnded(task)

    def _return_record(self, task: ClaimedTask, error: DarkroomError | None) -> None:
        next_check_at_ms = task.task_message.submitted_at_ms + task.metadata.policy.ttl_ms
        self._repository.release(task.lease, next_check_at_ms=next_check_at_ms, error=error)

    def _tidy_lost(self, task: ClaimedTask) -> Event:
        self._tell_observers(task, TaskResult.LOST)
        try:
            record = self._repository.read(task.metadata.id)
            if record is not None and record.run == task.lease.run_id and record.status is Status.IN_QUEUE:
                # Handed back by a write whose answer was lost: nobody holds it, and this may be its only message.
                self._requeue_messages(task, 0)
            elif record is not None and (record.run != task.lease.run_id or record.is_final):
                self._log_of(task).info("task_is_over", status=record.status.value)
                for receipt_handle in task.receipt_handles:
                    self._queue.delete(receipt_handle)
        except AWS_ERRORS as error:
            # The message reappears, and whoever receives it finds the same record.
            self._log_of(task).warning("lost_task_left_alone", reason=str(error))
        return TaskEnded(task)

    def _insist(self, task: ClaimedTask, write: Callable[[], None]) -> None:
        self._retry.call(write, useful=lambda: self._clock.monotonic() < task.lease_until, task_id=task.metadata.id)

    def _delete_messages(self, task: ClaimedTask) -> None:
        try:
            for receipt_handle in task.receipt_handles:
                self._insist(task, partial(self._queue.delete, receipt_handle))
        except AWS_ERRORS as error:
            # It comes again, and is deleted then, since the task is final.
            self._log_of(task).warning("message_not_deleted", reason=str(error))

    def _requeue_messages(self, task: ClaimedTask, delay_seconds: float) -> None:
        try:
            for receipt_handle in task.receipt_handles:
                self._insist(task, partial(self._queue.requeue, receipt_handle, delay_seconds))
        except AWS_ERRORS as error:
            self._log_of(task).warning("message_not_given_back", reason=str(error))

    def _tell_observers(
        self, task: ClaimedTask, ending: TaskResult, *, pictures: int = 0, error_code: str | None = None
    ) -> None:
        # A stop or a loss may meet a commit that is under way: what was committed counts, and is told first.
        with task.committing:
            if task.is_told:
                return
            task.is_told = True
        for observer in self._observers:
            observer.task_ended(task, ending, pictures=pictures, error_code=error_code)

    def _log_of(self, task: ClaimedTask) -> EventLog:
        return self._log.bind(task_id=task.metadata.id, run=task.lease.run_id, attempt=task.attempt)
