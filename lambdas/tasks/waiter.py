"""Waiter for the end of a task, for callers that do not poll."""

import time
from collections.abc import Callable
from typing import Final

from contract.record import Record
from task_store.repository import TaskRepository

#: Seconds until the second look, for tasks that are done at once (lists of samplers and the like).
FIRST_PAUSE_SECONDS: Final = 0.1
#: By how much each pause is longer than the one before.
PAUSE_GROWTH: Final = 1.3
#: Seconds between two looks at a task that takes long: a minute of waiting is some 70 reads of half a unit each.
LONGEST_PAUSE_SECONDS: Final = 1.0


class TaskWaiter:
    """Polls records, less and less often. `clock` and `sleep` are those of the process, or a test's."""

    def __init__(
        self,
        *,
        repository: TaskRepository,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._sleep = sleep

    def until_final(self, task_id: str, *, seconds: float) -> Record | None:
        """Return the record when it is final or the time has passed; None for an unknown task.

        Reads may be a moment old, at half the price. The last one is current, so it shows every earlier write.
        """
        deadline = self._clock() + seconds
        pause = FIRST_PAUSE_SECONDS
        while (rest := deadline - self._clock()) > 0:
            self._sleep(min(pause, rest))
            pause = min(pause * PAUSE_GROWTH, LONGEST_PAUSE_SECONDS)
            record = self._repository.read(task_id, is_current=False)
            if record and record.is_final:
                return record
        return self._repository.read(task_id)
