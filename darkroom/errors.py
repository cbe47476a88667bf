"""Errors of the client: each says what was wrong, and a refused request also which fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darkroom.task_snapshot import TaskSnapshot


class Error(Exception):
    """Base of all errors that the client raises."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how pickle makes the error again; a worker process sends its errors by pickle.

        Otherwise pickle calls the constructor with the message alone, and a pool of processes breaks.
        """
        return Exception.__new__, (type(self), *self.args), vars(self)


class NotConfigured(Error):
    """Raised when address or key are missing, the address is not an API of Darkroom, or no local system runs."""


class UnusableInput(Error):
    """Raised when a picture or a value of a request cannot be sent."""


class Unavailable(Error):
    """Raised when the API does not answer, or fails, after all repetitions; `request_id` finds it in the API's logs."""

    def __init__(self, message: str, *, request_id: str = "") -> None:
        super().__init__(message)
        self.request_id = request_id


class DeadlinePassed(Error):
    """Raised when tasks were still active at the end of a wait; `task_ids` names them."""

    def __init__(self, message: str, *, task_ids: Sequence[str]) -> None:
        super().__init__(message)
        self.task_ids = tuple(task_ids)


class TaskNotCompleted(Error):
    """Raised when a task ended in another state than COMPLETED."""

    def __init__(self, task: "TaskSnapshot") -> None:
        super().__init__(f"{task.id} is {task.status}: {task.error.message if task.error else 'no error was recorded'}")
        self.task = task


@dataclass(frozen=True)
class RefusedField:
    """One broken field of a request, by its path in the request."""

    field: str
    message: str


class RequestRefused(Error):
    """Raised when the API refuses a request.

    Attributes:
        status: The HTTP status.
        code: The error's code, such as `invalid_task`.
        fields: Every broken field.
        request_id: Id of the request in the logs of the API.
    """

    def __init__(
        self, message: str, *, status: int, code: str, fields: Sequence[RefusedField] = (), request_id: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.fields = tuple(fields)
        self.request_id = request_id


class KeyNotAccepted(RequestRefused):
    """Raised when the API does not accept the key."""


class NoSuchTask(RequestRefused):
    """Raised when the key has no task with the id."""


class TaskConflict(RequestRefused):
    """Raised when the state of a task forbids the request: its id is in use, or it has ended."""


class TooManyRequests(RequestRefused):
    """Raised when the key has reached a limit of requests or of active tasks."""
