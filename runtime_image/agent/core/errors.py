"""Errors of the agent: reasons for which a task fails or goes back to its queue."""

from contract.errors import DarkroomError


class NoPictures(DarkroomError):
    """Raised when the request itself made the Web UI answer without pictures."""

    code = "no_images"


class StorageFailed(DarkroomError):
    """Raised when AWS refuses or does not answer for so long that the task is better off elsewhere."""

    code = "storage_failed"
    retryable = True


class AgentFailed(DarkroomError):
    """Raised for a mistake of the agent itself, so that the task is tried elsewhere before it fails."""

    code = "internal_error"
    retryable = True


class NotATask(Exception):
    """Raised when a queue message cannot be read as a task; it goes to the dead-letter queue, never away."""


class MessageNotHeld(Exception):
    """Raised when SQS says that a message is not in flight for this receipt handle any more."""


class TaskAborted(Exception):
    """Raised inside a worker when the loop has given the task up meanwhile; its result is of no use."""
