"""Observers and reports that the settings ask for."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from runtime_image.agent.core.engine import Engine
from runtime_image.agent.core.engine_health import EngineHealth
from runtime_image.agent.core.task_result import TaskObserver
from runtime_image.agent.settings import AgentSettings
from runtime_image.agent.telemetry.gpu_use import GpuUse
from runtime_image.agent.telemetry.metrics import EmbeddedMetrics, TaskMetrics
from runtime_image.agent.telemetry.replica_report import ReplicaReport
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog, configure_metrics


@dataclass(frozen=True)
class Telemetry:
    """Parts of the telemetry that other parts of the agent use."""

    gpu: GpuUse
    report: ReplicaReport
    observers: tuple[TaskObserver, ...]


def build_telemetry(
    settings: AgentSettings,
    *,
    health: EngineHealth,
    engine: Engine,
    clock: Clock,
    log: EventLog,
    at_exit: ExitStack,
) -> Telemetry:
    """Build the telemetry; `at_exit` receives the calls that must be made before the process ends."""
    dimensions = {"environment": settings.environment} if settings.environment else {}
    metrics = EmbeddedMetrics(dimensions=dimensions | {"runtime": settings.runtime}, log=configure_metrics())
    gpu = GpuUse(started_at=clock.monotonic())
    report = ReplicaReport(
        path=settings.status_file,
        metrics=metrics,
        gpu=gpu,
        health=health,
        engine=engine,
        clock=clock,
        log=log,
    )
    observers: list[TaskObserver] = [TaskMetrics(metrics=metrics, clock=clock), report]
    if settings.otel_exporter_otlp_endpoint:
        observers.append(_build_traces(settings, clock, at_exit.callback))
    return Telemetry(gpu, report, tuple(observers))


def _build_traces(
    settings: AgentSettings, clock: Clock, at_exit: Callable[[Callable[[], None]], object]
) -> TaskObserver:
    # A third of a second and 20 MB, which only agents with traces should pay.
    from runtime_image.agent.telemetry.traces import TaskTraces  # noqa: PLC0415

    traces = TaskTraces(runtime=settings.runtime, clock=clock)
    at_exit(traces.close)
    return traces
