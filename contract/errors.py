"""Errors that refuse or fail a task; the edges map them to HTTP statuses, callbacks and redrives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final


@dataclass(frozen=True)
class FieldError:
    """One broken field of a request.

    `field` is the path as the sender wrote it (`task.metadata.id`), `code` the value that an application may test.
    """

    field: str
    message: str
    code: str = "invalid_field"


#: Key of an error with the Web UI's own response, `{"status", "body"}`, if the Web UI refused the task.
WEBUI_RESPONSE: Final = "webui"
#: The same of ComfyUI, without its tracebacks, if ComfyUI refused the workflow.
COMFYUI_RESPONSE: Final = "comfyui"


class DarkroomError(Exception):
    """Base of all errors that reach a user. The message says what was wrong, where, and what to write instead."""

    code: ClassVar[str] = "internal_error"
    #: True if the machine caused the error, because the same task may then succeed elsewhere or later.
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def as_dict(self) -> dict[str, Any]:
        """Return the `error` object of responses, callbacks and records."""
        return {"code": self.code, "message": self.message}


class InvalidTask(DarkroomError):
    """Raised when fields of a request are broken; names every broken field."""

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
    """Raised when a body is not a JSON object."""

    code = "invalid_json"


class MessageTooLarge(DarkroomError):
    """Raised when a body is larger than its transport allows."""

    code = "too_large"


class IdInUse(DarkroomError):
    """Raised when another active task has the id."""

    code = "id_in_use"


class TaskNotFound(DarkroomError):
    """Raised when no record has the id: the task never existed, or its retention has ended."""

    code = "task_not_found"


class BatchNotFound(DarkroomError):
    """Raised when no batch has the id: it never existed, or its retention has ended."""

    code = "batch_not_found"


class BatchFinished(DarkroomError):
    """Raised by a cancel of a batch whose tasks have all ended."""

    code = "batch_finished"


class BatchNotFinished(DarkroomError):
    """Raised by a retry of a batch with active tasks."""

    code = "batch_not_finished"


class RuntimeNotFound(DarkroomError):
    """Raised when the path of a call names an unknown runtime."""

    code = "unknown_runtime"


class Forbidden(DarkroomError):
    """Raised when a key may not see what its caller asks for."""

    code = "forbidden"


class NotRetryable(DarkroomError):
    """Raised by a retry of a task that waits, runs, succeeded or was cancelled."""

    code = "not_retryable"


class TooManyActiveTasks(DarkroomError):
    """Raised when a key has reached its limit of waiting and running tasks."""

    code = "too_many_active_tasks"
    retryable = True


class TaskFinished(DarkroomError):
    """Raised by a change of a task in a final state."""

    code = "task_finished"


class TaskNotFinished(DarkroomError):
    """Raised by a request that needs a finished task."""

    code = "task_not_finished"


class NoWebhook(DarkroomError):
    """Raised by a redelivery for a task that was submitted without a webhook."""

    code = "no_webhook"


class TooManyRedeliveries(DarkroomError):
    """Raised by a redelivery of a webhook that was delivered again as often as it may be."""

    code = "too_many_redeliveries"


class TaskExpired(DarkroomError):
    """Raised when a task waited in its queue for longer than its `ttl`."""

    code = "ttl_expired"


class ExecutionTimedOut(DarkroomError):
    """Raised when a task ran for longer than its `executionTimeout`."""

    code = "execution_timeout"


class WorkerLost(DarkroomError):
    """Raised when the replica of a task vanished and the task has no delivery left."""

    code = "worker_lost"
    retryable = True
