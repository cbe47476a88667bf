"""Monitor of every claimed task: its time limit, its lease, and the heartbeats that read and write its record."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from contract.errors import DarkroomError, ExecutionTimedOut
from contract.lease import LeaseLost, ProgressReport
from runtime_image.agent.core.claimed_task import NO_PROGRESS, NOT_BEGUN, ClaimedTask, TaskPhase
from runtime_image.agent.core.completion import AbandonReason
from runtime_image.agent.core.events import Event, LeasesChecked, ProgressWritten, TaskLost
from runtime_image.agent.core.worker_pools import MAX_MONITORED, WorkerPools
from runtime_image.process.aws import AWS_ERRORS
from task_store.repository import TaskRepository

#: Seconds between two heartbeats of a task: a cancel must be noticed within two.
HEARTBEAT_SECONDS: Final = 1.0
#: Seconds between two progress writes of a task, and before the first: a short task would end with its first write.
PROGRESS_SECONDS: Final = 2.0


class LeaseCheck:
    """Job that reads the records of tasks in one call of AWS, and so notices cancels and lost leases."""

    name = "check_leases"
    #: A check that hangs must not delay the next ones. After so many AWS itself is the trouble.
    workers = 4

    def __init__(self, *, repository: TaskRepository) -> None:
        self._repository = repository

    def run(self, tasks: Sequence[ClaimedTask]) -> Event:
        """Check the leases of tasks."""
        try:
            states = self._repository.check_leases([task.lease for task in tasks])
        except AWS_ERRORS:
            # The lease decides how long a task may be held without an answer from AWS.
            return LeasesChecked()
        found = [(task, states[task.lease]) for task in tasks if task.lease in states]
        return LeasesChecked(
            interrupted=tuple(task for task, state in found if state is True),
            lost=tuple(
                TaskLost(task, AbandonReason.of(state)) for task, state in found if isinstance(state, LeaseLost)
            ),
        )

    def failed(self, error: Exception, tasks: Sequence[ClaimedTask]) -> Event:  # noqa: ARG002 - see above
        """Return a check that found no change."""
        return LeasesChecked()


class ProgressWrite:
    """Job that writes the progress of a task, and notices a cancel and a lost lease as well."""

    name = "write_progress"
    workers = MAX_MONITORED

    def __init__(self, *, repository: TaskRepository) -> None:
        self._repository = repository

    def run(self, task: ClaimedTask, report: ProgressReport) -> Event:
        """Write the progress of a task."""
        try:
            self._repository.report_progress(task.lease, report)
        except LeaseLost as error:
            return TaskLost(task, AbandonReason.of(error))
        except AWS_ERRORS:
            # The lease decides how long a task may be held without an answer from AWS.
            pass
        return ProgressWritten(task)

    def failed(self, error: Exception, task: ClaimedTask, _: ProgressReport) -> Event:  # noqa: ARG002 - see above
        """Return a write that found no change."""
        return ProgressWritten(task)


class TaskMonitor:
    """Checks tasks with every tick of the loop."""

    def __init__(self, *, pools: WorkerPools) -> None:
        self._pools = pools
        self._sent_at = float("-inf")
        self._checks_pending = 0

    def overdue(
        self, tasks: Iterable[ClaimedTask], now: float
    ) -> Iterator[tuple[ClaimedTask, DarkroomError | AbandonReason]]:
        """Yield the tasks whose lease or time has ended, with the reason to abort them."""
        for task in tasks:
            if task.phase is TaskPhase.COMPLETING:
                continue
            if now >= task.lease_until:
                yield task, AbandonReason.LEASE_EXPIRED
            elif now >= task.deadline:
                seconds = task.metadata.policy.execution_timeout_ms / 1000
                yield task, ExecutionTimedOut(f"the task ran for longer than its executionTimeout of {seconds:g} s")

    def send_heartbeats(self, tasks: Iterable[ClaimedTask], now: float) -> None:
        """Write the progress that tasks have made, and check the leases of all others, once a second."""
        if now - self._sent_at < HEARTBEAT_SECONDS:
            return
        self._sent_at = now
        monitored = [task for task in tasks if task.phase not in (TaskPhase.GENERATED, TaskPhase.COMPLETING)]
        unwritten = [task for task in monitored if not self._write_progress(task, now)]
        if unwritten and self._checks_pending < LeaseCheck.workers:
            self._checks_pending += 1
            self._pools.run_job(LeaseCheck.name, unwritten)

    def leases_checked(self, result: LeasesChecked) -> tuple[TaskLost, ...]:
        """Mark the tasks whose callers want an interrupt; return those that are lost."""
        self._checks_pending -= 1
        for task in result.interrupted:
            task.is_interrupted = True
        return result.lost

    def _write_progress(self, task: ClaimedTask, now: float) -> bool:
        """Submit the write of a task's progress; return False if there is nothing to write yet."""
        if task.phase in NOT_BEGUN:
            task.progress = _progress_ahead(task)
        is_due = task.progress != task.written_progress and now - task.progress_since >= PROGRESS_SECONDS
        if task.progress_pending or not is_due:
            return False
        task.progress_pending = True
        task.written_progress, task.progress_written_at = task.progress, now
        self._pools.run_job(ProgressWrite.name, task, task.progress)
        return True


def _progress_ahead(task: ClaimedTask) -> ProgressReport:
    if (fetching := task.fetching) is None:
        return NO_PROGRESS
    snapshot = fetching.snapshot()
    return NO_PROGRESS._replace(models={"bytes": snapshot.bytes, "bytes_done": snapshot.bytes_done})
