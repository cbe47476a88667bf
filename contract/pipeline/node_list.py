"""Node list of a ComfyUI: the classes that workflows may name, with what the checks of a workflow need of each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

#: Node list of ComfyUI 0.33.0 without custom nodes.
CORE_FILE: Final = Path(__file__).parent / "core_nodes.json"
#: Name of a file that the build of an image puts into each folder of models, so that `/object_info` shows which inputs
#: name files of which folder.
MARKER: Final = "darkroom-marker-{folder}.safetensors"
_MARKER_PARTS: Final = MARKER.split("{folder}")
#: Kind of the file that an input reads, by the flag of `/object_info`.
_FILE_FLAGS: Final = {
    "image_upload": "image",
    "audio_upload": "audio",
    "video_upload": "video",
    "file_upload": "file",
}
#: Inputs of ComfyUI's own nodes that read a file and have no flag.
_UNFLAGGED_FILES: Final = {
    ("LoadLatent", "latent"): "file",
    ("Load3D", "model_file"): "file",
    ("Load3DAdvanced", "model_file"): "file",
}
#: Patterns of model names that are no files, or that ComfyUI makes of other files than the one of that name.
_BUILT_IN: Final = {
    ("VAELoader", "vae_name"): ("pixel_space", "taesd*", "taef1*"),
    ("TrainLoraNode", "existing_lora"): ("[None]",),
}
#: Beginning of the types whose value workflows spread over several inputs, such as `format` and `format.bit_depth`.
_SPREAD_TYPE: Final = "COMFY_"


class ListedNode(BaseModel):
    """One class of nodes."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    #: Names of the required inputs, and the number of outputs; None if unknown.
    required: tuple[str, ...] | None = None
    outputs: int | None = None
    #: True if ComfyUI runs a workflow for the sake of such a node.
    output_node: bool = False
    #: True if it calls comfy.org's services.
    api_node: bool = False
    #: Folders of models by the input that names a file in one of them.
    models: dict[str, tuple[str, ...]] = {}
    #: Patterns of the values of such an input that the model bucket need not hold.
    built_in: dict[str, tuple[str, ...]] = {}
    #: Kind of the file (`image`, `audio`, `video`, `file`) by the input that reads it.
    files: dict[str, str] = {}


class NodeList(BaseModel):
    """The classes of nodes that one image has, by their names."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    comfyui_version: str = ""
    nodes: dict[str, ListedNode]

    @classmethod
    def read(cls, path: Path) -> "NodeList":
        """Return the node list in a file."""
        return cls.model_validate_json(path.read_bytes())

    def to_json(self) -> str:
        """Return the node list as JSON without defaults, with a line for each class."""
        entries = (
            f"  {json.dumps(name)}: {json.dumps(node.model_dump(mode='json', exclude_defaults=True))}"
            for name, node in sorted(self.nodes.items())
        )
        return (
            f'{{"comfyui_version": {json.dumps(self.comfyui_version)}, "nodes": {{\n' + ",\n".join(entries) + "\n}}\n"
        )


@cache
def core_nodes() -> NodeList:
    """Return the node list of ComfyUI 0.33.0 without custom nodes."""
    return NodeList.read(CORE_FILE)


def node_list_of(
    object_info: Mapping[str, Any], model_inputs: Mapping[str, Mapping[str, Sequence[str]]], *, comfyui_version: str
) -> NodeList:
    """Return the node list of a running ComfyUI.

    Args:
        object_info: Body of `GET /object_info`.
        model_inputs: Folders by class and input, as `model_inputs_of` returns them.
        comfyui_version: `system.comfyui_version` of `GET /system_stats`.
    """
    nodes = {}
    for name, described in object_info.items():
        inputs = list(_inputs(described))
        models = {field: tuple(folders) for field, folders in model_inputs.get(name, {}).items()}
        nodes[name] = ListedNode(
            required=tuple(
                field
                for field, kind, _ in _inputs(described, "required")
                if not (isinstance(kind, str) and kind.startswith(_SPREAD_TYPE))
            ),
            outputs=len(described.get("output") or ()),
            output_node=bool(described.get("output_node")),
            api_node=bool(described.get("api_node")),
            models=models,
            built_in={
                field: found
                for field, kind, options in inputs
                if field in models and (found := _built_in(name, field, _choices(kind, options)))
            },
            files={
                field: file
                for field, _, options in inputs
                if (file := _file_kind(options) or _UNFLAGGED_FILES.get((name, field)))
            },
        )
    return NodeList(comfyui_version=comfyui_version, nodes=nodes)


def model_inputs_of(object_info: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """Return the folders by class and input from the markers that the lists of `/object_info` show."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, described in object_info.items():
        for field, kind, options in _inputs(described):
            if folders := sorted({folder for each in _choices(kind, options) if (folder := _folder(each))}):
                found.setdefault(name, {})[field] = folders
    return found


def _inputs(described: Mapping[str, Any], *groups: str) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Yield name, type and options of each input of a class."""
    for group in groups or ("required", "optional"):
        for field, description in (described.get("input", {}).get(group) or {}).items():
            kind, *rest = description
            yield field, kind, rest[0] if rest and isinstance(rest[0], dict) else {}


def _choices(kind: object, options: Mapping[str, Any]) -> list[str]:
    choices = kind if isinstance(kind, list) else options.get("options")
    return [each for each in choices if isinstance(each, str)] if isinstance(choices, list) else []


def _built_in(name: str, field: str, choices: list[str]) -> tuple[str, ...]:
    return (*_BUILT_IN.get((name, field), ()), *(each for each in choices if not _folder(each)))


def _folder(choice: str) -> str:
    """Return the folder whose marker a choice is; empty for another choice."""
    before, after = _MARKER_PARTS
    return choice[len(before) : -len(after)] if choice.startswith(before) and choice.endswith(after) else ""


def _file_kind(options: Mapping[str, Any]) -> str | None:
    return next((kind for flag, kind in _FILE_FLAGS.items() if options.get(flag)), None)
