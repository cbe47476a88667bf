"""Waiter for the end of a task, for callers that do not poll."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from contract.record import Record
from task_store.repository import TaskRepository

#: Seconds before the first poll, for tasks that finish at once (such as a list of samplers).
FIRST_PAUSE_SECONDS: Final = 0.1
#: Factor by which each pause exceeds the one before.
PAUSE_GROWTH: Final = 1.3
#: Seconds between two polls of a long task: a minute of waiting is some 70 reads of half a unit each.
LONGEST_PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class TaskWaiter:
    """Polls records with growing pauses. Tests replace `clock` and `sleep`."""

    repository: TaskRepository
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until_final(self, task_key: str, *, seconds: float) -> Record | None:
        """Return the record when it is final or the time has passed; None for an unknown task."""
        *_, last = self.watch(task_key, seconds=seconds)
        return last

    def watch(self, task_key: str, *, seconds: float) -> Iterator[Record | None]:
        """Yield the record after each pause, until it is final or the time has passed.

        A read may be a moment old, at half the price. The last read is current, so it shows every earlier write.
        """
        deadline = self.clock() + seconds
        pause = FIRST_PAUSE_SECONDS
        while (rest := deadline - self.clock()) > 0:
            self.sleep(min(pause, rest))
            pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
            record = self.repository.read(task_key, is_current=False)
            yield record
            if record and record.is_final:
                return
        yield self.repository.read(task_key)
