"""Report of the replica: a status file for the supervisor, metrics once a minute, and the end of the cold start."""

import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.engine import Engine
from runtime_image.agent.core.engine_health import EngineHealth
from runtime_image.agent.core.task_result import TaskResult
from runtime_image.agent.telemetry.gpu_use import GpuUse
from runtime_image.agent.telemetry.metrics import EmbeddedMetrics
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.process.status_file import AgentStatus, write_status_file

#: Seconds between two writes of the status file; a much older file shows that the loop is blocked.
STATUS_SECONDS: Final = 1.0
#: Seconds between two lines of metrics: CloudWatch's standard resolution.
METRICS_SECONDS: Final = 60.0


@dataclass(kw_only=True, eq=False)
class ReplicaReport:
    """A TaskObserver. The loop calls `tick`."""

    path: Path | None
    metrics: EmbeddedMetrics
    gpu: GpuUse
    health: EngineHealth
    engine: Engine
    clock: Clock
    log: EventLog
    _written_at: float = field(default=float("-inf"), init=False)
    _results: Counter[TaskResult] = field(default_factory=Counter, init=False)
    _out_of_memory: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._started_at = self.clock.monotonic()
        self._measured_at, self._busy_then, self._failures_then = self._started_at, 0.0, 0

    def task_ended(self, task: ClaimedTask, result: TaskResult, *, pictures: int, error_code: str | None) -> None:  # noqa: ARG002 - the interface of an observer
        """Count a result, and log the first completed task, which ends the cold start."""
        with self._lock:
            self._results[result] += 1
            # A task that ran out of memory for the second time is the cause itself, and a new engine would not help.
            self._out_of_memory += result is TaskResult.RELEASED and error_code == "out_of_memory"
            is_first = result is TaskResult.COMPLETED and self._results[result] == 1
        if is_first:
            seconds = round(self.clock.monotonic() - self._started_at, 3)
            self.log.info("first_task_completed", task_id=task.metadata.id, seconds=seconds)

    def tick(self, now: float, *, held: int) -> None:
        """Write what is due."""
        if self.path is not None and now - self._written_at >= STATUS_SECONDS:
            self._written_at = now
            self._write(self.path, self._status(now, held))
        if now - self._measured_at >= METRICS_SECONDS:
            self._measure(now)

    def _status(self, now: float, held: int) -> AgentStatus:
        with self._lock:
            results = {result.name: count for result, count in self._results.items()}
        return AgentStatus(
            ready=self.health.is_ready,
            held=held,
            busy_seconds=round(self.gpu.busy_seconds(now), 3),
            up_seconds=round(now - self._started_at, 3),
            tasks=results,
            out_of_memory=self._out_of_memory,
            checkpoint=self.engine.loaded_model,
        )

    def _write(self, path: Path, status: AgentStatus) -> None:
        try:
            write_status_file(path, status.model_dump())
        except OSError as error:
            self.log.warning("status_not_written", path=str(path), reason=str(error))
            # The supervisor would kill an agent whose file does not change. A full disk takes at least this.
            with suppress(OSError):
                path.touch()

    def _measure(self, now: float) -> None:
        busy, failures = self.gpu.busy_seconds(now), self.health.failures_in_all
        share = (busy - self._busy_then) / (now - self._measured_at)
        self.metrics.put(
            counts={
                "BusyShare": round(share, 4),
                "Replicas": 1,
                "ReadyReplicas": int(self.health.is_ready),
                "WebUiFailures": failures - self._failures_then,
            }
        )
        self._measured_at, self._busy_then, self._failures_then = now, busy, failures
