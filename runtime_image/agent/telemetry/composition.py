"""Builds what the settings ask to be shown."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from runtime_image.agent.core.webui_health import WebUiHealth
from runtime_image.agent.settings import AgentSettings
from runtime_image.agent.telemetry.embedded_metrics import EmbeddedMetrics
from runtime_image.agent.telemetry.first_task import FirstTask
from runtime_image.agent.telemetry.gpu_use import GpuUse
from runtime_image.agent.telemetry.observer import TaskObserver
from runtime_image.agent.telemetry.replica_report import ReplicaReport
from runtime_image.agent.telemetry.task_metrics import TaskMetrics
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog, configure_metrics
from runtime_image.webui.checkpoints import Checkpoints


@dataclass(frozen=True)
class Telemetry:
    """What other parts of the agent are given of it."""

    gpu: GpuUse
    report: ReplicaReport
    observers: tuple[TaskObserver, ...]


def build_telemetry(
    settings: AgentSettings,
    *,
    health: WebUiHealth,
    checkpoints: Checkpoints,
    clock: Clock,
    log: EventLog,
    at_exit: ExitStack,
) -> Telemetry:
    """Build all of it; what must be sent before the process ends is left in `at_exit`."""
    dimensions = {"environment": settings.environment} if settings.environment else {}
    metrics = EmbeddedMetrics(dimensions=dimensions | {"runtime": settings.runtime}, log=configure_metrics())
    gpu = GpuUse(started_at=clock.monotonic())
    report = ReplicaReport(
        path=settings.status_file,
        metrics=metrics,
        gpu=gpu,
        health=health,
        checkpoints=checkpoints,
        clock=clock,
        log=log,
    )
    observers: list[TaskObserver] = [TaskMetrics(metrics=metrics, clock=clock), FirstTask(clock=clock, log=log), report]
    if settings.otel_exporter_otlp_endpoint:
        observers.append(_build_traces(settings, clock, at_exit.callback))
    return Telemetry(gpu, report, tuple(observers))


def _build_traces(
    settings: AgentSettings, clock: Clock, at_exit: Callable[[Callable[[], None]], object]
) -> TaskObserver:
    # Takes a third of a second and 20 MB, which an agent without traces shall not pay.
    from runtime_image.agent.telemetry.traces import TaskTraces  # noqa: PLC0415

    traces = TaskTraces(runtime=settings.runtime, clock=clock)
    at_exit(traces.close)
    return traces
