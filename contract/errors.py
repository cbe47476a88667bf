"""Errors for which a task is refused or fails; edges map them to HTTP statuses, callbacks and redrives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final


@dataclass(frozen=True)
class FieldError:
    """One broken field of a request.

    `field` is the path as the sender wrote it (`task.metadata.id`), `code` what an application may switch on.
    """

    field: str
    message: str
    code: str = "invalid_field"


#: Key of an error that holds the Web UI's own answer, `{"status", "body"}`, if the Web UI refused the task.
WEBUI_ANSWER: Final = "webui"


class DarkroomError(Exception):
    """Base of all errors that reach a user. The message says what was wrong, where, and what to write instead."""

    code: ClassVar[str] = "internal_error"
    #: True where the machine caused it, so that the same task may succeed elsewhere or later.
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def as_dict(self) -> dict[str, Any]:
        """Return the `error` object of responses, callbacks and records."""
        return {"code": self.code, "message": self.message}


class InvalidTask(DarkroomError):
    """Raised when one or more fields of a request are broken; holds every one of them."""

    code = "invalid_task"

    def __init__(self, details: Sequence[FieldError]) -> None:
        if not details:
            raise ValueError("an invalid task has at least one broken field")
        super().__init__("; ".join(f"{detail.field}: {detail.message}" for detail in details))
        self.details = tuple(details)

    def as_dict(self) -> dict[str, Any]:
        """Return the error with its details. When all fields broke for one reason, that reason is the code."""
        codes = {detail.code for detail in self.details}
        code = codes.pop() if len(codes) == 1 else self.code
        return {
            "code": self.code if code == "invalid_field" else code,
            "message": self.message,
            "details": [{"field": detail.field, "message": detail.message} for detail in self.details],
        }


class InvalidJson(DarkroomError):
    """Raised when a body is not a JSON object at all."""

    code = "invalid_json"


class MessageTooLarge(DarkroomError):
    """Raised when a body is larger than its way in can carry."""

    code = "too_large"


class IdInUse(DarkroomError):
    """Raised when another, still active task bears the id."""

    code = "id_in_use"


class TaskNotFound(DarkroomError):
    """Raised when no record bears the id: it never existed, or its retention has ended."""

    code = "task_not_found"


class RuntimeNotFound(DarkroomError):
    """Raised when the path of a call names no runtime."""

    code = "unknown_runtime"


class NotRetryable(DarkroomError):
    """Raised when a task is asked to begin again that waits, runs, succeeded or was cancelled."""

    code = "not_retryable"


class TooManyActiveTasks(DarkroomError):
    """Raised when as many tasks of a key wait or run as may at a time."""

    code = "too_many_active_tasks"
    retryable = True


class TaskFinished(DarkroomError):
    """Raised when a task that has reached a final state is asked to change."""

    code = "task_finished"


class TaskNotFinished(DarkroomError):
    """Raised when something is asked of a task that makes sense after its end only."""

    code = "task_not_finished"


class NoWebhook(DarkroomError):
    """Raised when the webhook of a task is asked for that was sent without one."""

    code = "no_webhook"


class TaskExpired(DarkroomError):
    """Raised when a task waited in its queue for longer than its `ttl`."""

    code = "ttl_expired"


class ExecutionTimedOut(DarkroomError):
    """Raised when a task ran for longer than its `executionTimeout`."""

    code = "execution_timeout"


class WorkerLost(DarkroomError):
    """Raised when the replica that held a task vanished and no delivery of the task is left."""

    code = "worker_lost"
    retryable = True
