"""The tasks that this agent holds, the order of their stages, and the one decision for each how it completes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from contract.errors import DarkroomError, ExecutionTimedOut
from contract.record import Status
from contract.transitions import Outcome
from runtime_image.agent.core.claimed_task import ClaimedTask, TaskPhase
from runtime_image.agent.core.completion import AbandonReason, Completion, Release
from runtime_image.agent.core.errors import AgentFailed, StorageFailed
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.logs import EventLog
from task_store.refusals import StorageRefused, is_refused_for_good

#: Name of the last stage.
COMPLETE: Final = "complete"


class ClaimedTasks:
    """Changed by the loop only. A task stays here until its completion is written.

    `withdraw` removes a task from the engine's queue.
    """

    def __init__(self, *, pools: WorkerPools, withdraw: Callable[[ClaimedTask], None], log: EventLog) -> None:
        self._pools = pools
        self._withdraw = withdraw
        self._log = log
        #: By the time of their claims. A task that completes and a new claim of the same run may be here together.
        self._tasks: list[ClaimedTask] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[ClaimedTask]:
        return iter(list(self._tasks))

    def find(self, key: tuple[str, str]) -> ClaimedTask | None:
        """Return the task of this id and run that was claimed last."""
        return next((task for task in reversed(self._tasks) if task.key == key), None)

    def count(self, *phases: TaskPhase) -> int:
        """Return the number of tasks in any of these phases."""
        return sum(task.phase in phases for task in self._tasks)

    def add(self, task: ClaimedTask) -> None:
        """Keep a claimed task."""
        self._tasks.append(task)

    def remove(self, task: ClaimedTask) -> None:
        """Drop a completed task."""
        if task in self._tasks:
            self._tasks.remove(task)

    def complete(self, task: ClaimedTask, completion: Completion) -> None:
        """Decide how a task completes; only the first decision counts."""
        if task.phase is TaskPhase.COMPLETING:
            return
        self._withdraw(task)
        task.phase, task.stage, task.completion = TaskPhase.COMPLETING, COMPLETE, completion
        if completion is not task.outcome:
            task.aborted.set()
        self._pools.run_stage(COMPLETE, task)

    def commit(self, task: ClaimedTask) -> None:
        """Complete a task with the outcome that its stages made."""
        self.complete(task, task.outcome or Release(AgentFailed("no outcome")))

    def abort(self, task: ClaimedTask, reason: DarkroomError | AbandonReason) -> None:
        """Complete a task without its result: it failed, or it is no longer this agent's."""
        if isinstance(reason, AbandonReason):
            self.complete(task, reason)
        else:
            status = Status.TIMED_OUT if isinstance(reason, ExecutionTimedOut) else Status.FAILED
            self.complete(task, Outcome(status, error=reason.as_dict()))

    def release(self, task: ClaimedTask, error: DarkroomError) -> None:
        """Return a task that the machine failed to its queue, after a delay."""
        self.complete(task, Release(error))

    def release_early(self, tasks: Iterable[ClaimedTask], reason: str) -> None:
        """Return tasks to their queue at once, because another replica should do them."""
        for task in tasks:
            self.complete(task, Release(reason=reason))

    def release_all(self, *phases: TaskPhase, reason: str) -> None:
        """Return all tasks in these phases to their queue."""
        self.release_early([task for task in self if task.phase in phases], reason)

    def end_failed(self, task: ClaimedTask, error: Exception) -> None:
        """Complete a task as the error of its stage requires."""
        match error:
            case DarkroomError(retryable=True):
                self.release(task, error)
            case DarkroomError():
                self.abort(task, error)
            case _ if is_refused_for_good(error):
                self._log.error("stage_refused", error, task_id=task.metadata.id, stage=task.stage)
                self.abort(task, StorageRefused(error))
            case _:
                self._log.error("stage_failed", error, task_id=task.metadata.id, stage=task.stage)
                aws = isinstance(error, AWS_ERRORS)
                self.release(task, StorageFailed(str(error)) if aws else AgentFailed(type(error).__name__))


Entrance = Callable[[ClaimedTask], None]


class Pipeline:
    """Sends tasks from stage to stage. A stage with an entrance begins when the entrance's owner says so.

    `engine_stage` is the stage that a task without an engine's call skips.
    """

    def __init__(
        self, stages: Sequence[str], *, engine_stage: str, entrances: Mapping[str, Entrance], pools: WorkerPools
    ) -> None:
        self._stages = list(stages)
        self._engine_stage = engine_stage
        self._entrances = entrances
        self._pools = pools

    def begin(self, task: ClaimedTask) -> None:
        """Send a claimed task into the first stage."""
        self._enter(task, self._stages[0])

    def advance(self, task: ClaimedTask) -> None:
        """Send a task into the stage after its present one."""
        index = self._stages.index(task.stage) + 1
        if self._stages[index] == self._engine_stage and task.is_carried_out:
            index += 1
        if index > self._stages.index(self._engine_stage):
            task.phase = TaskPhase.GENERATED
        self._enter(task, self._stages[index])

    def _enter(self, task: ClaimedTask, stage: str) -> None:
        task.stage = stage
        if entrance := self._entrances.get(stage):
            entrance(task)
        else:
            self._pools.run_stage(stage, task)
