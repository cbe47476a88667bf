"""Inputs of a workflow that name files: pictures, sounds and videos of the task, and models of the bucket."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contract.model_folders import comfyui_folders
from contract.pipeline.graph import literal_of, matches, nodes_of
from contract.pipeline.node_list import ListedNode, NodeList
from contract.webui_values import begins_as_link

#: Folder of the model bucket with files that every workflow may read by name.
SHARED_INPUTS_FOLDER: Final = "inputs"
#: Folder of the models that prompts name as `embedding:name`.
EMBEDDINGS_FOLDER: Final = "embeddings"
#: Endings of model files; prompts leave the ending of an embedding out.
MODEL_EXTENSIONS: Final = (".safetensors", ".pt", ".bin")
_DATA_URI: Final = re.compile(r"\s*data:", re.IGNORECASE)
#: The name of an embedding in a prompt, which ends as ComfyUI's own reader ends it.
_EMBEDDING: Final = re.compile(r"embedding:([^\s,()\[\]]+)")
#: Characters of a file's name with its folders.
_MAX_FILE_NAME: Final = 250
#: What the mask editor writes behind the name of a file in ComfyUI's folder of inputs, which is the only one of a task.
_INPUT_MARK: Final = " [input]"
_NO_NODE: Final = ListedNode()


@dataclass(frozen=True)
class NodeInput:
    """Input of a node that names a file."""

    node_id: str
    name: str
    #: The literal; links between nodes name no files.
    value: object

    def path(self, field: str = "task.content") -> str:
        """Return the path of the input below the path of the content."""
        return f"{field}.{self.node_id}.inputs.{self.name}"


@dataclass(frozen=True)
class FileInput(NodeInput):
    """Input of a node that reads a file."""

    #: `image`, `audio`, `video` or `file`.
    kind: str

    @property
    def is_link(self) -> bool:
        """Return True if the value is a link that must be fetched."""
        return isinstance(self.value, str) and begins_as_link(self.value)

    @property
    def is_data(self) -> bool:
        """Return True if the value is a `data:` URI, which holds the file itself."""
        return isinstance(self.value, str) and begins_as_data(self.value)


@dataclass(frozen=True)
class ModelInput(NodeInput):
    """Input of a node that names a model."""

    #: The folders in which ComfyUI looks for it.
    folders: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys in the model bucket that may hold the model, the folder's own name first."""
        return model_keys(self.folders, self.value) if isinstance(self.value, str) else ()


def without_mark(value: object) -> object:
    """Return the name of a file without `[input]` behind it, as ComfyUI reads it; another value stays as it is."""
    return value.removesuffix(_INPUT_MARK) if isinstance(value, str) else value


def begins_as_data(value: str) -> bool:
    """Return True if a text begins with the scheme of a `data:` URI."""
    return bool(_DATA_URI.match(value))


def file_inputs(content: Mapping[str, Any], nodes: NodeList) -> Iterator[FileInput]:
    """Yield each literal of an input that reads a file."""
    for node in nodes_of(content):
        for name, kind in nodes.nodes.get(node.class_type, _NO_NODE).files.items():
            if name in node.inputs and not _comes_from_node(node.inputs[name]):
                yield FileInput(node.id, name, without_mark(literal_of(node.inputs[name])), kind)


def possible_file_inputs(content: Mapping[str, Any], nodes: NodeList) -> Iterator[FileInput]:
    """Yield file inputs, and each literal of an unlisted class, because only the image knows what custom nodes read."""
    yield from file_inputs(content, nodes)
    for node in nodes_of(content):
        for name, value in node.inputs.items() if node.class_type not in nodes.nodes else ():
            if not _comes_from_node(value):
                yield FileInput(node.id, name, without_mark(literal_of(value)), "file")


def model_inputs(content: Mapping[str, Any], nodes: NodeList) -> Iterator[ModelInput]:
    """Yield each literal of an input that names a model of the bucket."""
    for node in nodes_of(content):
        described = nodes.nodes.get(node.class_type, _NO_NODE)
        for name, folders in described.models.items():
            if name not in node.inputs or _comes_from_node(node.inputs[name]):
                continue
            value = literal_of(node.inputs[name])
            is_built_in = any(matches(str(value), pattern) for pattern in described.built_in.get(name, ()))
            if not is_built_in:
                yield ModelInput(node.id, name, value, folders)


def embeddings(content: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the keys that may hold each embedding that a text of the workflow names; ComfyUI ignores unknown ones."""
    names = {
        name
        for node in nodes_of(content)
        for value in node.inputs.values()
        if isinstance(literal := literal_of(value), str)
        for name in _EMBEDDING.findall(literal)
        if is_file_name(name)
    }
    for name in sorted(names):
        endings = ("",) if name.endswith(MODEL_EXTENSIONS) else MODEL_EXTENSIONS
        yield tuple(f"{EMBEDDINGS_FOLDER}/{name}{ending}" for ending in endings)


def model_keys(folders: Sequence[str], name: str) -> tuple[str, ...]:
    """Return the keys in the model bucket that may hold a model; empty if the name is no file's."""
    if not is_file_name(name):
        return ()
    return tuple(dict.fromkeys(f"{each}/{name}" for folder in folders for each in comfyui_folders(folder)))


def is_file_name(name: str) -> bool:
    """Return True if a name can be a file below a folder: it stays inside, and is safe in a log."""
    return len(name) <= _MAX_FILE_NAME and name.isprintable() and {"", ".", ".."}.isdisjoint(name.split("/"))


def _comes_from_node(value: object) -> bool:
    return isinstance(value, list)
