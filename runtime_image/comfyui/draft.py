"""Workflow of a task before its files are there: its checks, its models and its input files."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from contract.errors import FieldError, InvalidTask
from contract.pipeline.graph import COMFY_KEY, EXTRA_DATA, graph_of, has_extra_data, literal_of, with_literal
from contract.pipeline.graph_check import check_graph
from contract.pipeline.graph_inputs import (
    SHARED_INPUTS_FOLDER,
    FileInput,
    embeddings,
    file_inputs,
    is_file_name,
    model_inputs,
)
from contract.pipeline.workflow_check import check_file_input
from contract.task import Task
from runtime_image.comfyui.call import ComfyUiCall
from runtime_image.comfyui.folders import new_folder
from runtime_image.process.engine import InputFile, InputKind, InputReference, ModelReference

if TYPE_CHECKING:
    from runtime_image.comfyui.engine import ComfyUiEngine

#: Name of the inputs that begin the names of output files.
_PREFIX_INPUT: Final = "filename_prefix"


class ComfyUiDraft:
    """A workflow before its links are replaced."""

    path = "task.content"

    def __init__(self, engine: "ComfyUiEngine", task: Task) -> None:
        """Raise InvalidTask if ComfyUI must not get the workflow."""
        self._engine = engine
        self._task = task
        self._content: Mapping[str, Any] = task.content
        # One of these mistakes ends ComfyUI's worker, so that no later workflow runs.
        _raise(check_graph(task.content, nodes=engine.nodes, limits=engine.limits, rules=engine.rules))
        self._files = list(file_inputs(task.content, engine.nodes))

    def models(self) -> Iterator[ModelReference]:
        """Yield the models and the shared input files that its nodes name."""
        for model in model_inputs(self._content, self._engine.nodes):
            if keys := model.keys:
                folders = [key.removesuffix(f"/{model.value}") for key in keys]
                yield ModelReference(folders[0], str(model.value), further_folders=tuple(folders[1:]))
        for keys in embeddings(self._content):
            for key in keys:
                folder, _, name = key.partition("/")
                yield ModelReference(folder, name)
        yield from (ModelReference(SHARED_INPUTS_FOLDER, name) for _, name in self._shared())

    def check(self, *, timeout_seconds: float) -> None:  # noqa: ARG002 - nothing is asked
        """Raise InvalidTask if an input names a file that is not the task's."""
        folder = self._engine.models_folder
        errors = (check_file_input(each, lambda key: (folder / key).is_file()) for each in self._files)
        _raise([error for error in errors if error])

    def inputs(self) -> list[InputReference]:
        """Return the links and encoded files that its nodes load."""
        return [
            InputReference(_field(each), str(each.value), InputKind(each.kind))
            for each in self._files
            if each.is_link or each.is_data
        ]

    def call(self, inputs: Mapping[str, InputFile]) -> ComfyUiCall:
        """Write the files into a folder of the task, and return the call."""
        folder = new_folder(self._task.metadata.id)
        shared = {
            _field(each): self._engine.models_folder / SHARED_INPUTS_FOLDER / name for each, name in self._shared()
        }
        names = self._engine.folders.write_inputs(folder, {**inputs, **shared})
        files = {(each.node_id, each.name): names[field] for each in self._files if (field := _field(each)) in names}
        return ComfyUiCall(
            self._engine,
            graph=_with_own_names(self._content, folder=folder, files=files),
            original=graph_of(self._content),
            folder=folder,
            models=list(self.models()),
            extra_data=self._extra_data(),
        )

    def _extra_data(self) -> dict[str, str]:
        extra = {"preview_method": "latent2rgb"} if self._task.metadata.policy.preview else {}
        # ComfyUI shows the key neither in its queue nor in its history.
        if has_extra_data(self._content) and (key := self._content[EXTRA_DATA].get(COMFY_KEY)):
            extra[COMFY_KEY] = key
        return extra

    def _shared(self) -> Iterator[tuple[FileInput, str]]:
        """Yield the inputs that name a file in the model bucket's folder of inputs, and the name."""
        for each in self._files:
            if isinstance(each.value, str) and not (each.is_link or each.is_data) and is_file_name(each.value):
                yield each, each.value


def _field(given: FileInput) -> str:
    """Return the path of an input below the content."""
    return f"{given.node_id}.inputs.{given.name}"


def _raise(errors: list[FieldError]) -> None:
    if errors:
        raise InvalidTask(errors)


def _with_own_names(content: Mapping[str, Any], *, folder: str, files: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Return the graph with a folder before each literal prefix, and with the names of its input files.

    ComfyUI's cache otherwise answers an equal workflow with the names of an earlier task's files.

    Args:
        content: The content of the task, whose graph is sound.
        folder: The task's folder below ComfyUI's folders.
        files: Names of input files by node and input.
    """
    renamed: dict[str, Any] = {}
    for node_id, node in graph_of(content).items():
        inputs = dict(node["inputs"])
        prefix = literal_of(inputs.get(_PREFIX_INPUT))
        if isinstance(prefix, str):
            inputs[_PREFIX_INPUT] = with_literal(inputs[_PREFIX_INPUT], f"{folder}/{prefix}")
        own = {name: file for (owner, name), file in files.items() if owner == node_id}
        inputs |= {name: with_literal(inputs[name], file) for name, file in own.items()}
        renamed[node_id] = node | {"inputs": inputs}
    return renamed
