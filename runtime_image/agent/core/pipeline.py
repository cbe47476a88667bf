"""Order of the stages of a claimed task."""

from collections.abc import Callable, Mapping, Sequence

from runtime_image.agent.core.claimed_task import ClaimedTask, TaskPhase
from runtime_image.agent.core.worker_pools import WorkerPools

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
