"""Reaper of tasks: finds each task that a crash left behind, and finishes or publishes it again.

Batches that a crash left behind continue from their queue.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contract.batch import is_batch_key
from contract.errors import DarkroomError
from contract.record import MAX_ATTEMPTS, SECRET_GRACE_MS, Record, Status
from contract.tenancy import name_in
from contract.transitions import Outcome
from lambdas.messaging.queues import BatchQueue
from lambdas.runtime.observability import count, logger
from lambdas.tasks import outcomes
from lambdas.tasks.publisher import TaskPublisher
from task_store.refusals import StorageRefused, is_refused_for_good
from task_store.repository import TaskRepository
from task_store.task_bucket import MessageLost

#: Milliseconds after which the reaper starts no further task: well below the function's timeout of 50 s.
MAX_REAPER_RUN_MS: Final = 40_000


@dataclass(frozen=True, kw_only=True)
class TaskReaper:
    """Finishes or republishes due tasks; a task that fails does not stop the others."""

    repository: TaskRepository
    publisher: TaskPublisher
    batch_queue: BatchQueue
    now_ms: Callable[[], int]

    def run(self) -> None:
        """Check every task that is due."""
        started_at_ms = self.now_ms()
        for task_key in self.repository.due_task_keys(started_at_ms):
            now_ms = self.now_ms()
            if now_ms - started_at_ms > MAX_REAPER_RUN_MS:
                logger().warning("reaper_ran_out_of_time")
                return
            try:
                self._check(task_key, now_ms)
            except Exception:  # noqa: BLE001 - one broken record must not stop the others
                logger().exception("task_check_failed", task_key=task_key, task_id=name_in(task_key))
                count("SweepFailures")
                self._defer(task_key)

    def _check(self, task_key: str, now_ms: int) -> None:
        if is_batch_key(task_key):
            self.batch_queue.send(task_key)
            # The index may lag behind the table, so a batch may be sent once too often. That does no harm.
            self.repository.defer(task_key)
            return
        record = self.repository.read(task_key)
        # The index lags behind the table, so it only names the tasks to read.
        if record is None or record.next_check_at_ms is None or record.next_check_at_ms > now_ms:
            return
        past_ttl = now_ms >= record.submitted_at_ms + record.ttl_ms
        if record.status is Status.IN_PROGRESS and (past_ttl or record.attempts >= MAX_ATTEMPTS):
            self._report(record, "replica_vanished", self.repository.finish_unleased(record, outcomes.lost(record)))
        elif past_ttl:
            expired = outcomes.expired(record)
            self._report(record, "task_expired", self.repository.finish_waiting(record, expired))
        elif record.status is Status.IN_QUEUE:
            self._publish_again(record, now_ms)
        elif self.repository.release_unleased(record):
            _warn(record, "replica_vanished")
            count("ReplicasVanished", runtime=record.runtime)
            self._publish_again(record, now_ms)

    def _publish_again(self, record: Record, now_ms: int) -> None:
        if record.has_secret:
            self._await_message(record, now_ms)
            return
        try:
            # The message may still wait for a replica. A second message does no harm, because a run is claimed once.
            self.publisher.publish(record)
        except MessageLost as error:
            self._fail(record, "task_message_lost", error)
            return
        except Exception as error:
            if not is_refused_for_good(error):
                raise
            self._fail(record, "task_refused", StorageRefused(error))
            return
        _warn(record, "task_published_again")
        count("TasksRepublished", runtime=record.runtime)

    def _await_message(self, record: Record, now_ms: int) -> None:
        """Leave a task to the message that has its secret. With the stored one it would fail as if it had none."""
        if record.published_at_ms is not None or record.attempts:
            # The queue of its runtime delivers the message again. A replica may claim it before its publication is
            # marked, and then it never is.
            self.repository.mark_published(record)
        elif now_ms < record.submitted_at_ms + SECRET_GRACE_MS:
            self.repository.defer(record.key)
        else:
            error = MessageLost("the message of the task is gone, and its key or token is not stored; submit it again")
            self._fail(record, "task_message_lost", error)

    def _fail(self, record: Record, event: str, error: DarkroomError) -> None:
        failed = Outcome(Status.FAILED, error=error.as_dict())
        self._report(record, event, self.repository.finish_waiting(record, failed))

    def _defer(self, task_key: str) -> None:
        try:
            self.repository.defer(task_key)
        except Exception:  # noqa: BLE001 - the next run checks it again
            logger().exception("task_still_due", task_key=task_key)

    def _report(self, record: Record, event: str, finished: bool) -> None:  # noqa: FBT001 - the outcome of a write
        if finished:
            _warn(record, event)
            count("TasksExpired", runtime=record.runtime, reason=event)


def _warn(record: Record, event: str) -> None:
    logger().warning(
        event,
        task_id=record.id,
        run_id=record.run_id,
        # The lines of agents have the runtime as well, and the query of lost tasks groups both by it.
        runtime=record.runtime,
        attempts=record.attempts,
        worker_id=record.worker_id,
    )
