"""The agent's loop with fakes around it, for tests of what it decides."""

import logging
import queue
import threading
from typing import Any

from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import ClaimedTask, Stage
from runtime_image.agent.core.claimed_tasks import ClaimedTasks
from runtime_image.agent.core.loop import TaskLoop
from runtime_image.agent.core.shutdown_sequence import ShutdownSequence
from runtime_image.agent.core.webui_health import WebUiHealth
from runtime_image.agent.generate.adaptive_concurrency import AdaptiveConcurrency
from runtime_image.agent.generate.generation_scheduler import GenerationScheduler
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.agent.generate.progress_attribution import ProgressAttribution
from runtime_image.agent.generate.progress_watch import ProgressWatch
from runtime_image.agent.intake.prefetch_window import PrefetchWindow
from runtime_image.agent.intake.prefetcher import Prefetcher
from runtime_image.agent.lease.task_monitor import TaskMonitor
from runtime_image.agent.orchestrator.scale_in_protection import ScaleInProtection
from runtime_image.agent.telemetry.embedded_metrics import EmbeddedMetrics
from runtime_image.agent.telemetry.gpu_use import GpuUse
from runtime_image.agent.telemetry.replica_report import ReplicaReport
from runtime_image.process.logs import EventLog
from runtime_image.webui.request import WebUiRequest
from tests.unit.runtime_image.agent.fakes import (
    FakeCheckpoints,
    FakeCrew,
    FakeKeeper,
    FakeOrchestrator,
    FakeReceiver,
    FakeServiceOptions,
    FakeWatch,
)
from tests.unit.runtime_image.agent.tasks import GENERATION, StillClock, held_task

#: Seconds for which the Web UI may stand still.
HANG_SECONDS = 100.0


class Agent:
    """A loop with fakes around it; what calls the Web UI may be the real thing."""

    def __init__(
        self,
        *,
        knows_pace: bool = True,
        seconds_per_task: float = 1.0,
        crew: FakeCrew | None = None,
        watch: ProgressWatch | None = None,
        clock: StillClock | None = None,
        depth: AdaptiveConcurrency | None = None,
        events: "queue.SimpleQueue[on.Event] | None" = None,
    ) -> None:
        self.crew, self.receiver, self.keeper = crew or FakeCrew(), FakeReceiver(), FakeKeeper()
        self.watch, self.checkpoints, self.clock = watch or FakeWatch(), FakeCheckpoints(), clock or StillClock()
        self.events: queue.SimpleQueue[on.Event] = events or queue.SimpleQueue()
        self.stopping, self.in_flight, pace = threading.Event(), OutstandingRequests(), PrefetchWindow()
        log, health = EventLog(logging.getLogger("test")), WebUiHealth()
        sightings = ProgressAttribution(in_flight=self.in_flight)
        gpu = GpuUse(started_at=self.clock.monotonic())
        self.options = FakeServiceOptions()
        dispatcher = GenerationScheduler(
            crew=self.crew,
            in_flight=self.in_flight,
            sightings=sightings,
            checkpoints=self.checkpoints,
            options=self.options,
            pace=pace,
            depth=depth or AdaptiveConcurrency(),
            gpu=gpu,
        )
        holdings = ClaimedTasks(crew=self.crew, dispatcher=dispatcher, keeper=self.keeper, log=log)
        self.loop = TaskLoop(
            events=self.events,
            crew=self.crew,
            arrivals=Prefetcher(
                crew=self.crew,
                receiver=self.receiver,
                dispatcher=dispatcher,
                holdings=holdings,
                stopping=self.stopping,
            ),
            holdings=holdings,
            dispatcher=dispatcher,
            rounds=TaskMonitor(
                crew=self.crew,
                in_flight=self.in_flight,
                sightings=sightings,
                watch=self.watch,
                pace=pace,
                hang_seconds=HANG_SECONDS,
            ),
            forget_webui=self.checkpoints.forget,
            health=health,
            stop_order=ShutdownSequence(grace_period_seconds=20),
            standing=ScaleInProtection(
                orchestrator=FakeOrchestrator(), clock=self.clock, log=log, post=self.events.put
            ),
            report=ReplicaReport(
                path=None,
                metrics=EmbeddedMetrics(dimensions={}, log=log),
                gpu=gpu,
                health=health,
                checkpoints=self.checkpoints,
                clock=self.clock,
                log=log,
            ),
            stopping=self.stopping,
            clock=self.clock,
            log=log,
        )
        if knows_pace:
            pace.generated(sent_at=self.clock.monotonic() - seconds_per_task, ended_at=self.clock.monotonic())
        self.happens(on.WebUiReady())

    def happens(self, *events: on.Event) -> list[tuple[Any, ...]]:
        """Post events; return what the crew was asked to do."""
        for event in events:
            self.loop.handle(event)
            self.loop.tick()
        return self.crew.take_jobs()

    def passes(self, seconds: float) -> list[tuple[Any, ...]]:
        """Let time pass."""
        self.clock.seconds += seconds
        self.loop.tick()
        return self.crew.take_jobs()

    def claims(self, task: ClaimedTask) -> ClaimedTask:
        now = self.clock.monotonic()
        task.stage, task.heartbeat_at = Stage.PREPARING, now
        task.claimed_at, task.lease_until = now, now + 10_000
        self.happens(on.MessagesReceived((task.message,)), on.TaskClaimed(task))
        return task

    def generates(self, name: str = "cat", request: WebUiRequest = GENERATION) -> ClaimedTask:
        """Bring a task to the Web UI."""
        task = self.claims(held_task(name))
        self.happens(on.TaskPrepared(task, request))
        return task
