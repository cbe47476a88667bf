"""The tasks that this agent holds, and how each of them leaves: failed, handed back, or let go of as lost."""

from collections.abc import Iterator

from contract.errors import DarkroomError
from runtime_image.agent.core.claimed_task import ClaimedTask, Stage
from runtime_image.agent.core.errors import AgentFailed, StorageFailed, TaskAborted
from runtime_image.agent.core.events import AbandonReason
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.agent.generate.generation_scheduler import GenerationScheduler
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.logs import EventLog
from task_store.lease import LeaseLost


class ClaimedTasks:
    """Changed by the loop only. A task that leaves stays here, in its last stage, until that is written."""

    def __init__(
        self, *, pools: WorkerPools, scheduler: GenerationScheduler, lease_renewal: LeaseRenewal, log: EventLog
    ) -> None:
        self._pools = pools
        self._scheduler = scheduler
        self._lease_renewal = lease_renewal
        self._log = log
        #: By the time of their claims. One that leaves and a new claim of the same run may be here together.
        self._tasks: list[ClaimedTask] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[ClaimedTask]:
        return iter(list(self._tasks))

    def find(self, key: tuple[str, str]) -> ClaimedTask | None:
        """Return the task of this id and run that was claimed last."""
        return next((task for task in reversed(self._tasks) if task.key == key), None)

    def count(self, *stages: Stage) -> int:
        """Return how many tasks are in any of these stages."""
        return sum(task.stage in stages for task in self._tasks)

    def add(self, task: ClaimedTask) -> None:
        """Keep a claimed task."""
        self._tasks.append(task)
        self._lease_renewal.start(task)

    def remove(self, task: ClaimedTask) -> None:
        """Forget a task that has left."""
        if task in self._tasks:
            self._tasks.remove(task)

    def end_failed(self, task: ClaimedTask, error: Exception) -> None:
        """Let a task leave as the error of its step says."""
        match error:
            case LeaseLost() | TaskAborted():
                self.abort(task, AbandonReason.RECORD)
            case DarkroomError(retryable=True):
                self.release(task, error)
            case DarkroomError():
                self.abort(task, error)
            case _:
                self._log.error("step_failed", error, task_id=task.metadata.id)
                aws = isinstance(error, AWS_ERRORS)
                self.release(task, StorageFailed(str(error)) if aws else AgentFailed(type(error).__name__))

    def abort(self, task: ClaimedTask, reason: DarkroomError | AbandonReason) -> None:
        """End a task for good: failed, or lost. Its result is thrown away, should it still come."""
        self._leave_stages(task)
        if isinstance(reason, AbandonReason):
            self._pools.abandon(task, reason)
        else:
            self._pools.fail(task, reason)

    def release(self, task: ClaimedTask, error: DarkroomError | None) -> None:
        """Return a task to its queue; with an error after a delay."""
        self._leave_stages(task)
        self._pools.release(task, error)

    def release_all(self, *stages: Stage) -> None:
        """Return all tasks in these stages that are not leaving already."""
        for task in self:
            if task.stage in stages and task.stage is not Stage.ENDING:
                self.release(task, None)

    def _leave_stages(self, task: ClaimedTask) -> None:
        self._scheduler.drop(task)
        task.stage = Stage.ENDING
        task.aborted.set()
