"""Arguments of the tools: what an assistant may write, and the task that it means."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.errors import FieldError, InvalidTask
from contract.model_errors import field_errors
from contract.record import Status
from contract.routing import Catalogue
from contract.task import TaskType

#: Folder of the outputs, and prefix of the ids of the tasks.
PREFIX: Final = "mcp"
#: Seconds of the longest wait, as long as any function waits.
MAX_WAIT_SECONDS: Final = 300
#: Argument that became a field of the task under another name, by the path of that field.
_ARGUMENT_OF_PATH: Final = {
    "task.metadata.runtime": "runtime",
    "task.metadata.tasktype": "runtime",
    "task.content.alwayson_scripts.sd_model_checkpoint": "model",
    "task.content.override_settings.sd_model_checkpoint": "model",
    "task.content.n_iter": "count",
    "task.content.init_images": "image",
    "task.content.init_images[0]": "image",
}
_Arguments = TypeVar("_Arguments", bound="ToolArguments")


class ToolArguments(BaseModel):
    """Arguments of one tool; an unknown argument is an error, because its effect would be missing silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


WaitSeconds = Annotated[
    int,
    Field(
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="Seconds to wait for the end. The HTTP API itself waits 25 at most; the task goes on afterwards",
    ),
]
TaskId = Annotated[str, Field(description="The `task_id` that another tool returned")]


class GenerateImageArguments(ToolArguments):
    """A picture from a prompt."""

    prompt: Annotated[
        str, Field(min_length=1, description="What the picture shows; `<lora:name:0.8>` adds a LoRA of list_models")
    ]
    negative_prompt: Annotated[str | None, Field(description="What the picture must not show")] = None
    width: Annotated[int | None, Field(ge=8, description="Pixels")] = None
    height: Annotated[int | None, Field(ge=8, description="Pixels")] = None
    steps: Annotated[int | None, Field(ge=1, description="Sampling steps: more take longer and show more detail")] = (
        None
    )
    cfg_scale: Annotated[float | None, Field(description="How closely the picture follows the prompt, often 7")] = None
    sampler_name: Annotated[str | None, Field(description="Sampler of the Web UI, such as `DPM++ 2M`")] = None
    seed: Annotated[int | None, Field(description="The same request with the same seed makes the same picture")] = None
    count: Annotated[int, Field(ge=1, le=8, description="Pictures, with consecutive seeds")] = 1
    runtime: Annotated[str | None, Field(description="A runtime of list_runtimes; by default the first")] = None
    model: Annotated[str | None, Field(description="A model of list_models, for a runtime that loads any")] = None
    wait_seconds: WaitSeconds = 0

    def task(self, task_id: str, catalogue: Catalogue) -> dict[str, Any]:
        """Return the v1alpha2 body."""
        metadata = {
            "id": task_id,
            "runtime": self.runtime or catalogue.default_webui().name,
            "tasktype": self._task_type.value,
            "prefix": PREFIX,
        }
        return {"task": {"metadata": metadata, "content": self._content()}}

    @property
    def _task_type(self) -> TaskType:
        return TaskType.TEXT_TO_IMAGE

    def _content(self) -> dict[str, Any]:
        same = self.model_dump(exclude_none=True, exclude={"count", "runtime", "model", "wait_seconds"})
        options = {"override_settings": {"sd_model_checkpoint": self.model}} if self.model else {}
        return {**same, "n_iter": self.count, **options}


class EditImageArguments(GenerateImageArguments):
    """A picture that begins with another one."""

    image: Annotated[
        str,
        Field(
            min_length=1,
            description="The picture to change: the `resource` of a finished task (`darkroom://tasks/…/images/1`), an"
            " https link, the link of an upload, or base64",
        ),
    ]
    mask: Annotated[
        str | None, Field(description="A picture of the same forms: only its white part is painted anew")
    ] = None
    denoising_strength: Annotated[
        float | None, Field(ge=0, le=1, description="How much changes: 0 nothing, 1 everything; 0.75 by default")
    ] = None

    @property
    def _task_type(self) -> TaskType:
        return TaskType.IMAGE_TO_IMAGE

    def _content(self) -> dict[str, Any]:
        content = super()._content()
        return {**content, "init_images": [content.pop("image")]}


class GetTaskArguments(ToolArguments):
    """A task, and how long to wait for its end."""

    task_id: TaskId
    wait_seconds: WaitSeconds = 0


class CancelTaskArguments(ToolArguments):
    """A task to cancel."""

    task_id: TaskId


class ListTasksArguments(ToolArguments):
    """Which tasks to list."""

    runtime: Annotated[str | None, Field(description="Only tasks of this runtime")] = None
    status: Annotated[Status | None, Field(description="Only tasks in this state")] = None
    limit: Annotated[int, Field(ge=1, le=100, description="Tasks at most")] = 20
    next: Annotated[str | None, Field(description="The `next` of the page before")] = None


class ListModelsArguments(ToolArguments):
    """Which models to list."""

    runtime: Annotated[str | None, Field(description="Only models of this runtime")] = None


class NoArguments(ToolArguments):
    """A tool without arguments."""


def read_arguments(model: type[_Arguments], given: Mapping[str, Any] | None) -> _Arguments:
    """Return the arguments of a call; raises InvalidTask with every broken one."""
    try:
        return model.model_validate(given or {})
    except ValidationError as error:
        known = ", ".join(model.model_fields) or "none"
        unknown = FieldError("", f"is not an argument of this tool; its arguments are: {known}", "unknown_field")
        raise InvalidTask(field_errors(error, unknown=unknown)) from None


def argument_of(path: str) -> str:
    """Return the argument that became the field of a task at this path."""
    return _ARGUMENT_OF_PATH.get(path, path.removeprefix("task.content.").removeprefix("task.metadata."))
