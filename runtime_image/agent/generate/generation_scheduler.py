"""Scheduler of the engine: prepared tasks in their order, with the right checkpoint, a few at a time."""

from collections.abc import Callable, Sequence

from runtime_image.agent.core.claimed_task import NOT_BEGUN, ClaimedTask, TaskPhase
from runtime_image.agent.core.engine import EngineCall
from runtime_image.agent.core.worker_pools import MAX_AHEAD, WorkerPools
from runtime_image.agent.generate.generation import EngineSetUp, Generation, Interrupt
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.generate.ready_queue import ReadyQueue
from runtime_image.agent.intake.prefetch_window import SLOW_PREPARATION_SECONDS, PrefetchWindow
from runtime_image.agent.telemetry.gpu_use import GpuUse


class GenerationScheduler:
    """Changed by the loop only."""

    def __init__(
        self,
        *,
        pools: WorkerPools,
        outstanding: OutstandingRequests,
        attribution: ProgressAttribution,
        prefetch_window: PrefetchWindow,
        gpu: GpuUse,
    ) -> None:
        self._pools = pools
        self._outstanding = outstanding
        self._attribution = attribution
        self._prefetch_window = prefetch_window
        self._gpu = gpu
        self._ready_queue = ReadyQueue()

    def add(self, task: ClaimedTask) -> None:
        """Add a prepared task."""
        task.phase = TaskPhase.READY
        self._ready_queue.add(task)

    def repeat(self, task: ClaimedTask) -> None:
        """Add a task again, before the others: an interrupt may have cut its call, or the engine ended before it."""
        task.phase = TaskPhase.READY
        self._ready_queue.remove(task)
        self._ready_queue.add(task, first=True)

    def withdraw(self, task: ClaimedTask) -> None:
        """Remove a task that must not be sent any more."""
        self._ready_queue.remove(task)

    def room(self, claiming: int, waiting: Sequence[ClaimedTask], now: float) -> int:
        """Return how many tasks may be received while these have not begun and `claiming` more are coming."""
        ahead = claiming + len(waiting)
        soon = claiming + sum(
            task.phase is TaskPhase.READY or now - task.claimed_at < SLOW_PREPARATION_SECONDS for task in waiting
        )
        room = self._prefetch_window.room(outstanding=self._outstanding.tasks, ahead=soon, now=now)
        return min(room, max(MAX_AHEAD - ahead, 0))

    def claimed_too_early(self, tasks: Sequence[ClaimedTask], now: float) -> list[ClaimedTask]:
        """Return the tasks that another replica can begin sooner, if another delivery does them no harm."""
        if not self._prefetch_window.began_too_early(self._outstanding.tasks, now):
            return []
        return [task for task in tasks if task.phase in NOT_BEGUN and task.message.receive_count == 1]

    def is_at_engine(self, task: ClaimedTask) -> bool:
        """Return True if the engine has a call of this task, or is being set up for it."""
        return task in self._outstanding.tasks or task is self._outstanding.switching

    def stage_done(self, stage: str, task: ClaimedTask, *, now: float) -> bool:
        """Record the end of a stage; return True if its answer may be that of a cut generation."""
        if stage == EngineSetUp.name:
            self._outstanding.set_up(task)
        if stage != Generation.name:
            return False
        if task.takes_lock:
            self._gpu.answered(task, now)
            self._prefetch_window.generated(sent_at=task.sent_at, ended_at=now)
            self._attribution.answered(task)
        return self._outstanding.remove(task, now)

    def stage_failed(self, task: ClaimedTask, *, is_answered: bool, now: float) -> bool:
        """Record the failure of a stage; return True if its answer may be that of a cut call."""
        self._outstanding.set_up(task)
        self._gpu.answered(task, now)
        self._attribution.answered(task)
        if task not in self._outstanding.tasks:
            return False
        if is_answered:
            return self._outstanding.remove(task, now)
        self._outstanding.disconnected(task)
        return False

    def start(self, *, now: Callable[[], float]) -> None:
        """Send the calls that may be sent."""
        while self._ready_queue:
            task = self._ready_queue.next(_has_model)
            call = task.call
            if call is None or not self._may_send(call):
                return
            task.sent_at = now()
            if not call.is_set_up():
                # The model of a running generation must not change, and no call may begin with the wrong one.
                self._outstanding.switching = task
                self._pools.run_stage(EngineSetUp.name, task)
                return
            self._ready_queue.begin(task)
            task.phase = TaskPhase.GENERATING
            self._outstanding.add(task)
            if call.takes_lock:
                self._gpu.sent(task, task.sent_at)
            self._pools.run_stage(Generation.name, task)

    def interrupt_if_needed(self) -> None:
        """Interrupt the running call if its task was aborted, or if its caller wants the picture as it is."""
        if task := self._outstanding.to_interrupt():
            self._outstanding.interrupting(task)
            self._pools.run_job(Interrupt.name, task)

    def must_interrupt(self) -> bool:
        """Return True if an interrupt is still to be sent, or on its way."""
        return self._outstanding.to_interrupt() is not None or self._outstanding.is_interrupting

    def _may_send(self, call: EngineCall) -> bool:
        busy = self._outstanding.tasks
        if self._outstanding.switching or not self._outstanding.is_settled or self._attribution.is_awaited:
            return False
        if len(busy) >= self._prefetch_window.max_outstanding:
            return False
        if any(other.call and other.call.is_exclusive for other in busy):
            return False
        return not (busy and (call.is_exclusive or not call.is_set_up()))


def _has_model(task: ClaimedTask) -> bool:
    return task.call is None or task.call.has_model()
