"""Errors of the agent: reasons for which a task fails or goes back to its queue."""

from contract.errors import DarkroomError


class StorageFailed(DarkroomError):
    """Raised when AWS refuses or does not answer for so long that another replica should do the task."""

    code = "storage_failed"
    retryable = True


class AgentFailed(DarkroomError):
    """Raised for a mistake of the agent itself, so that another replica tries the task before it fails."""

    code = "internal_error"
    retryable = True


class NotATask(Exception):
    """Raised when a queue message cannot be read as a task; it goes to the dead-letter queue and is never deleted."""


class MessageNotInFlight(Exception):
    """Raised when SQS reports that a message is no longer in flight for this receipt handle."""


class TaskAborted(Exception):
    """Raised inside a worker when the loop has aborted the task meanwhile; its result is of no use."""
