"""Sessions of Web UI clients: progress and interruption of the generation that a caller waits for."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from contract.record import Record, Status
from lambdas.runtime.observability import count, logger
from lambdas.tasks import outcomes
from task_store.repository import TaskRepository

#: Lowest progress that the Web UI shows of a running job.
PROGRESS_FLOOR: Final = 0.01
#: Tries to interrupt a task whose state changes meanwhile.
MAX_RACES: Final = 3


def session_of(key_name: str, runtime: str) -> str:
    """Return the session of a client: the generations of one key at one runtime."""
    return f"{runtime}/{key_name}"


class Sessions:
    """Finds the generations of one session, and never those of another."""

    def __init__(self, *, repository: TaskRepository, now_ms: Callable[[], int]) -> None:
        self._repository = repository
        self._now_ms = now_ms

    def progress(self, session: str) -> dict[str, Any]:
        """Return the response to `progress`: the oldest running generation, or else the oldest waiting one."""
        return progress_response(self._current(session), now_ms=self._now_ms())

    def interrupt(self, session: str) -> None:
        """Interrupt the generation that `progress` shows: finish it with the picture as it is, or cancel it."""
        for _ in range(MAX_RACES):
            record = self._current(session)
            if record is None or self._interrupt(record):
                return

    def _interrupt(self, record: Record) -> bool:
        if record.status is Status.IN_PROGRESS:
            interrupted = self._repository.interrupt(record)
        else:
            interrupted = self._repository.finish_waiting(record, outcomes.cancelled())
        if interrupted:
            logger().info("task_interrupted", task_id=record.id, run_id=record.run_id, status=record.status.value)
            count("TasksInterrupted", runtime=record.runtime)
        return interrupted

    def _current(self, session: str) -> Record | None:
        waiting: Record | None = None
        for task_key in self._repository.session_task_keys(session):
            record = self._repository.read(task_key)
            if record is None or record.is_final:
                continue
            if record.status is Status.IN_PROGRESS:
                return record
            waiting = waiting or record
        return waiting


def progress_response(record: Record | None, *, now_ms: int) -> dict[str, Any]:
    """Return the Web UI's response to `progress` for the task that counts as running."""
    fraction = eta_seconds = 0.0
    started_at_ms = record.started_at_ms if record else None
    if record and started_at_ms:
        fraction = max(record.progress_permille / 1000, PROGRESS_FLOOR)
        elapsed_seconds = (now_ms - started_at_ms) / 1000
        eta_seconds = elapsed_seconds / fraction - elapsed_seconds
    return {
        "progress": fraction,
        "eta_relative": eta_seconds,
        "state": {
            "skipped": False,
            "interrupted": bool(record and record.interrupted_at_ms),
            "stopping_generation": False,
            "job": record.id if record else "",
            "job_count": 1 if record else 0,
            "job_timestamp": _timestamp(started_at_ms) if started_at_ms else "0",
            "job_no": 0,
            "sampling_step": 0,
            "sampling_steps": 0,
            **((record and record.sampling) or {}),
        },
        "current_image": None,
        "textinfo": "waits for a replica" if record and not started_at_ms else None,
    }


def _timestamp(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, tz=UTC).strftime("%Y%m%d%H%M%S")
