"""Lines with metrics in the log of an agent, as CloudWatch receives them."""

import json
import logging
from typing import Any

import pytest

from runtime_image.agent.core.engine_health import EngineHealth
from runtime_image.agent.core.task_result import TaskResult
from runtime_image.agent.telemetry.gpu_use import GpuUse
from runtime_image.agent.telemetry.metrics import EmbeddedMetrics, TaskMetrics
from runtime_image.agent.telemetry.replica_report import METRICS_SECONDS, ReplicaReport
from runtime_image.process.logs import EventLog, JsonFormatter
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import FakeEngine
from tests.unit.runtime_image.agent.tasks import held_task


def metric_lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the lines of one task for each result, and of a report."""
    caplog.set_level(logging.INFO, "metrics")
    clock, gpu, health = StillClock(), GpuUse(started_at=0.0), EngineHealth()
    log = EventLog(logging.getLogger("metrics"))
    metrics = EmbeddedMetrics(dimensions={"environment": "dev", "runtime": "sdxl"}, log=log)
    for ending in TaskResult:
        task = held_task()
        task.timeline.prepared_at = task.timeline.generating_at = task.timeline.generated_at = clock.seconds
        task.timeline.gpu_idle_seconds = 0.0
        TaskMetrics(metrics=metrics, clock=clock).task_ended(task, ending, pictures=1, error_code=None)
    checkpoints: Any = FakeEngine()
    report = ReplicaReport(path=None, metrics=metrics, gpu=gpu, health=health, engine=checkpoints, clock=clock, log=log)
    report.tick(clock.seconds + METRICS_SECONDS, held=0)
    return [json.loads(JsonFormatter().format(record)) for record in caplog.records]
