"""Queue of prepared tasks: first come, first served, except that tasks of the loaded checkpoint may overtake."""

from collections import deque
from collections.abc import Callable
from typing import Final

from runtime_image.agent.core.claimed_task import ClaimedTask

#: Times that a task may be overtaken by later ones. A switch takes 2 to 30 s, so a handful of pictures saves more than
#: it costs, and no task waits for more than this many pictures of others.
MAX_OVERTAKEN: Final = 8


class ReadyQueue:
    """Prepared tasks in their order."""

    def __init__(self) -> None:
        self._waiting: deque[ClaimedTask] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __contains__(self, task: ClaimedTask) -> bool:
        return task in self._waiting

    def add(self, task: ClaimedTask, *, first: bool = False) -> None:
        """Add a task; `first` for one that had its turn already."""
        if first:
            self._waiting.appendleft(task)
        else:
            self._waiting.append(task)

    def next(self, is_loaded: Callable[[ClaimedTask], bool]) -> ClaimedTask:
        """Return the first whose checkpoint is loaded, or the first of all if one was overtaken too often."""
        for task in self._waiting:
            if is_loaded(task):
                return task
            if task.overtaken >= MAX_OVERTAKEN:
                break
        return self._waiting[0]

    def begin(self, task: ClaimedTask) -> None:
        """Remove a task that has its turn; the tasks before it were overtaken."""
        for other in self._waiting:
            if other is task:
                break
            other.overtaken += 1
        self._waiting.remove(task)

    def remove(self, task: ClaimedTask) -> None:
        """Remove a task that needs no turn any more, if it is here."""
        if task in self._waiting:
            self._waiting.remove(task)
