"""The agent's one loop: handles events from all threads, and alone decides what happens to each task."""

import queue
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import singledispatchmethod
from typing import Final

from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import NOT_BEGUN, ClaimedTask, TaskPhase
from runtime_image.agent.core.claimed_tasks import COMPLETE, ClaimedTasks, Pipeline
from runtime_image.agent.core.engine import Engine
from runtime_image.agent.core.engine_health import EngineHealth
from runtime_image.agent.core.shutdown_sequence import ShutdownSequence
from runtime_image.agent.core.worker_pools import MAX_STORING, WorkerPools
from runtime_image.agent.generate.generation import Readiness
from runtime_image.agent.generate.generation_scheduler import GenerationScheduler
from runtime_image.agent.generate.hang_detector import HangDetector
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_monitor import ProgressMonitor
from runtime_image.agent.intake.prefetcher import Prefetcher
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.agent.lease.task_monitor import TaskMonitor
from runtime_image.agent.orchestrator.scale_in_protection import ScaleInProtection
from runtime_image.agent.telemetry.replica_report import ReplicaReport
from runtime_image.process.clock import Clock
from runtime_image.process.engine import (
    EngineBroken,
    EngineFailed,
    EngineNotReached,
    EngineRefused,
    EngineUnreachable,
    SuspectFailure,
    UnclearFailure,
)
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog
from runtime_image.process.threads import ThreadFailed

#: Seconds between two checks of leases and limits when no event comes.
TICK_SECONDS: Final = 0.2
#: Phases in which a task's set-up or call may fail because the engine has just ended.
_AT_ENGINE: Final = frozenset({TaskPhase.READY, TaskPhase.GENERATING})

#: Reason for which a stop releases tasks.
_STOPPING: Final = "the agent stops"


@dataclass(kw_only=True, eq=False)
class TaskLoop:
    """Runs in the main thread until the agent stops or gives up."""

    events: "queue.SimpleQueue[on.Event]"
    pools: WorkerPools
    pipeline: Pipeline
    prefetcher: Prefetcher
    claimed: ClaimedTasks
    lease_renewal: LeaseRenewal
    task_monitor: TaskMonitor
    scheduler: GenerationScheduler
    outstanding: OutstandingRequests
    progress_monitor: ProgressMonitor
    hang_detector: HangDetector
    engine: Engine
    health: EngineHealth
    shutdown: ShutdownSequence
    scale_in_protection: ScaleInProtection
    report: ReplicaReport
    stopping: threading.Event
    clock: Clock
    event_log: EventLog

    def run(self) -> ExitCode:
        """Work until the end; return the exit code of the process."""
        self.pools.run_job(Readiness.name)
        while not self._has_ended():
            with suppress(queue.Empty):
                self.handle(self.events.get(timeout=TICK_SECONDS))
            self.tick()
        code = self.shutdown.exit_code or ExitCode.STOPPED
        self.event_log.info("agent_stopped", exit_code=int(code), reason=code.name, left_behind=len(self.claimed))
        return code

    def tick(self) -> None:
        """Do what time, not an event, makes necessary; then supply every stage."""
        now = self.clock.monotonic()
        for task, reason in self.task_monitor.overdue(self.claimed, now):
            self.claimed.abort(task, reason)
        self.task_monitor.send_heartbeats(self.claimed, now)
        if hung := self.hang_detector.hung(now):
            task, message = hung
            self._engine_failed(task, now)
            self.claimed.release(task, self.engine.hung_error(message))
        if self.hang_detector.is_stuck(now):
            self._stop(ExitCode.WEBUI_UNHEALTHY, hurry=True)
        if self.shutdown.must_interrupt(now):
            self.claimed.release_all(*TaskPhase, reason=_STOPPING)
        elif self.stopping.is_set():
            # With every tick, not once: a claim or a repetition may still come after the stop.
            self.claimed.release_all(*NOT_BEGUN, reason=_STOPPING)
        elif self.health.has_long_trouble(now):
            self.claimed.release_all(*NOT_BEGUN, reason="the engine is in trouble")
        too_early = self.scheduler.claimed_too_early(list(self.claimed), now)
        self.claimed.release_early(too_early, "another replica can begin sooner")
        self.scheduler.interrupt_if_needed()
        if self.health.is_ready and not self.stopping.is_set():
            if self.claimed.count(TaskPhase.GENERATED) < MAX_STORING:
                self.scheduler.start(now=self.clock.monotonic)
            self.prefetcher.receive(now)
        self.progress_monitor.poll()
        self.scale_in_protection.set_busy(busy=len(self.claimed) > 0)
        self.report.tick(now, held=len(self.claimed))

    @singledispatchmethod
    def handle(self, event: object) -> None:
        """Handle one event."""
        raise TypeError(event)

    @handle.register
    def _messages_received(self, event: on.MessagesReceived) -> None:
        self.prefetcher.received(event.messages)

    @handle.register
    def _message_requeued(self, _: on.MessageRequeued) -> None:
        self.prefetcher.requeued()

    @handle.register
    def _message_handled(self, event: on.MessageHandled) -> None:
        self.prefetcher.handled()
        if task := event.task:
            self.claimed.add(task)
            self.lease_renewal.start(task)
            if not self.stopping.is_set():
                self.pipeline.begin(task)

    @handle.register
    def _task_redelivered(self, event: on.TaskRedelivered) -> None:
        self.prefetcher.redelivered(event)

    @handle.register
    def _stage_done(self, event: on.StageDone) -> None:
        task, now = event.task, self.clock.monotonic()
        may_be_cut = self.scheduler.stage_done(event.stage, task, now=now)
        if task.stage != event.stage:
            # The task was aborted meanwhile, or the stage is not one of the pipeline.
            return
        if event.stage == COMPLETE:
            if task.outcome is not None and task.completion is task.outcome:
                self.health.succeeded()
            self.claimed.remove(task)
        elif may_be_cut:
            self._repeat(task)
        else:
            if task.phase is TaskPhase.PREPARING:
                task.timeline.prepared_at = task.timeline.prepared_at or now
            self.pipeline.advance(task)

    @handle.register
    def _stage_failed(self, event: on.StageFailed) -> None:
        task, error, now = event.task, event.error, self.clock.monotonic()
        if event.stage == COMPLETE:
            # The task is left to its lease.
            self.event_log.error("completion_failed", error, task_id=task.metadata.id)
            self.claimed.remove(task)
            return
        was_at_engine = self.scheduler.is_at_engine(task)
        was_sent = not isinstance(error, EngineNotReached)
        # A call that was not sent has ended, as if it had been answered.
        is_answered = not was_sent or not isinstance(error, EngineUnreachable)
        may_be_cut = self.scheduler.stage_failed(task, is_answered=is_answered, now=now)
        # Any other error of an interrupted call means nothing, because the interrupt may be its cause.
        if isinstance(error, EngineUnreachable | EngineBroken if task.aborted.is_set() else EngineFailed):
            if not isinstance(error, SuspectFailure) or isinstance(error, EngineUnreachable):
                self._engine_failed(task, now)
            if isinstance(error, EngineBroken):
                self._stop(ExitCode.WEBUI_UNHEALTHY)
        elif was_at_engine and not isinstance(error, UnclearFailure) and not task.aborted.is_set():
            self.health.succeeded()
        if task.phase is TaskPhase.GENERATING and self._must_repeat(task, error, may_be_cut=may_be_cut):
            self._repeat(task)
        elif not was_sent and task.phase in _AT_ENGINE:
            # The task waits for the engine to come back, because a release would cost one of its deliveries.
            self._repeat(task)
        elif task.phase is not TaskPhase.COMPLETING:
            self.claimed.end_failed(task, error)

    @handle.register
    def _progress_written(self, event: on.ProgressWritten) -> None:
        event.task.progress_pending = False

    @handle.register
    def _leases_checked(self, event: on.LeasesChecked) -> None:
        for loss in self.task_monitor.leases_checked(event):
            self._task_lost(loss)

    @handle.register
    def _task_lost(self, event: on.TaskLost) -> None:
        self.claimed.abort(event.task, event.reason)

    @handle.register
    def _progress_received(self, event: on.ProgressReceived) -> None:
        self.progress_monitor.received(event.progress, self.clock.monotonic())

    @handle.register
    def _preview_stored(self, event: on.PreviewStored) -> None:
        self.progress_monitor.preview_stored(event.task, event.url)

    @handle.register
    def _interrupt_sent(self, event: on.InterruptSent) -> None:
        now = self.clock.monotonic()
        self.outstanding.interrupt_sent(now, is_accepted=event.is_accepted)
        if not event.is_accepted:
            self._engine_failed(event.task, now)

    @handle.register
    def _engine_ready(self, _: on.EngineReady) -> None:
        self.event_log.info("engine_ready")
        # While it was starting, it may have answered without its lists.
        self.engine.forget()
        self.outstanding.idle()
        self.health.ready()

    @handle.register
    def _engine_not_ready(self, _: on.EngineNotReady) -> None:
        if not self.stopping.is_set():
            self._stop(ExitCode.WEBUI_UNHEALTHY)

    @handle.register
    def _machine_unfit(self, event: on.MachineUnfit) -> None:
        self._stop(event.code)

    @handle.register
    def _stop_requested(self, event: on.StopRequested) -> None:
        self.event_log.info("drain_requested" if event.is_drain else "stop_requested", held=len(self.claimed))
        self.stopping.set()
        begin = self.shutdown.drain if event.is_drain else self.shutdown.signal
        begin(now=self.clock.monotonic())

    @handle.register
    def _thread_failed(self, event: ThreadFailed) -> None:
        self.event_log.error("thread_failed", event.error, thread=event.name)
        self._stop(ExitCode.INTERNAL_ERROR, hurry=True)

    def _must_repeat(self, task: ClaimedTask, error: Exception, *, may_be_cut: bool) -> bool:
        if may_be_cut:
            # Cut before its first picture, a single upscaling is answered as if the request were at fault.
            return isinstance(error, EngineRefused | UnclearFailure)
        if not isinstance(error, UnclearFailure) or task.call is None:
            return False
        trial = task.call.on_trial(error)
        task.call = trial or task.call
        return trial is not None

    def _repeat(self, task: ClaimedTask) -> None:
        self.event_log.warning("generation_repeated", task_id=task.metadata.id)
        self.scheduler.repeat(task)

    def _engine_failed(self, task: ClaimedTask, now: float) -> None:
        was_ready = self.health.is_ready
        self.engine.forget()
        # A task that failed before it was sent failed with the tasks that were held then.
        self.health.failed(sent_at=task.sent_at or task.claimed_at, now=now)
        self.event_log.warning("engine_failed", task_id=task.metadata.id)
        if self.health.is_unhealthy:
            self._stop(ExitCode.WEBUI_UNHEALTHY, hurry=True)
        elif was_ready:
            self.pools.run_job(Readiness.name)

    def _stop(self, code: ExitCode, *, hurry: bool = False) -> None:
        self.stopping.set()
        self.shutdown.request(code, now=self.clock.monotonic(), hurry=hurry)

    def _has_ended(self) -> bool:
        if self.shutdown.exit_code is None:
            return False
        now = self.clock.monotonic()
        waits_for_poll = self.prefetcher.is_receiving and not self.shutdown.is_last_poll_over(now)
        busy = self.claimed or self.prefetcher.is_busy or waits_for_poll or self.scheduler.must_interrupt()
        return not busy or self.shutdown.is_grace_over(now)
