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
    FakeLeaseRenewal,
    FakeOrchestrator,
    FakePoller,
    FakePools,
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
        pools: FakePools | None = None,
        watch: ProgressWatch | None = None,
        clock: StillClock | None = None,
        concurrency: AdaptiveConcurrency | None = None,
        events: "queue.SimpleQueue[on.Event] | None" = None,
    ) -> None:
        self.pools, self.poller, self.lease_renewal = pools or FakePools(), FakePoller(), FakeLeaseRenewal()
        self.watch, self.checkpoints, self.clock = watch or FakeWatch(), FakeCheckpoints(), clock or StillClock()
        self.events: queue.SimpleQueue[on.Event] = events or queue.SimpleQueue()
        self.stopping, self.outstanding, prefetch_window = threading.Event(), OutstandingRequests(), PrefetchWindow()
        log, health = EventLog(logging.getLogger("test")), WebUiHealth()
        attribution = ProgressAttribution(outstanding=self.outstanding)
        gpu = GpuUse(started_at=self.clock.monotonic())
        self.options = FakeServiceOptions()
        scheduler = GenerationScheduler(
            pools=self.pools,
            outstanding=self.outstanding,
            attribution=attribution,
            checkpoints=self.checkpoints,
            options=self.options,
            prefetch_window=prefetch_window,
            concurrency=concurrency or AdaptiveConcurrency(),
            gpu=gpu,
        )
        claimed = ClaimedTasks(pools=self.pools, scheduler=scheduler, lease_renewal=self.lease_renewal, log=log)
        self.loop = TaskLoop(
            events=self.events,
            pools=self.pools,
            prefetcher=Prefetcher(
                pools=self.pools,
                poller=self.poller,
                scheduler=scheduler,
                claimed=claimed,
                stopping=self.stopping,
            ),
            claimed=claimed,
            scheduler=scheduler,
            monitor=TaskMonitor(
                pools=self.pools,
                outstanding=self.outstanding,
                attribution=attribution,
                watch=self.watch,
                prefetch_window=prefetch_window,
                hang_seconds=HANG_SECONDS,
            ),
            forget_webui=self.checkpoints.forget,
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
                checkpoints=self.checkpoints,
                clock=self.clock,
                log=log,
            ),
            stopping=self.stopping,
            clock=self.clock,
            log=log,
        )
        if knows_pace:
            prefetch_window.generated(
                sent_at=self.clock.monotonic() - seconds_per_task, ended_at=self.clock.monotonic()
            )
        self.post(on.WebUiReady())

    def post(self, *events: on.Event) -> list[tuple[Any, ...]]:
        """Post events; return what the crew was asked to do."""
        for event in events:
            self.loop.handle(event)
            self.loop.tick()
        return self.pools.pop_jobs()

    def advance(self, seconds: float) -> list[tuple[Any, ...]]:
        """Let time pass."""
        self.clock.seconds += seconds
        self.loop.tick()
        return self.pools.pop_jobs()

    def claims(self, task: ClaimedTask) -> ClaimedTask:
        now = self.clock.monotonic()
        task.stage, task.heartbeat_at = Stage.PREPARING, now
        task.claimed_at, task.lease_until = now, now + 10_000
        self.post(on.MessagesReceived((task.message,)), on.TaskClaimed(task))
        return task

    def generates(self, name: str = "cat", request: WebUiRequest = GENERATION) -> ClaimedTask:
        """Bring a task to the Web UI."""
        task = self.claims(held_task(name))
        self.post(on.TaskPrepared(task, request))
        return task
