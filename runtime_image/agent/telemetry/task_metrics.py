"""Metrics of each task: its stages' times and its result."""

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.task_result import TaskResult
from runtime_image.agent.telemetry.embedded_metrics import EmbeddedMetrics
from runtime_image.process.clock import Clock


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
