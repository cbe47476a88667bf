"""The agent's one loop: takes events from all threads, and alone decides what happens to each task."""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import singledispatchmethod
from typing import Final

from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import NOT_BEGUN, ClaimedTask, Stage
from runtime_image.agent.core.claimed_tasks import ClaimedTasks
from runtime_image.agent.core.shutdown_sequence import ShutdownSequence
from runtime_image.agent.core.webui_health import WebUiHealth
from runtime_image.agent.core.worker_pools import MAX_STORING, WorkerPools
from runtime_image.agent.generate.generation_scheduler import GenerationScheduler
from runtime_image.agent.intake.prefetcher import Prefetcher
from runtime_image.agent.lease.task_monitor import TaskMonitor
from runtime_image.agent.orchestrator.scale_in_protection import ScaleInProtection
from runtime_image.agent.telemetry.replica_report import ReplicaReport
from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog
from runtime_image.process.threads import ThreadFailed
from runtime_image.webui.errors import WebUiFailed, WebUiRefused, WebUiUnreachable

#: Seconds between two looks at leases and limits when nothing happens.
TICK_SECONDS: Final = 0.2


class TaskLoop:
    """Runs in the main thread until it is told to stop or gives up."""

    def __init__(
        self,
        *,
        events: "queue.SimpleQueue[on.Event]",
        pools: WorkerPools,
        prefetcher: Prefetcher,
        claimed: ClaimedTasks,
        scheduler: GenerationScheduler,
        monitor: TaskMonitor,
        forget_webui: Callable[[], None],
        health: WebUiHealth,
        shutdown: ShutdownSequence,
        scale_in_protection: ScaleInProtection,
        report: ReplicaReport,
        stopping: threading.Event,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._events = events
        self._pools = pools
        self._prefetcher = prefetcher
        self._claimed = claimed
        self._scheduler = scheduler
        self._monitor = monitor
        #: Drops whatever is remembered of the Web UI: it may not be the same one any more.
        self._forget_webui = forget_webui
        self._health = health
        self._shutdown = shutdown
        self._scale_in_protection = scale_in_protection
        self._report = report
        self._stopping = stopping
        self._clock = clock
        self._log = log

    def run(self) -> ExitCode:
        """Work until the end; returns what the process is to exit with."""
        self._pools.await_webui()
        while not self._is_over():
            with suppress(queue.Empty):
                self.handle(self._events.get(timeout=TICK_SECONDS))
            self.tick()
        code = self._shutdown.exit_code or ExitCode.STOPPED
        self._log.info("agent_stopped", exit_code=int(code), reason=code.name, left_behind=len(self._claimed))
        return code

    def tick(self) -> None:
        """Do what time, not an event, makes necessary; then keep every stage supplied."""
        now = self._clock.monotonic()
        for task in self._claimed:
            self._monitor.check(task, now, self._claimed.abort)
        if hung := self._monitor.hung(now):
            self._webui_failed(hung[0], now)
            self._claimed.release(*hung)
        if self._monitor.is_stuck(now):
            self._stop(ExitCode.WEBUI_UNHEALTHY, hurry=True)
        if self._shutdown.must_interrupt(now):
            self._claimed.release_all(*Stage)
        elif self._stopping.is_set() or self._health.is_unavailable(now):
            # Looked at every time, not once: a claim or a repetition may still come after the stop.
            self._claimed.release_all(*NOT_BEGUN)
        for task in self._scheduler.claimed_too_early(self._claimed, now):
            self._claimed.release(task, None)
        self._monitor.interrupt_if_needed()
        if self._health.is_ready and not self._stopping.is_set():
            if self._claimed.count(Stage.STORING) < MAX_STORING:
                self._scheduler.start(now=self._clock.monotonic)
            self._prefetcher.receive(now)
        self._monitor.watch_progress()
        self._scale_in_protection.set_busy(busy=len(self._claimed) > 0)
        self._report.tick(now, held=len(self._claimed))

    @singledispatchmethod
    def handle(self, event: object) -> None:
        """Take one event."""
        raise TypeError(event)

    @handle.register
    def _messages_received(self, event: on.MessagesReceived) -> None:
        self._prefetcher.received(event.messages)

    @handle.register
    def _message_returned(self, _: on.MessageRequeued) -> None:
        self._prefetcher.requeued()

    @handle.register
    def _message_settled(self, _: on.MessageSettled) -> None:
        self._prefetcher.looked_at()

    @handle.register
    def _intake_failed(self, event: on.IntakeFailed) -> None:
        self._prefetcher.looked_at()
        # The message is left to reappear, and so to the dead-letter queue if it is the cause.
        self._log.error("intake_failed", event.error, message_id=event.message.message_id)

    @handle.register
    def _task_redelivered(self, event: on.TaskRedelivered) -> None:
        self._prefetcher.looked_at()
        self._prefetcher.redelivered(event.key, event.message)

    @handle.register
    def _task_claimed(self, event: on.TaskClaimed) -> None:
        self._prefetcher.looked_at()
        self._claimed.add(event.task)
        if not self._stopping.is_set():
            self._pools.prepare(event.task)

    @handle.register
    def _task_prepared(self, event: on.TaskPrepared) -> None:
        if event.task.stage is Stage.PREPARING:
            event.task.request = event.request
            event.task.timeline.prepared_at = self._clock.monotonic()
            self._scheduler.add(event.task)

    @handle.register
    def _task_carried_out(self, event: on.TaskCarriedOut) -> None:
        task = event.task
        if task.stage is Stage.PREPARING:
            task.request, task.stage = event.request, Stage.STORING
            self._pools.store(task, event.request, event.answer)

    @handle.register
    def _checkpoint_loaded(self, event: on.CheckpointLoaded) -> None:
        self._scheduler.switched(event.task)

    @handle.register
    def _options_guarded(self, event: on.OptionsPinned) -> None:
        self._scheduler.switched(event.task)

    @handle.register
    def _task_generated(self, event: on.TaskGenerated) -> None:
        task, now = event.task, self._clock.monotonic()
        may_be_cut = self._scheduler.answered(task, now=now)
        if task.stage is not Stage.GENERATING or task.request is None:
            return
        if may_be_cut:
            self._repeat(task)
        else:
            task.stage = Stage.STORING
            self._pools.store(task, task.request, event.answer)

    @handle.register
    def _step_failed(self, event: on.StageFailed) -> None:
        task, error, now = event.task, event.error, self._clock.monotonic()
        was_at_webui = self._scheduler.is_at_webui(task)
        may_be_cut = self._scheduler.failed(task, is_answered=not isinstance(error, WebUiUnreachable), now=now)
        # What else an interrupted request is answered says nothing: the interrupt may be why.
        if isinstance(error, WebUiUnreachable if task.aborted.is_set() else WebUiFailed):
            self._webui_failed(task, now)
        elif was_at_webui and not task.aborted.is_set():
            self._health.succeeded()
        if may_be_cut and isinstance(error, WebUiRefused) and task.stage is Stage.GENERATING:
            # Cut before its first picture, a single upscaling is answered as if the request were at fault.
            self._repeat(task)
        elif task.stage is not Stage.ENDING:
            self._claimed.end_failed(task, error)

    @handle.register
    def _ending_failed(self, event: on.EndingFailed) -> None:
        self._log.error("ending_failed", event.error, task_id=event.task.metadata.id)
        self._claimed.remove(event.task)

    @handle.register
    def _task_ended(self, event: on.TaskEnded) -> None:
        if event.task.stage is Stage.STORING:
            self._health.succeeded()
        self._claimed.remove(event.task)

    @handle.register
    def _task_lost(self, event: on.TaskLost) -> None:
        if event.task.stage is not Stage.ENDING:
            self._claimed.abort(event.task, event.reason)

    @handle.register
    def _heartbeat_done(self, event: on.HeartbeatDone) -> None:
        event.task.heartbeat_pending = False
        # While it is being stored, the commit itself finds out, and it may be the commit that ended the lease.
        if not event.is_held and event.task.stage not in {Stage.STORING, Stage.ENDING}:
            self._claimed.abort(event.task, on.AbandonReason.RECORD)
        if event.is_interrupted:
            event.task.is_interrupted = True

    @handle.register
    def _progress_seen(self, event: on.ProgressReceived) -> None:
        self._monitor.progress_received(event.progress, self._clock.monotonic())

    @handle.register
    def _preview_kept(self, event: on.PreviewStored) -> None:
        self._monitor.preview_stored(event.task, event.url)

    @handle.register
    def _interrupt_sent(self, event: on.InterruptSent) -> None:
        now = self._clock.monotonic()
        self._monitor.interrupt_sent(now, is_accepted=event.is_accepted)
        if not event.is_accepted:
            self._webui_failed(event.task, now)

    @handle.register
    def _webui_ready(self, _: on.WebUiReady) -> None:
        self._log.info("webui_ready")
        # While it was starting, it may have answered that it has no such lists.
        self._forget_webui()
        self._monitor.webui_idle()
        self._health.ready()

    @handle.register
    def _webui_never_ready(self, _: on.WebUiNeverReady) -> None:
        if not self._stopping.is_set():
            self._stop(ExitCode.WEBUI_UNHEALTHY)

    @handle.register
    def _capacity_ending(self, _: on.CapacityEnding) -> None:
        self._stop(ExitCode.STOPPED)

    @handle.register
    def _stop_requested(self, _: on.StopRequested) -> None:
        self._log.info("stop_requested", held=len(self._claimed))
        self._stopping.set()
        self._shutdown.signal(now=self._clock.monotonic())

    @handle.register
    def _drain_requested(self, _: on.DrainRequested) -> None:
        self._log.info("drain_requested", held=len(self._claimed))
        self._stopping.set()
        self._shutdown.drain(now=self._clock.monotonic())

    @handle.register
    def _thread_failed(self, event: ThreadFailed) -> None:
        self._log.error("thread_failed", event.error, thread=event.name)
        self._stop(ExitCode.INTERNAL_ERROR, hurry=True)

    def _repeat(self, task: ClaimedTask) -> None:
        self._log.warning("generation_repeated", task_id=task.metadata.id)
        self._scheduler.add(task, first=True)

    def _webui_failed(self, task: ClaimedTask, now: float) -> None:
        was_ready = self._health.is_ready
        self._forget_webui()
        # What failed before it was sent failed with whatever else was held then.
        self._health.failed(sent_at=task.sent_at or task.claimed_at, now=now)
        self._log.warning("webui_failed", task_id=task.metadata.id)
        if self._health.is_unhealthy:
            self._stop(ExitCode.WEBUI_UNHEALTHY, hurry=True)
        elif was_ready:
            self._pools.await_webui()

    def _stop(self, code: ExitCode, *, hurry: bool = False) -> None:
        self._stopping.set()
        self._shutdown.request(code, now=self._clock.monotonic(), hurry=hurry)

    def _is_over(self) -> bool:
        if self._shutdown.exit_code is None:
            return False
        now = self._clock.monotonic()
        waits_for_poll = self._prefetcher.is_receiving and not self._shutdown.is_last_poll_over(now)
        busy = self._claimed or self._prefetcher.is_busy or waits_for_poll or self._monitor.must_interrupt()
        return not busy or self._shutdown.is_grace_over(now)
