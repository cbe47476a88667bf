"""Scheduler of the engine: prepared tasks in their order, with the right checkpoint, a few at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runtime_image.agent.core.claimed_task import NOT_BEGUN, ClaimedTask, TaskPhase
from runtime_image.agent.core.engine import EngineCall
from runtime_image.agent.core.worker_pools import MAX_AHEAD, WorkerPools
from runtime_image.agent.generate.generation import EngineSetUp, Generation, Interrupt
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.generate.ready_queue import ReadyQueue
from runtime_image.agent.intake.prefetch_window import SLOW_PREPARATION_SECONDS, PrefetchWindow
from runtime_image.agent.telemetry.gpu_use import GpuUse


@dataclass(kw_only=True, eq=False)
class GenerationScheduler:
    """Changed by the loop only."""

    pools: WorkerPools
    outstanding: OutstandingRequests
    attribution: ProgressAttribution
    prefetch_window: PrefetchWindow
    gpu: GpuUse
    _ready_queue: ReadyQueue = field(default_factory=ReadyQueue, init=False)

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
        room = self.prefetch_window.room(outstanding=self.outstanding.tasks, ahead=soon, now=now)
        return min(room, max(MAX_AHEAD - ahead, 0))

    def claimed_too_early(self, tasks: Sequence[ClaimedTask], now: float) -> list[ClaimedTask]:
        """Return the tasks that another replica can begin sooner, if another delivery does them no harm."""
        if not self.prefetch_window.began_too_early(self.outstanding.tasks, now):
            return []
        return [task for task in tasks if task.phase in NOT_BEGUN and task.message.receive_count == 1]

    def is_at_engine(self, task: ClaimedTask) -> bool:
        """Return True if the engine has a call of this task, or is being set up for it."""
        return task in self.outstanding.tasks or task is self.outstanding.switching

    def stage_done(self, stage: str, task: ClaimedTask, *, now: float) -> bool:
        """Record the end of a stage; return True if its answer may be that of a cut generation."""
        if stage == EngineSetUp.name:
            self.outstanding.set_up(task)
        if stage != Generation.name:
            return False
        if task.takes_lock:
            self.gpu.answered(task, now)
            self.prefetch_window.generated(sent_at=task.sent_at, ended_at=now)
            self.attribution.answered(task)
        return self.outstanding.remove(task, now)

    def stage_failed(self, task: ClaimedTask, *, is_answered: bool, now: float) -> bool:
        """Record the failure of a stage; return True if its answer may be that of a cut call."""
        self.outstanding.set_up(task)
        self.gpu.answered(task, now)
        self.attribution.answered(task)
        if task not in self.outstanding.tasks:
            return False
        if is_answered:
            return self.outstanding.remove(task, now)
        self.outstanding.disconnected(task)
        return False

    def start(self, *, now: Callable[[], float]) -> None:
        """Send the calls that may be sent."""
        while self._ready_queue:
            task = self._ready_queue.next(lambda task: task.call is None or task.call.has_model())
            call = task.call
            if call is None or not self._may_send(call):
                return
            task.sent_at = now()
            if not call.is_set_up():
                # The model of a running generation must not change, and no call may begin with the wrong one.
                self.outstanding.switching = task
                self.pools.run_stage(EngineSetUp.name, task)
                return
            self._ready_queue.begin(task)
            task.phase = TaskPhase.GENERATING
            self.outstanding.add(task)
            if call.takes_lock:
                self.gpu.sent(task, task.sent_at)
            self.pools.run_stage(Generation.name, task)

    def interrupt_if_needed(self) -> None:
        """Interrupt the running call if its task was aborted, or if its caller wants the picture as it is."""
        if task := self.outstanding.to_interrupt():
            self.outstanding.interrupting(task)
            self.pools.run_job(Interrupt.name, task)

    def must_interrupt(self) -> bool:
        """Return True if an interrupt is still to be sent, or on its way."""
        return self.outstanding.to_interrupt() is not None or self.outstanding.is_interrupting

    def _may_send(self, call: EngineCall) -> bool:
        busy = self.outstanding.tasks
        if self.outstanding.switching or not self.outstanding.is_settled or self.attribution.is_awaited:
            return False
        if len(busy) >= self.prefetch_window.max_outstanding:
            return False
        if any(other.call and other.call.is_exclusive for other in busy):
            return False
        return not (busy and (call.is_exclusive or not call.is_set_up()))
