"""The last part of a cold start: the time from the agent's start to the end of the first task that it completed."""

import threading

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.telemetry.observer import TaskResult
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog


class FirstTask:
    """A TaskObserver that speaks once."""

    def __init__(self, *, clock: Clock, log: EventLog) -> None:
        self._clock = clock
        self._log = log
        self._started_at = clock.monotonic()
        self._lock = threading.Lock()
        self._is_over = False

    def task_ended(self, task: ClaimedTask, ending: TaskResult, *, pictures: int, error_code: str | None) -> None:  # noqa: ARG002 - the interface's
        """Log how long it took until the replica had done what it was started for."""
        if ending is not TaskResult.COMPLETED:
            return
        with self._lock:
            is_first, self._is_over = not self._is_over, True
        if is_first:
            seconds = round(self._clock.monotonic() - self._started_at, 3)
            self._log.info("first_task_completed", task_id=task.metadata.id, seconds=seconds)
