"""Place of a waiting task in its queue, and an estimate of its start, from the index of active tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from contract.record import Record, Status
from contract.tenancy import scoped
from lambdas.runtime.recent_values import RecentValues
from task_store.indexes import ActiveRun
from task_store.repository import TaskRepository

#: Active tasks accepted before a task that one answer counts, about 20 read units. With more its place is unknown.
MAX_AHEAD: Final = 1_000
#: Milliseconds for which a process keeps what it read for a place. A partition of an index has 3,000 read units a
#: second, which 150 callers used up who asked once a second behind a long queue.
MAX_AGE_MS: Final = 2_000
#: Tasks of the sender's tenant, before the oldest active one, among which completed ones are measured.
MEASURED_TASKS: Final = 50
#: Completed tasks below which there is no estimate.
MIN_COMPLETED: Final = 3


@dataclass(frozen=True)
class QueuePlace:
    """Place of a task, None where it is unknown."""

    #: 1 for the task that is next.
    position: int | None = None
    estimated_start_at_ms: int | None = None


NO_PLACE: Final = QueuePlace()


class QueuePlaces:
    """Finds the places of waiting tasks, with two queries each at most. `now_ms` returns epoch milliseconds."""

    def __init__(self, *, repository: TaskRepository, now_ms: Callable[[], int]) -> None:
        self._repository = repository
        self._now_ms = now_ms
        #: The oldest active tasks of a runtime, and the usual time of a tenant's tasks there.
        self._active: RecentValues[list[ActiveRun]] = RecentValues(max_age_ms=MAX_AGE_MS, now_ms=now_ms)
        self._execution_times: RecentValues[float | None] = RecentValues(max_age_ms=MAX_AGE_MS, now_ms=now_ms)

    def of(self, record: Record) -> QueuePlace:
        """Return the place of a task. A running, ended or low-priority task has none."""
        if record.status is not Status.IN_QUEUE or record.low_priority:
            return NO_PLACE
        ahead = self._ahead(record)
        if len(ahead) > MAX_AHEAD:
            return NO_PLACE
        position = 1 + sum(run.status is Status.IN_QUEUE and not run.is_low_priority for run in ahead)
        running = sum(run.status is Status.IN_PROGRESS for run in ahead)
        execution_ms = self._execution_ms(record, before_ms=ahead[0].submitted_at_ms) if running else None
        if execution_ms is None:
            return QueuePlace(position)
        # Little's law: so many tasks at a time, each for so long, begin at this rate, however many replicas run them.
        return QueuePlace(position, self._now_ms() + round(position * execution_ms / running))

    def _ahead(self, record: Record) -> list[ActiveRun]:
        """Return the active tasks that were accepted before a task, and one more than MAX_AHEAD at most."""

        def read() -> list[ActiveRun]:
            return self._repository.oldest_active(record.runtime, limit=MAX_AHEAD + 1)

        oldest = self._active.get(record.runtime, read)
        if len(oldest) <= MAX_AHEAD:
            # Only a list that was read after the submission has all tasks before it.
            oldest = self._active.get(record.runtime, read, since_ms=record.submitted_at_ms)
        return [run for run in oldest if run.submitted_at_ms < record.submitted_at_ms]

    def _execution_ms(self, record: Record, *, before_ms: int) -> float | None:
        """Return the usual time of a task from pick-up to end, None if too few have completed."""
        partition = scoped(record.tenant, record.runtime)
        return self._execution_times.get(partition, lambda: self._measured_ms(partition, record, before_ms))

    def _measured_ms(self, partition: str, record: Record, before_ms: int) -> float | None:
        # The tasks that were accepted after the oldest active one may all be waiting.
        items, _ = self._repository.newest(
            partition,
            where={"status": Status.COMPLETED.value},
            limit=MEASURED_TASKS,
            start_key={"runtime": partition, "submitted_at_ms": before_ms, "id": record.key},
        )
        times = [int(item["completed_at_ms"] - item["started_at_ms"]) for item in items]
        if len(times) < MIN_COMPLETED:
            return None
        import statistics  # noqa: PLC0415 - few requests need it, and every start of a function would wait for it

        # The median, because the first tasks of a replica wait for its models.
        return statistics.median(times)
