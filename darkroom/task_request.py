"""Requests of tasks, made of keyword arguments under the names of the SD Web UI's API, or of a workflow."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypedDict

from darkroom.errors import UnusableInput
from darkroom.input_pictures import PictureInput

#: Runtime of a task that names none: that of all documented requests.
DEFAULT_RUNTIME: Final = "sdruntime"


class ContentOptions(TypedDict, total=False):
    """Common fields of a content. `content` may hold any other one."""

    negative_prompt: str
    width: int
    height: int
    steps: int
    seed: int
    cfg_scale: float
    sampler_name: str
    scheduler: str
    batch_size: int
    n_iter: int
    denoising_strength: float
    init_images: Sequence[PictureInput]
    mask: PictureInput


class ListFilters(TypedDict, total=False):
    """Filters of a listing."""

    runtime: str | None
    status: str | None
    #: Name of the key, for an administrator.
    key: str | None
    #: Part of the prompt or of the id.
    text: str | None
    #: Number of tasks that one request reads.
    limit: int | None
    #: The `next` of an earlier page.
    next: str | None


class TaskOptions(ContentOptions, total=False):
    """Keyword arguments of a submission."""

    #: By default a new one.
    id: str
    runtime: str
    #: By default `image-to-image` with `init_images`, and `text-to-image` without.
    task_type: str
    #: Checkpoint, for a runtime that accepts any.
    model: str
    #: ComfyUI's graph in its API format, instead of the fields of a content. Inputs that name files may be pictures.
    workflow: Mapping[str, object]
    #: Folder of the outputs.
    prefix: str
    #: Any JSON value; it comes back with the task.
    context: object
    webhook: str
    policy: Mapping[str, object]
    #: Format and quality of the pictures.
    output: Mapping[str, object]
    #: Other fields of the metadata, and of the content.
    metadata: Mapping[str, object]
    content: Mapping[str, object]


#: Tasks of a batch: JSON lines, a JSON array, or documents such as those of `prepare`.
TasksToSend: TypeAlias = bytes | Iterable[Mapping[str, Any]]


class BatchArguments(TypedDict, total=False):
    """Keyword arguments of a batch."""

    #: By default a new one.
    id: str
    #: Make a task of each choice in prompts: `a {red|blue} star`.
    expand: bool
    #: Publish a callback when the batch has ended.
    callback: bool
    #: Address that receives the end of the batch.
    webhook: str


#: Arguments of a workflow's task: all others belong to the SD Web UI.
_WORKFLOW_NAMES: Final = (
    frozenset(TaskOptions.__annotations__)
    - frozenset(ContentOptions.__annotations__)
    - {
        "model",
        "content",
    }
)
#: Arguments that hold fields.
_OBJECTS: Final = frozenset({"workflow", "metadata", "content"})
_METADATA_NAMES: Final = ("prefix", "context", "webhook", "policy", "output")


def task_request(prompt: str | None, options: TaskOptions) -> dict[str, dict[str, object]]:
    """Return metadata and content of a task, whose pictures are not uploaded yet."""
    given: dict[str, object] = dict(options)
    if unknown := sorted(given.keys() - TaskOptions.__annotations__.keys()):
        raise UnusableInput(f"`{unknown[0]}` is not an argument; write a field of the Web UI's API into `content`")
    for name in _OBJECTS & given.keys():
        if not isinstance(given[name], Mapping):
            kind = type(given[name]).__name__
            raise UnusableInput(f"`{name}` is of type {kind}; give a dictionary, for example by json.loads of a file")
    if "workflow" in options:
        return _task({**given, "task_type": "pipeline"}, _graph_of(prompt, options))
    content: dict[str, object] = {name: given[name] for name in ContentOptions.__annotations__ if name in given}
    if prompt is not None:
        content["prompt"] = prompt
    content |= options.get("content", {})
    if "model" in options:
        overrides = content.get("override_settings")
        model = {"sd_model_checkpoint": options["model"]}
        content["override_settings"] = model | (overrides if isinstance(overrides, dict) else {})
    return _task(given, content)


def _task(given: Mapping[str, object], content: dict[str, object]) -> dict[str, dict[str, object]]:
    further = given.get("metadata")
    metadata: dict[str, object] = {
        "id": given.get("id") or str(uuid.uuid4()),
        "runtime": given.get("runtime") or DEFAULT_RUNTIME,
        "tasktype": given.get("task_type") or ("image-to-image" if "init_images" in content else "text-to-image"),
        **{name: given[name] for name in _METADATA_NAMES if name in given},
        **(further if isinstance(further, Mapping) else {}),
    }
    return {"metadata": metadata, "content": content}


def _graph_of(prompt: str | None, options: TaskOptions) -> dict[str, object]:
    strangers = sorted(options.keys() - _WORKFLOW_NAMES) + (["prompt"] if prompt is not None else [])
    if strangers:
        raise UnusableInput(f"`{strangers[0]}` and `workflow` exclude each other; write the value into the workflow")
    return dict(options["workflow"])
