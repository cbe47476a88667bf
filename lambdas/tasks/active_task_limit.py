"""Limit on the active tasks of one key, so that one caller cannot fill the queue of all.

A run is reserved under its key before it is recorded, and released when it has ended. A crash in between leaves a
reservation behind; at the limit, reservations of runs that ended or were never recorded are released.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from contract.errors import TooManyActiveTasks
from contract.record import Record
from lambdas.runtime.observability import count, logger
from task_store.active_runs import ActiveRuns, run_name
from task_store.repository import TaskRepository

#: Milliseconds after which a reservation without a record was left behind by a crash. Longer than any function runs
#: between the reservation and the record.
RESERVATION_GRACE_MS: Final = 60_000
#: Seconds between two cleanups of one key, because each reads the record of every reservation.
CLEANUP_INTERVAL_SECONDS: Final = 5.0
#: Reservations of one cleanup step: DynamoDB reads 100 items in one call, and an expression ends at 4 KB.
BATCH_SIZE: Final = 50


@dataclass(kw_only=True, eq=False)
class ActiveTaskLimit:
    """Records runs within the limit of their key. `clock` returns monotonic seconds."""

    runs: ActiveRuns
    repository: TaskRepository
    limit: int
    clock: Callable[[], float] = time.monotonic
    _cleaned_at: dict[str, float] = field(default_factory=dict, init=False)

    def create(self, record: Record, *, after: Record | None) -> bool:
        """Record a run as `TaskRepository.create` does; raises TooManyActiveTasks above the limit."""
        if record.key_name is None:
            return self.repository.create(record, after=after)
        name = run_name(record)
        if not self._reserve(record.key_name, name, now_ms=record.submitted_at_ms):
            existing = self.repository.read(record.key)
            if existing is not None and (not existing.is_final or existing.has_begun(record.submission_id)):
                # The request repeats an active task, which has its place already, or a submission that has ended.
                return False
            count("ActiveTaskLimitReached", key=record.key_name)
            raise TooManyActiveTasks(
                f"{self.limit} tasks of the key {record.key_name} wait or run already; send more when some have ended"
            )
        if self.repository.create(record, after=after):
            return True
        existing = self.repository.read(record.key)
        if existing is None or existing.is_final or existing.run_id != record.run_id:
            self.runs.release(record.key_name, [name])
        return False

    def _reserve(self, key_name: str, name: str, *, now_ms: int) -> bool:
        if self.runs.reserve(key_name, name, limit=self.limit, now_ms=now_ms):
            return True
        reserved_at_ms = self.runs.reserved_at_ms(key_name)
        if reserved_at_ms is None:
            self.runs.begin(key_name)
        elif not self._release_ended(key_name, reserved_at_ms, now_ms):
            return False
        return self.runs.reserve(key_name, name, limit=self.limit, now_ms=now_ms)

    def _release_ended(self, key_name: str, reserved_at_ms: dict[str, int], now_ms: int) -> bool:
        """Release the runs that are no longer active; return True if there were any."""
        if self.clock() - self._cleaned_at.get(key_name, float("-inf")) < CLEANUP_INTERVAL_SECONDS:
            return False
        self._cleaned_at[key_name] = self.clock()
        old = [name for name, moment_ms in reserved_at_ms.items() if moment_ms < now_ms - RESERVATION_GRACE_MS]
        released = 0
        for start in range(0, len(old), BATCH_SIZE):
            if ended := self.runs.ended(old[start : start + BATCH_SIZE]):
                self.runs.release(key_name, ended)
                released += len(ended)
        if released:
            logger().warning("ended_runs_released", key=key_name, runs=released)
        return released > 0
