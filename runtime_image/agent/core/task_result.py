"""Results of a task at this agent, and the interface of their observers."""

from enum import StrEnum
from typing import Protocol

from runtime_image.agent.core.claimed_task import ClaimedTask


class TaskResult(StrEnum):
    """Result of a task at this agent; the value is the end of its metric's name, `Tasks…`."""

    COMPLETED = "Completed"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    #: Back to the queue: the machine failed it, or the agent stops.
    RELEASED = "HandedBack"
    CANCELLED = "Cancelled"
    LEASE_LOST = "LeaseLost"
    LEASE_EXPIRED = "LeaseExpired"
    MESSAGE_LOST = "MessageLost"


class TaskObserver(Protocol):
    """Observer of results. It is called once for each task, in a worker's thread, and must neither raise nor wait."""

    def task_ended(self, task: ClaimedTask, result: TaskResult, *, pictures: int, error_code: str | None) -> None:
        """Record the result of a task that has just left the agent."""
