"""What goes to the Web UI next: prepared tasks in their order, with the right checkpoint, few at a time."""

from collections.abc import Callable, Iterable

from runtime_image.agent.core.claimed_task import NOT_BEGUN, ClaimedTask, Stage
from runtime_image.agent.core.worker_pools import MAX_AHEAD, WorkerPools
from runtime_image.agent.generate.adaptive_concurrency import AdaptiveConcurrency
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.generate.ready_queue import ReadyQueue
from runtime_image.agent.intake.prefetch_window import SLOW_PREPARATION_SECONDS, PrefetchWindow
from runtime_image.agent.telemetry.gpu_use import GpuUse
from runtime_image.webui.checkpoints import Checkpoints
from runtime_image.webui.options import OptionOverrides


class GenerationScheduler:
    """Changed by the loop only."""

    def __init__(
        self,
        *,
        pools: WorkerPools,
        outstanding: OutstandingRequests,
        attribution: ProgressAttribution,
        checkpoints: Checkpoints,
        options: OptionOverrides,
        prefetch_window: PrefetchWindow,
        concurrency: AdaptiveConcurrency,
        gpu: GpuUse,
    ) -> None:
        self._pools = pools
        self._outstanding = outstanding
        self._attribution = attribution
        self._checkpoints = checkpoints
        self._options = options
        self._prefetch_window = prefetch_window
        self._concurrency = concurrency
        self._gpu = gpu
        self._ready_queue = ReadyQueue()

    def add(self, task: ClaimedTask, *, first: bool = False) -> None:
        """Take a prepared task; `first` for one that had its turn already."""
        task.stage = Stage.READY
        self._ready_queue.add(task, first=first)

    def drop(self, task: ClaimedTask) -> None:
        """Forget a task that must not be sent any more."""
        self._ready_queue.remove(task)

    def room(self, *, claiming: int, waiting: Iterable[ClaimedTask], now: float) -> int:
        """Return how many tasks may be received while these wait for the Web UI and `taking` more are coming."""
        ahead, soon = claiming, claiming
        for task in waiting:
            ahead += 1
            soon += task.stage is Stage.READY or now - task.claimed_at < SLOW_PREPARATION_SECONDS
        return min(
            self._prefetch_window.room(outstanding=self._outstanding.tasks, ahead=soon, now=now),
            max(MAX_AHEAD - ahead, 0),
        )

    def claimed_too_early(self, tasks: Iterable[ClaimedTask], now: float) -> list[ClaimedTask]:
        """Return those that had better gone to another replica, as far as another delivery does them no harm."""
        if not self._prefetch_window.began_too_early(self._outstanding.tasks, now):
            return []
        return [task for task in tasks if task.stage in NOT_BEGUN and task.message.receive_count == 1]

    def switched(self, task: ClaimedTask) -> None:
        """Note that the Web UI has been set up for a task: its checkpoint is loaded, or its options are guarded."""
        if self._outstanding.switching is task:
            self._outstanding.switching = None

    def answered(self, task: ClaimedTask, *, now: float) -> bool:
        """Note that a request was answered; tell whether the answer may be that of a cut generation."""
        if task.request and task.request.takes_lock:
            self._gpu.answered(task, now)
            self._prefetch_window.generated(sent_at=task.sent_at, ended_at=now)
            self._concurrency.answered(now)
            self._attribution.answered(task)
        return self._outstanding.remove(task, now)

    def is_at_webui(self, task: ClaimedTask) -> bool:
        """Tell whether the Web UI has a request of this task, or is being set up for it."""
        return task in self._outstanding.tasks or task is self._outstanding.switching

    def failed(self, task: ClaimedTask, *, is_answered: bool, now: float) -> bool:
        """Note that a step of a task failed; tell whether the answer may be that of a cut request."""
        self.switched(task)
        self._gpu.answered(task, now)
        self._attribution.answered(task)
        if task not in self._outstanding.tasks:
            return False
        if is_answered:
            return self._outstanding.remove(task, now)
        self._outstanding.disconnected(task)
        return False

    def start(self, *, now: Callable[[], float]) -> None:
        """Send what may be sent."""
        while self._ready_queue and self._may_send(task := self._ready_queue.next(self._has_checkpoint)):
            checkpoint = _checkpoint_of(task)
            if checkpoint is not None and not self._has_checkpoint(task):
                # The model of a running generation must not change, and none may begin with the wrong one.
                self._outstanding.switching = task
                task.sent_at = now()
                self._pools.load_checkpoint(task, checkpoint)
                return
            overridden = task.request.overridden_options if task.request else frozenset[str]()
            if not self._options.are_pinned(overridden):
                self._outstanding.switching = task
                task.sent_at = now()
                self._pools.pin_options(task, overridden)
                return
            assert task.request is not None  # noqa: S101 - a prepared task has its request; tells the type checker
            self._ready_queue.begin(task)
            task.stage = Stage.GENERATING
            task.sent_at = now()
            self._outstanding.add(task)
            if task.request.takes_lock:
                self._gpu.sent(task, task.sent_at)
            self._pools.generate(task, task.request)
            if len(self._outstanding.tasks) >= self._concurrency.limit:
                self._concurrency.filled(task.sent_at)

    def _may_send(self, task: ClaimedTask) -> bool:
        busy = self._outstanding.tasks
        if self._outstanding.switching or not self._outstanding.is_settled or len(busy) >= self._concurrency.limit:
            return False
        if self._attribution.is_awaited:
            return False
        if busy and not self._prefetch_window.is_known:
            # What waits in the Web UI's lock cannot go back to another replica any more.
            return False
        if any(other.request and other.request.exclusive for other in busy):
            return False
        needs_all = (
            bool(task.request and task.request.exclusive)
            or not self._has_checkpoint(task)
            or not (task.request is None or self._options.are_pinned(task.request.overridden_options))
        )
        return not (needs_all and busy)

    def _has_checkpoint(self, task: ClaimedTask) -> bool:
        return self._checkpoints.is_loaded(_checkpoint_of(task))


def _checkpoint_of(task: ClaimedTask) -> str | None:
    return task.task_message.checkpoint if task.request and task.request.generates else None
