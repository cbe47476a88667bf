"""Requests of tasks, made of keyword arguments under the names of the SD Web UI's API."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

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


_METADATA_NAMES: Final = ("prefix", "context", "webhook", "policy", "output")


def task_request(prompt: str | None, options: TaskOptions) -> dict[str, dict[str, object]]:
    """Return metadata and content of a task, whose pictures are not uploaded yet."""
    given: dict[str, object] = dict(options)
    if unknown := sorted(given.keys() - TaskOptions.__annotations__.keys()):
        raise UnusableInput(f"`{unknown[0]}` is no argument; write a field of the Web UI's API into `content`")
    content: dict[str, object] = {name: given[name] for name in ContentOptions.__annotations__ if name in given}
    if prompt is not None:
        content["prompt"] = prompt
    if "model" in options:
        content["override_settings"] = {"sd_model_checkpoint": options["model"]}
    content |= options.get("content", {})
    metadata: dict[str, object] = {
        "id": options.get("id") or str(uuid.uuid4()),
        "runtime": options.get("runtime") or DEFAULT_RUNTIME,
        "tasktype": options.get("task_type") or ("image-to-image" if "init_images" in content else "text-to-image"),
        **{name: given[name] for name in _METADATA_NAMES if name in given},
        **options.get("metadata", {}),
    }
    return {"metadata": metadata, "content": content}
