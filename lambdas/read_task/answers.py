"""What read_task answers, field by field: its views are held to these types, the API's description is made of them."""

from typing import Any, NotRequired

from typing_extensions import TypedDict

from contract.record import Status
from contract.webhook import WebhookState


class Output(TypedDict):
    """One object in the output bucket."""

    s3_url: str
    #: Works for an hour, without a key.
    url: str
    #: The object itself, if it was asked for; null where it does not fit or is gone.
    base64: NotRequired[str | None]


class TaskError(TypedDict):
    """Why a task did not complete."""

    code: str
    message: str


class WebhookTrace(TypedDict):
    """How the deliveries of a task's webhook went."""

    state: WebhookState
    attempts: int
    lastStatus: int | None
    lastError: str | None


class TaskHead(TypedDict):
    """What a task is, and how far."""

    id: str
    runtime: str
    tasktype: str
    status: Status
    #: From 0 to 1.
    progress: float


class TaskTimes(TypedDict):
    """When things happened to a task."""

    submitted_at: str
    started_at: str | None
    completed_at: str | None
    delay_ms: int | None
    execution_ms: int | None


class ListedTask(TaskHead, TaskTimes):
    """A task of a listing."""


class ShownTask(ListedTask):
    """All that a caller may know of a task."""

    #: Steps and jobs of a running task, as the Web UI counts them.
    sampling: dict[str, int] | None
    #: Bytes of the models that a task waits for on its replica, and those that have come.
    models: dict[str, int] | None
    #: A link to the newest preview of a running task's picture, if its policy asks for one.
    preview: str | None
    attempts: int
    context: Any
    output_location: str
    outputs: list[Output]
    error: TaskError | None
    webhook: WebhookTrace | None


class TaskPage(TypedDict):
    """Tasks of a listing, the newest first, and what to pass as `next` for those that follow."""

    tasks: list[ListedTask]
    next: str | None
