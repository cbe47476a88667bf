"""Monitor of every claimed task: its lease, its time limit, and the heartbeat that reads and writes its record."""

from typing import Final

from contract.errors import DarkroomError, ExecutionTimedOut
from runtime_image.agent.core.claimed_task import NO_PROGRESS, NOT_BEGUN, ClaimedTask, TaskPhase
from runtime_image.agent.core.completion import AbandonReason
from runtime_image.agent.core.events import Event, HeartbeatDone, TaskLost
from runtime_image.agent.core.worker_pools import MAX_MONITORED, WorkerPools
from runtime_image.process.aws import AWS_ERRORS
from task_store.lease import LeaseLost, ProgressReport
from task_store.repository import TaskRepository

#: Seconds between two heartbeats of a task: a cancel must be noticed within two.
HEARTBEAT_SECONDS: Final = 1.0
#: The same before its turn, when no GPU time is spent on it and each heartbeat is a call of AWS. With the loop's tick
#: and a slow answer, a cancel is noticed within two seconds as well.
AHEAD_HEARTBEAT_SECONDS: Final = 1.5
#: Seconds between two progress writes of a task.
PROGRESS_SECONDS: Final = 2.0


class TaskHeartbeat:
    """Job that reads a task's record, or writes its progress, and so notices a cancel and a lost lease."""

    name = "heartbeat"
    workers = MAX_MONITORED

    def __init__(self, *, repository: TaskRepository) -> None:
        self._repository = repository

    def run(self, task: ClaimedTask, report: ProgressReport | None) -> Event:
        """Write the progress of a task, or (None) only check its lease, at a fraction of a write's price."""
        try:
            if report is None:
                return HeartbeatDone(task, is_interrupted=self._repository.check_lease(task.lease))
            self._repository.report_progress(task.lease, report)
        except LeaseLost as error:
            return TaskLost(task, AbandonReason.of(error))
        except AWS_ERRORS:
            # The lease decides how long a task may be held without an answer from AWS.
            pass
        return HeartbeatDone(task)

    def failed(self, error: Exception, task: ClaimedTask, _: ProgressReport | None) -> Event:  # noqa: ARG002 - see above
        """Return a heartbeat that found no change."""
        return HeartbeatDone(task)


class TaskMonitor:
    """Checks tasks with every tick of the loop."""

    def __init__(self, *, pools: WorkerPools) -> None:
        self._pools = pools

    def check(self, task: ClaimedTask, now: float) -> DarkroomError | AbandonReason | None:
        """Return the reason to abort a task, if any; submit its heartbeat when it is due."""
        if task.phase is TaskPhase.COMPLETING:
            return None
        if now >= task.lease_until:
            return AbandonReason.LEASE_EXPIRED
        if now >= task.deadline:
            seconds = task.metadata.policy.execution_timeout_ms / 1000
            return ExecutionTimedOut(f"the task ran for longer than its executionTimeout of {seconds:g} s")
        if task.phase is not TaskPhase.GENERATED:
            self._submit_heartbeat(task, now)
        return None

    def _submit_heartbeat(self, task: ClaimedTask, now: float) -> None:
        has_begun = task.phase not in NOT_BEGUN
        interval_seconds = HEARTBEAT_SECONDS if has_begun else AHEAD_HEARTBEAT_SECONDS
        if task.heartbeat_pending or now - task.heartbeat_at < interval_seconds:
            return
        task.heartbeat_pending = True
        task.heartbeat_at = now
        if not has_begun:
            task.progress = _progress_ahead(task)
        report = None
        if task.progress != task.written_progress and now - task.progress_written_at >= PROGRESS_SECONDS:
            report = task.written_progress = task.progress
            task.progress_written_at = now
        self._pools.run_job(TaskHeartbeat.name, task, report)


def _progress_ahead(task: ClaimedTask) -> ProgressReport:
    if (fetching := task.fetching) is None:
        return NO_PROGRESS
    snapshot = fetching.snapshot()
    return NO_PROGRESS._replace(models={"bytes": snapshot.bytes, "bytes_done": snapshot.bytes_done})
