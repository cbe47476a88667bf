"""Metrics of a task and of a replica, as CloudWatch reads them."""

import errno
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime_image.agent.core.engine_health import EngineHealth
from runtime_image.agent.core.task_result import TaskResult
from runtime_image.agent.telemetry import replica_report
from runtime_image.agent.telemetry.gpu_use import GpuUse
from runtime_image.agent.telemetry.metrics import EmbeddedMetrics, TaskMetrics
from runtime_image.agent.telemetry.replica_report import METRICS_SECONDS, STATUS_SECONDS, ReplicaReport
from runtime_image.process.logs import EventLog, JsonFormatter
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.fakes import FakeEngine
from tests.unit.runtime_image.agent.tasks import held_task

#: Reader of the lines that were logged.
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def metrics() -> EmbeddedMetrics:
    dimensions = {"environment": "dev", "runtime": "sdruntime"}
    return EmbeddedMetrics(dimensions=dimensions, log=EventLog(logging.getLogger("metrics")))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.INFO, "metrics")

    def read() -> list[dict[str, Any]]:
        return [json.loads(JsonFormatter().format(record)) for record in caplog.records]

    return read


def values_of(line: dict[str, Any]) -> dict[str, float]:
    """Return what CloudWatch would store, having checked the line as CloudWatch does."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Darkroom"
    (dimensions,) = directive["Dimensions"]
    assert {name: line[name] for name in dimensions} == {"environment": "dev", "runtime": "sdruntime"}
    return {metric["Name"]: line[metric["Name"]][0] for metric in directive["Metrics"]}


def test_a_task_says_where_its_time_went(metrics: EmbeddedMetrics, lines: Lines) -> None:
    clock, task = StillClock(), held_task()
    # Claimed at second 1000, which is 1,000,000 ms after its submission.
    timeline = task.timeline
    timeline.prepared_at, timeline.gpu_idle_seconds = 1000.5, 0.25
    timeline.generating_at, timeline.generated_at = 1001.0, 1004.0
    clock.seconds = 1004.75

    TaskMetrics(metrics=metrics, clock=clock).task_ended(task, TaskResult.COMPLETED, pictures=2, error_code=None)

    (line,) = lines()
    assert (line["task_id"], line["run_id"], line["attempt"], line["event"]) == ("cat", "1a2b", 1, "metrics")
    assert values_of(line) == {
        "TaskDelaySeconds": 1000.0,
        "FetchSeconds": 0.5,
        "GpuIdleSeconds": 0.25,
        "GenerateSeconds": 3.0,
        "StoreSeconds": 0.75,
        "TotalSeconds": 4.75,
        "TasksCompleted": 1,
        "Images": 2,
    }


def test_a_stage_that_was_not_reached_has_no_metric(metrics: EmbeddedMetrics, lines: Lines) -> None:
    observer = TaskMetrics(metrics=metrics, clock=StillClock())

    observer.task_ended(held_task(), TaskResult.FAILED, pictures=0, error_code="link_refused")

    (line,) = lines()
    assert line["error_code"] == "link_refused"
    assert values_of(line).keys() == {"TaskDelaySeconds", "TotalSeconds", "TasksFailed", "Images"}


@pytest.mark.parametrize(
    ("result", "counted"),
    [
        (TaskResult.RELEASED, {"TasksHandedBack"}),
        (TaskResult.CANCELLED, set()),
        (TaskResult.LEASE_LOST, {"TasksLeaseLost"}),
        (TaskResult.LEASE_EXPIRED, {"TasksLeaseExpired"}),
        (TaskResult.MESSAGE_LOST, {"TasksMessageLost"}),
    ],
)
def test_each_result_has_its_count_except_a_cancel_which_its_function_counts(
    metrics: EmbeddedMetrics, lines: Lines, result: TaskResult, counted: set[str]
) -> None:
    TaskMetrics(metrics=metrics, clock=StillClock()).task_ended(held_task(), result, pictures=0, error_code=None)

    (line,) = lines()
    assert {name for name in values_of(line) if name.startswith("Tasks")} == counted


class Replica:
    """A report with its surroundings."""

    def __init__(self, metrics: EmbeddedMetrics, path: Path | None) -> None:
        self.clock, self.checkpoints, self.health = StillClock(), FakeEngine(), EngineHealth()
        self.gpu = GpuUse(started_at=self.clock.seconds)
        self.report = ReplicaReport(
            path=path,
            metrics=metrics,
            gpu=self.gpu,
            health=self.health,
            engine=self.checkpoints,
            clock=self.clock,
            log=EventLog(logging.getLogger("metrics")),
        )


def test_the_status_file_is_whole_and_current(metrics: EmbeddedMetrics, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    replica = Replica(metrics, path)
    replica.report.tick(replica.clock.seconds, held=0)
    assert json.loads(path.read_text())["ready"] is False

    replica.health.ready()
    replica.checkpoints.name = "sd15.safetensors"
    for result in (TaskResult.RELEASED, TaskResult.FAILED):
        # Only the first asks for another Web UI, because a task that fails is the cause itself.
        replica.report.task_ended(held_task(), result, pictures=0, error_code="out_of_memory")
    replica.report.tick(replica.clock.seconds, held=1)
    assert json.loads(path.read_text())["ready"] is False, "it is written once a second"
    replica.clock.seconds += STATUS_SECONDS
    replica.report.tick(replica.clock.seconds, held=2)

    assert json.loads(path.read_text()) == {
        "ready": True,
        "held": 2,
        "busy_seconds": 0.0,
        "up_seconds": 1.0,
        "tasks": {"RELEASED": 1, "FAILED": 1},
        "out_of_memory": 1,
        "checkpoint": "sd15.safetensors",
    }
    assert list(tmp_path.iterdir()) == [path]


def test_a_status_that_cannot_be_written_harms_nothing(metrics: EmbeddedMetrics, tmp_path: Path) -> None:
    replica = Replica(metrics, tmp_path / "missing" / "status.json")
    replica.report.tick(replica.clock.seconds, held=0)


def test_a_full_disk_does_not_look_like_an_agent_that_hangs(
    metrics: EmbeddedMetrics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "status.json"
    replica = Replica(metrics, path)
    replica.report.tick(replica.clock.seconds, held=0)
    os.utime(path, (0, 0))

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(replica_report, "write_status_file", fail)
    replica.clock.seconds += STATUS_SECONDS
    replica.report.tick(replica.clock.seconds, held=0)

    assert path.stat().st_mtime > 0


def test_once_a_minute_the_replica_says_how_busy_it_was(metrics: EmbeddedMetrics, lines: Lines) -> None:
    replica, task = Replica(metrics, None), held_task()
    replica.health.ready()
    replica.health.failed(sent_at=1.0, now=2.0)
    replica.health.ready()
    task.sent_at = replica.clock.seconds
    replica.gpu.sent(task, task.sent_at)
    replica.gpu.answered(task, task.sent_at + METRICS_SECONDS / 4)
    for _ in range(5):
        replica.clock.seconds += METRICS_SECONDS / 2
        replica.report.tick(replica.clock.seconds, held=0)

    first, second = map(values_of, lines())
    assert first == {"BusyShare": 0.25, "Replicas": 1, "ReadyReplicas": 1, "WebUiFailures": 1}
    assert second == first | {"BusyShare": 0, "WebUiFailures": 0}


def test_the_first_task_that_completes_ends_the_cold_start(metrics: EmbeddedMetrics, lines: Lines) -> None:
    replica = Replica(metrics, None)
    clock, observer = replica.clock, replica.report
    clock.seconds += 10
    observer.task_ended(held_task(), TaskResult.RELEASED, pictures=0, error_code=None)
    assert lines() == []
    clock.seconds += 2.5
    for _ in range(2):
        observer.task_ended(held_task(), TaskResult.COMPLETED, pictures=1, error_code=None)
    (line,) = lines()
    assert (line["event"], line["task_id"], line["seconds"]) == ("first_task_completed", "cat", 12.5)
