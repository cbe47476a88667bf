"""Who is told that a task has left the agent."""

from enum import StrEnum
from typing import Protocol

from runtime_image.agent.core.claimed_task import ClaimedTask


class TaskResult(StrEnum):
    """How a task left this agent."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    #: Back to the queue: the machine failed it, or the agent stops.
    RELEASED = "HandedBack"
    #: Cancelled meanwhile, or taken over by another agent.
    LOST = "Lost"


class TaskObserver(Protocol):
    """Is told of each ending once, in a worker's thread; must neither raise nor wait."""

    def task_ended(self, task: ClaimedTask, ending: TaskResult, *, pictures: int, error_code: str | None) -> None:
        """Take note of a task that has just left the agent."""
