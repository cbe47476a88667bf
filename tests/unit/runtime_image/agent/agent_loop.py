"""The agent's loop with fakes around it, for tests of its decisions."""

import logging
import queue
import threading
from dataclasses import dataclass
from typing import Any

from contract.record import Status
from contract.transitions import Outcome
from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import ClaimedTask, TaskPhase
from runtime_image.agent.core.claimed_tasks import COMPLETE, ClaimedTasks, Pipeline
from runtime_image.agent.core.engine import EngineCall
from runtime_image.agent.core.engine_health import EngineHealth
from runtime_image.agent.core.shutdown_sequence import ShutdownSequence
from runtime_image.agent.generate.generation_scheduler import GenerationScheduler
from runtime_image.agent.generate.hang_detector import HangDetector
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.generate.progress_monitor import ProgressMonitor, ProgressPoller
from runtime_image.agent.intake.prefetch_window import PrefetchWindow
from runtime_image.agent.intake.prefetcher import Prefetcher
from runtime_image.agent.lease.task_monitor import TaskMonitor
from runtime_image.agent.orchestrator.scale_in_protection import ScaleInProtection
from runtime_image.agent.task_loop import TaskLoop
from runtime_image.agent.telemetry.gpu_use import GpuUse
from runtime_image.agent.telemetry.metrics import EmbeddedMetrics
from runtime_image.agent.telemetry.replica_report import ReplicaReport
from runtime_image.process.logs import EventLog
from runtime_image.webui.request import WebUiRequest
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import (
    FakeCall,
    FakeEngine,
    FakeLeaseRenewal,
    FakeOrchestrator,
    FakePoller,
    FakePools,
    FakeProgressPoller,
)
from tests.unit.runtime_image.agent.tasks import GENERATION, held_task

#: Seconds without progress that count as a hang.
HANG_SECONDS = 100.0


@dataclass(frozen=True)
class TaskEnded:
    """The last events of a task: its outputs are stored, if it came that far, and it is completed."""

    task: ClaimedTask


class Agent:
    """A loop with fakes around it; the calls of the engine may be real."""

    def __init__(
        self,
        *,
        knows_pace: bool = True,
        seconds_per_task: float = 1.0,
        pools: FakePools | None = None,
        progress_poller: ProgressPoller | None = None,
        clock: StillClock | None = None,
        events: "queue.SimpleQueue[on.Event] | None" = None,
    ) -> None:
        self.pools, self.poller, self.lease_renewal = pools or FakePools(), FakePoller(), FakeLeaseRenewal()
        self.progress_poller = progress_poller or FakeProgressPoller()
        self.engine, self.clock = FakeEngine(), clock or StillClock()
        self.events: queue.SimpleQueue[on.Event] = events or queue.SimpleQueue()
        self.stopping, self.outstanding, prefetch_window = threading.Event(), OutstandingRequests(), PrefetchWindow()
        log, health = EventLog(logging.getLogger("test")), EngineHealth()
        attribution = ProgressAttribution(outstanding=self.outstanding)
        hang_detector = HangDetector(outstanding=self.outstanding, limit_seconds=HANG_SECONDS)
        gpu = GpuUse(started_at=self.clock.monotonic())
        scheduler = GenerationScheduler(
            pools=self.pools,
            outstanding=self.outstanding,
            attribution=attribution,
            prefetch_window=prefetch_window,
            gpu=gpu,
        )
        claimed = ClaimedTasks(pools=self.pools, withdraw=scheduler.withdraw, log=log)
        self.loop = TaskLoop(
            events=self.events,
            pools=self.pools,
            pipeline=Pipeline(
                ["prepare", "generate", "store", COMPLETE],
                engine_stage="generate",
                entrances={"generate": scheduler.add, COMPLETE: claimed.commit},
                pools=self.pools,
            ),
            prefetcher=Prefetcher(
                pools=self.pools,
                poller=self.poller,
                room=scheduler.room,
                claimed=claimed,
                stopping=self.stopping,
            ),
            claimed=claimed,
            lease_renewal=self.lease_renewal,
            task_monitor=TaskMonitor(pools=self.pools),
            scheduler=scheduler,
            outstanding=self.outstanding,
            progress_monitor=ProgressMonitor(
                pools=self.pools,
                outstanding=self.outstanding,
                attribution=attribution,
                hang_detector=hang_detector,
                poller=self.progress_poller,
                prefetch_window=prefetch_window,
                preview_job="preview",
            ),
            hang_detector=hang_detector,
            engine=self.engine,
            health=health,
            shutdown=ShutdownSequence(grace_period_seconds=20),
            scale_in_protection=ScaleInProtection(
                orchestrator=FakeOrchestrator(), clock=self.clock, log=log, post=self.events.put
            ),
            report=ReplicaReport(
                path=None,
                metrics=EmbeddedMetrics(dimensions={}, log=log),
                gpu=gpu,
                health=health,
                engine=self.engine,
                clock=self.clock,
                log=log,
            ),
            stopping=self.stopping,
            clock=self.clock,
            event_log=log,
        )
        if knows_pace:
            now = self.clock.monotonic()
            prefetch_window.generated(sent_at=now - seconds_per_task, ended_at=now)
        self.post(on.EngineReady())

    def post(self, *events: on.Event | TaskEnded) -> list[tuple[Any, ...]]:
        """Post events; return what the pools were asked to do."""
        for event in events:
            if isinstance(event, TaskEnded):
                if event.task.stage == "store":
                    event.task.outcome = Outcome(Status.COMPLETED)
                    self._handle(on.StageDone("store", event.task))
                self._handle(on.StageDone(COMPLETE, event.task))
            else:
                self._handle(event)
        return self.pools.pop_jobs()

    def _handle(self, event: on.Event) -> None:
        self.loop.handle(event)
        self.loop.tick()

    def advance(self, seconds: float) -> list[tuple[Any, ...]]:
        """Advance the clock; return what the pools were asked to do."""
        self.clock.seconds += seconds
        self.loop.tick()
        return self.pools.pop_jobs()

    def prepared(self, task: ClaimedTask, request: WebUiRequest = GENERATION) -> on.Event:
        """Give the task its call; return the event that the preparation posts."""
        task.call = self.call(task, request)
        return on.StageDone("prepare", task)

    def call(self, task: ClaimedTask, request: WebUiRequest) -> EngineCall:
        """Return the call of a task."""
        return FakeCall(request, self.engine, task.task_message.checkpoint if request.generates else None)

    def claims(self, task: ClaimedTask) -> ClaimedTask:
        """Claim a task."""
        now = self.clock.monotonic()
        task.phase = TaskPhase.PREPARING
        task.claimed_at, task.lease_until = now, now + 10_000
        self.post(on.MessagesReceived((task.message,)), on.MessageHandled(task))
        return task

    def generates(self, name: str = "cat", request: WebUiRequest = GENERATION) -> ClaimedTask:
        """Bring a task to the engine."""
        task = self.claims(held_task(name))
        self.post(self.prepared(task, request))
        return task


def generated(task: ClaimedTask, answer: object) -> on.Event:
    """Give the task its answer; return the event that the generation posts."""
    task.answer = answer
    return on.StageDone("generate", task)


def failed(task: ClaimedTask, error: Exception) -> on.Event:
    """Return the event of a failed generation."""
    return on.StageFailed("generate", task, error)
