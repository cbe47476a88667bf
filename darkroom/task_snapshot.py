"""Tasks as the API shows them: typed views of its JSON documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Final, Literal, Self, TypeAlias

from darkroom.errors import TaskNotCompleted

TaskStatus: TypeAlias = Literal["IN_QUEUE", "IN_PROGRESS", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]
FINAL_STATUSES: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})
#: Extension of the Web UI's response, which is stored with the pictures.
_RESPONSE_EXTENSION: Final = ".out"


@dataclass(frozen=True)
class OutputFile:
    """One file that a task made. The link `url` works without the key, for an hour at most."""

    s3_url: str
    # Links carry a signature, which belongs into no log.
    url: str = field(repr=False)
    #: A link to a small WebP picture.
    thumbnail: str | None = field(default=None, repr=False)
    #: Of a file of a workflow: the node that made it, its kind (`image`, `video` …), and its name at ComfyUI.
    node_id: str | None = None
    kind: str | None = None
    filename: str | None = None

    @property
    def name(self) -> str:
        """Name of the file, without its folder."""
        return PurePosixPath(self.s3_url).name

    @property
    def is_picture(self) -> bool:
        """Return True if the file is a picture, and not the Web UI's response."""
        return not self.name.endswith(_RESPONSE_EXTENSION)


@dataclass(frozen=True)
class TaskFailure:
    """Why a task did not complete."""

    code: str
    message: str


@dataclass(frozen=True)
class SamplingPosition:
    """Position of a running task; None where it is not known: a Web UI counts jobs, and ComfyUI nodes."""

    sampling_step: int | None = None
    sampling_steps: int | None = None
    job_no: int | None = None
    job_count: int | None = None
    node: str | None = None
    class_type: str | None = None
    nodes_done: int | None = None
    nodes_total: int | None = None


@dataclass(frozen=True)
class ModelsOnTheirWay:
    """Bytes of the models that a task waits for, and those that have come."""

    bytes: int
    bytes_done: int


@dataclass(frozen=True)
class AcceptedTask:
    """The answer to a submission."""

    id: str
    output_location: str
    #: Fields of the request that Darkroom does not know and passes on.
    unknown_fields: tuple[str, ...]
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the typed view of an answer."""
        unknown = tuple(document.get("unknown_fields", ()))
        return cls(document["id_task"], document["output_location"], unknown, document)


@dataclass(frozen=True)
class TaskSnapshot:
    """A task as it was when it was read. `document` is the whole answer; a task of a listing has no outputs."""

    id: str
    runtime: str
    task_type: str
    status: TaskStatus
    #: From 0 to 1.
    progress: float
    submitted_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    #: Milliseconds of waiting and of running.
    delay_ms: int | None = None
    execution_ms: int | None = None
    #: Place of a waiting task in its queue, and when it may start; None where this is not known.
    queue_position: int | None = None
    estimated_start_at: datetime | None = None
    #: Beginning of the prompt.
    prompt: str | None = None
    sampling: SamplingPosition | None = None
    models: ModelsOnTheirWay | None = None
    #: A link to the newest preview of a running task's picture.
    preview: str | None = field(default=None, repr=False)
    context: object = None
    outputs: tuple[OutputFile, ...] = ()
    error: TaskFailure | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the typed view of a task's document."""
        sampling, models, error = document.get("sampling"), document.get("models"), document.get("error")
        return cls(
            id=document["id"],
            runtime=document["runtime"],
            task_type=document["tasktype"],
            status=document["status"],
            progress=document["progress"],
            submitted_at=datetime.fromisoformat(document["submitted_at"]),
            started_at=moment(document.get("started_at")),
            completed_at=moment(document.get("completed_at")),
            delay_ms=document.get("delay_ms"),
            execution_ms=document.get("execution_ms"),
            queue_position=document.get("queue_position"),
            estimated_start_at=moment(document.get("estimated_start_at")),
            prompt=document.get("prompt"),
            sampling=SamplingPosition(**_known(sampling, SamplingPosition)) if sampling else None,
            models=ModelsOnTheirWay(models["bytes"], models["bytes_done"]) if models else None,
            preview=document.get("preview"),
            context=document.get("context"),
            outputs=tuple(OutputFile(**_known(output, OutputFile)) for output in document.get("outputs", ())),
            error=TaskFailure(error["code"], error["message"]) if error else None,
            document=document,
        )

    @property
    def is_final(self) -> bool:
        """Return True if the task has ended, in whatever way."""
        return self.status in FINAL_STATUSES

    @property
    def is_completed(self) -> bool:
        """Return True if the task has made its pictures."""
        return self.status == "COMPLETED"

    @property
    def position(self) -> tuple[object, ...]:
        """Values that change while a task goes on. Links are no part of it, because each reading has new ones."""
        return self.status, self.progress, self.queue_position, self.sampling, self.models

    def raise_for_status(self) -> Self:
        """Return the task itself; raise TaskNotCompleted unless it is COMPLETED."""
        if not self.is_completed:
            raise TaskNotCompleted(self)
        return self


@dataclass(frozen=True)
class TaskListPage:
    """Tasks of one page of a listing, the newest first, and what to pass as `next` for those that follow."""

    tasks: tuple[TaskSnapshot, ...]
    next: str | None
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the typed view of a page."""
        return cls(tuple(map(TaskSnapshot.of, document["tasks"])), document.get("next"), document)


#: A task, by its id or as a client has returned it.
TaskReference: TypeAlias = str | TaskSnapshot | AcceptedTask


def id_of_task(task: TaskReference) -> str:
    """Return the id of a task."""
    return task if isinstance(task, str) else task.id


def moment(text: str | None) -> datetime | None:
    """Return a time of the API; None where it names none."""
    return datetime.fromisoformat(text) if text else None


def _known(document: Mapping[str, Any], described: type) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name in described.__annotations__}
