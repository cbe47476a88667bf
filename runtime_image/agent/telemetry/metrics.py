"""Metrics as lines of the log, in CloudWatch's embedded metric format: their writer, and those of each task."""

from collections.abc import Mapping
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.task_result import TaskResult
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog

#: The same namespace as that of the functions (`METRICS_NAMESPACE` of the stacks), so that one dashboard finds all.
NAMESPACE: Final = "Darkroom"

Values = Mapping[str, float]


class EmbeddedMetrics:
    """Writes metrics with the replica's dimensions."""

    def __init__(self, *, dimensions: Mapping[str, str], log: EventLog) -> None:
        self._dimensions = dimensions
        self._log = log

    def put(self, *, seconds: Values | None = None, counts: Values | None = None, **fields: object) -> None:
        """Write one line.

        Args:
            seconds: Metrics whose unit is the second.
            counts: Metrics that are counts, or shares.
            fields: Other fields of the line that are not dimensions, such as a task's id.
        """
        line = EphemeralMetrics(namespace=NAMESPACE)
        for name, value in self._dimensions.items():
            line.add_dimension(name=name, value=value)
        for name, number in (seconds or {}).items():
            line.add_metric(name=name, unit=MetricUnit.Seconds, value=round(number, 3))
        for name, number in (counts or {}).items():
            line.add_metric(name=name, unit=MetricUnit.Count, value=number)
        self._log.info("metrics", **line.serialize_metric_set(), **fields)


class TaskMetrics:
    """A TaskObserver. Stages that a task did not reach have no metric, rather than zero."""

    def __init__(self, *, metrics: EmbeddedMetrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock

    def task_ended(self, task: ClaimedTask, result: TaskResult, *, pictures: int, error_code: str | None) -> None:
        """Write the task's line."""
        now, timeline = self._clock.monotonic(), task.timeline
        total_seconds = now - task.claimed_at
        claimed_at_ms = self._clock.now_ms() - total_seconds * 1000
        seconds = {
            "TaskDelaySeconds": max(claimed_at_ms - task.task_message.submitted_at_ms, 0.0) / 1000,
            "FetchSeconds": _between(task.claimed_at, timeline.prepared_at),
            "GpuIdleSeconds": timeline.gpu_idle_seconds,
            "GenerateSeconds": timeline.generate_seconds(),
            "StoreSeconds": _between(timeline.generated_at, now) if result is TaskResult.COMPLETED else None,
            "TotalSeconds": total_seconds,
        }
        counts = {"Images": pictures}
        # The function that wrote CANCELLED has counted it, whether the task waited or ran.
        if result is not TaskResult.CANCELLED:
            counts[f"Tasks{result.value}"] = 1
        self._metrics.put(
            seconds={name: value for name, value in seconds.items() if value is not None},
            counts=counts,
            task_id=task.metadata.id,
            run_id=task.lease.run_id,
            attempt=task.attempt,
            tasktype=task.metadata.tasktype.value,
            error_code=error_code,
        )


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start
