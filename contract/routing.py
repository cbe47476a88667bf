"""Runtimes, and the routing of a task to the queue of its runtime: message attributes and filter policies."""

from collections.abc import Callable, Collection, Iterable
from pathlib import PurePosixPath
from string import hexdigits
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.alias_generators import to_camel

from contract.errors import FieldError, RuntimeNotFound
from contract.record import Record
from contract.task import DEFAULT_EXECUTION_TIMEOUT_MS, MIN_EXECUTION_TIMEOUT_MS, TaskType

#: A runtime's name is part of queue names (80 characters with environment and suffix) and of URLs.
RUNTIME_NAME_PATTERN: Final = r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$"
CHECKPOINT_EXTENSIONS: Final = (".safetensors", ".ckpt")

#: Characters of a checkpoint's name with its folder. S3 allows keys of 1,024 bytes of UTF-8.
MAX_CHECKPOINT_LENGTH: Final = 250

#: Returns the file below the checkpoint folder of the model bucket that a name means: a file name with or without
#: folder and ending, a title, or a hash. None for an unknown name.
FindCheckpoint = Callable[[str], str | None]


class CamelModel(BaseModel):
    """A model whose keys in YAML and JSON are camelCase, as users of the environment files know them."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, extra="forbid", frozen=True
    )


class Limits(CamelModel):
    """The largest generation that a runtime accepts; it protects the GPU from running out of memory or time."""

    width: int = Field(default=2048, ge=64, description="Pixels, after any high-resolution pass")
    height: int = Field(default=2048, ge=64, description="Pixels, after any high-resolution pass")
    steps: int = Field(default=150, ge=1, description="Sampling steps of one pass")
    batch_size: int = Field(default=8, ge=1, description="Pictures of one batch")
    length: int = Field(default=500, ge=1, description="Frames of a video, as workflows write `length`")
    iterations: int = Field(default=8, ge=1, description="Batches of one task (`n_iter`)")
    pictures: int = Field(
        default=256,
        ge=1,
        le=1000,
        description="Pictures of one task, with those that a script or a list of inputs adds",
    )
    megapixel_steps: int = Field(
        default=5000,
        ge=1,
        description="Work of one task in millions: pixels, times steps, times pictures, over all passes",
    )


class QualitySteps(CamelModel):
    """Sampling steps for each `quality` of OpenAI's images API."""

    low: int = Field(default=10, ge=1, description="Steps for `low`")
    medium: int = Field(default=20, ge=1, description="Steps for `medium`, `auto` and `standard`")
    high: int = Field(default=40, ge=1, description="Steps for `high`, `hd`, `xhigh` and `max`")


#: Pattern of a node's class.
NodePattern = Annotated[str, Field(pattern=r"^[^\x00-\x1f]{1,100}$")]
#: Keys of a runtime that have a meaning for one type only.
_KEYS_OF_TYPE: Final = {
    "model_filename": "sdwebui",
    "dynamic_model": "sdwebui",
    "allowed_scripts": "sdwebui",
    "model_calls": "sdwebui",
    "quality_steps": "sdwebui",
    "openai_models": "sdwebui",
    "pipeline_runtime": "sdwebui",
    "allowed_nodes": "comfyui",
    "disallowed_nodes": "comfyui",
    "api_nodes": "comfyui",
}


class Runtime(CamelModel):
    """What submission must know of a runtime; its capacity is the stacks' business."""

    name: Annotated[str, Field(pattern=RUNTIME_NAME_PATTERN)] = Field(
        description="lower-case letters, digits and hyphens, 40 at most; tasks name it in `metadata.runtime`"
    )
    type: Literal["sdwebui", "comfyui"] = Field(
        default="sdwebui", description="what generates: the SD Web UI, or ComfyUI, which runs workflows only"
    )
    model_filename: str | None = Field(default=None, description="the one checkpoint that this runtime serves")
    dynamic_model: bool = Field(
        default=False, description="true: each task names its checkpoint, which the model bucket must hold"
    )
    limits: Limits = Limits()
    longest_task_seconds: int = Field(
        default=DEFAULT_EXECUTION_TIMEOUT_MS // 1000,
        ge=MIN_EXECUTION_TIMEOUT_MS // 1000,
        le=43_200,
        description="Largest `executionTimeout` of a task in seconds; a stopping replica still finishes such a task",
    )
    allowed_scripts: tuple[Annotated[str, Field(pattern=r"^\S.{0,99}$")], ...] = Field(
        default=(),
        description="scripts that tasks may use with any arguments, by the names of `GET /sdapi/v1/scripts`; scripts"
        " with a table of arguments need no entry",
    )

    model_calls: bool = Field(
        default=False,
        description="true: tasks may call `v1/download` and `v1/sync`, which bring models from the internet",
    )

    quality_steps: QualitySteps = Field(
        default=QualitySteps(), description="sampling steps by the `quality` of OpenAI's images API"
    )

    openai_models: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")], ...] = Field(
        default=(),
        description="further names of this runtime as `model` of OpenAI's images API, for programs that send a fixed"
        " one such as gpt-image-1 or dall-e-3",
    )

    pipeline_runtime: Annotated[str | None, Field(pattern=RUNTIME_NAME_PATTERN)] = Field(
        default=None,
        description="only for `sdwebui`: the runtime of type `comfyui` that executes pipeline tasks sent to this one",
    )
    allowed_nodes: tuple[NodePattern, ...] = Field(
        default=("*",),
        description="only for `comfyui`: classes of nodes that workflows may use, as patterns with `*`; a class that is"
        " refused by default needs an entry with its whole name",
    )
    disallowed_nodes: tuple[NodePattern, ...] = Field(
        default=(), description="only for `comfyui`: classes of nodes that workflows may not use, as patterns with `*`"
    )
    api_nodes: bool = Field(
        default=False,
        description="only for `comfyui`: true allows the nodes that call comfy.org's services, which cost money",
    )

    @model_validator(mode="after")
    def _keys_of_its_type(self) -> "Runtime":
        strangers = _KEYS_OF_TYPE.keys() & self.model_fields_set
        if wrong := sorted(key for key in strangers if _KEYS_OF_TYPE[key] != self.type):
            raise ValueError(f"{to_camel(wrong[0])} is for runtimes of type {_KEYS_OF_TYPE[wrong[0]]}; leave it out")
        return self

    @model_validator(mode="after")
    def _one_way_to_a_model(self) -> "Runtime":
        if self.type == "comfyui":
            # Its workflows name their models.
            return self
        if self.dynamic_model == (self.model_filename is not None):
            raise ValueError("needs either modelFilename or dynamicModel: true, exactly one of them")
        return self

    def takes(self, tasktype: TaskType | None) -> bool:
        """Return True if the runtime executes tasks of a type; an unknown type (None) counts as accepted."""
        return tasktype is None or (tasktype is TaskType.PIPELINE) == (self.type == "comfyui")


class Catalogue:
    """The configured runtimes, by name."""

    def __init__(self, runtimes: Iterable[Runtime]) -> None:
        self.runtimes = {runtime.name: runtime for runtime in runtimes}

    @classmethod
    def from_json(cls, text: str | bytes) -> "Catalogue":
        """Read the JSON of `to_json`, which the functions get in their environment."""
        return cls(TypeAdapter(tuple[Runtime, ...]).validate_json(text))

    def to_json(self) -> str:
        """Return the runtimes as compact JSON without defaults."""
        adapter = TypeAdapter(tuple[Runtime, ...])
        return adapter.dump_json(tuple(self.runtimes.values()), exclude_defaults=True, by_alias=True).decode()

    def find(self, name: str) -> Runtime | FieldError:
        """Return the runtime of this name, or the error that lists the configured names."""
        return self.runtimes.get(name) or FieldError(
            field="task.metadata.runtime",
            message=f"there is no runtime {name[:128]!r}; configured: {', '.join(sorted(self.runtimes))}",
            code="unknown_runtime",
        )

    def of_type(self, type_: Literal["sdwebui", "comfyui"]) -> list[Runtime]:
        """Return the runtimes of a type."""
        return [runtime for runtime in self.runtimes.values() if runtime.type == type_]

    def default_webui(self) -> Runtime:
        """Return the first runtime that is an SD Web UI; raises RuntimeNotFound."""
        for runtime in self.of_type("sdwebui"):
            return runtime
        raise RuntimeNotFound("no runtime of type sdwebui is configured; send workflows as tasks of type pipeline")

    def advice(self, runtime: Runtime) -> str:
        """Return the error of a task whose type the runtime does not execute."""
        if runtime.type == "comfyui":
            others = _names(self.of_type("sdwebui"))
            advice = f"send other tasks to a runtime of type sdwebui: {others}"
            return f"runtime {runtime.name} is a ComfyUI, which takes workflows (pipeline) only; {advice}"
        others = _names(self.of_type("comfyui"))
        return f"runtime {runtime.name} is an SD Web UI; send workflows to a runtime of type comfyui: {others}"

    def require(self, name: str) -> Runtime:
        """Return the runtime of this name; raises RuntimeNotFound."""
        found = self.find(name)
        if isinstance(found, FieldError):
            raise RuntimeNotFound(found.message)
        return found

    def runtime_for_checkpoint(self, checkpoint: str, find_checkpoint: FindCheckpoint) -> Runtime | None:
        """Return the runtime that serves `checkpoint`: its own model first, then a dynamic one that can load it."""
        if runtime := self._runtime_of(checkpoint):
            return runtime
        found = find_checkpoint(checkpoint)
        dynamic = next((runtime for runtime in self.runtimes.values() if runtime.dynamic_model), None)
        return (self._runtime_of(found) or dynamic) if found else None

    def _runtime_of(self, checkpoint: str) -> Runtime | None:
        for runtime in self.runtimes.values():
            if runtime.model_filename and same_checkpoint(runtime.model_filename, checkpoint):
                return runtime
        return None


def _names(runtimes: Iterable[Runtime]) -> str:
    return ", ".join(sorted(runtime.name for runtime in runtimes)) or "none is configured"


def checkpoint_name(name: str) -> str:
    """Strip the ` [hash]` of a Web UI title, because title and file name mean the same checkpoint."""
    name = name.strip()
    stem, bracket, digits = name.removesuffix("]").rpartition("[")
    is_title = name.endswith("]") and bracket and digits and set(digits) <= set(hexdigits)
    return stem.rstrip() if is_title else name


def same_checkpoint(first: str, second: str) -> bool:
    """Return True if two forms of a checkpoint's name (title, file name, bare name) mean the same."""
    return bare_checkpoint_name(first) == bare_checkpoint_name(second)


def bare_checkpoint_name(name: str) -> str:
    """Strip hash and file ending, which are optional in a checkpoint's name."""
    name = checkpoint_name(name)
    for extension in CHECKPOINT_EXTENSIONS:
        name = name.removesuffix(extension)
    return name


def model_name_forms(name: str, extensions: Collection[str]) -> tuple[str, ...]:
    """Return the forms in which requests name a model: with and without its folder and ending, the exact one first."""
    path = PurePosixPath(name)
    if path.suffix not in extensions:
        return (name,)
    return name, str(path.with_suffix("")), path.name, path.stem


def is_checkpoint_name(name: str) -> bool:
    """Return True if `name` can be a file below the checkpoint folder: it stays inside, and is safe in a log."""
    if len(name) > MAX_CHECKPOINT_LENGTH or not name.isprintable():
        return False
    return {"", ".", ".."}.isdisjoint(checkpoint_name(name).split("/"))


def task_attributes(record: Record) -> dict[str, str]:
    """Return the message attributes of a task on the task topic; queues filter on `runtime` and `priority`."""
    return {
        "id": record.id,
        "runtime": record.runtime,
        "tasktype": record.tasktype,
        "priority": _priority(record.low_priority),
    }


def runtime_filter_policy(runtime_name: str, *, low_priority: bool) -> dict[str, list[str]]:
    """Return the subscription filter policy (on attributes) of one of the two queues of a runtime."""
    return {"runtime": [runtime_name], "priority": [_priority(low_priority)]}


def _priority(low_priority: bool) -> str:  # noqa: FBT001 - the task's own field
    return "low" if low_priority else "normal"
