"""Catalogue of the nodes: their inputs and outputs, as `/object_info` shows them and as validation checks them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from embedded_comfyui.folders import ComfyFolders

_DATA: Final = Path(__file__).parent / "data"
MODEL_FOLDERS: Final[list[str]] = json.loads((_DATA / "model_folders.json").read_text())
#: Begins the choices of an input that are the files of a folder.
_FOLDER_MARK: Final = "@"
#: Module of the nodes of the older kind, whose entries have fewer keys.
_OLD_MODULE: Final = "nodes"
_HIDDEN: Final = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


class NodeDefinition:
    """One class of nodes."""

    def __init__(self, name: str, definition: Mapping[str, Any], folders: ComfyFolders) -> None:
        self.name = name
        self.outputs: list[str] = definition["outputs"]
        self.is_output: bool = definition.get("output_node", False)
        self._definition = definition
        self._folders = folders

    def inputs(self) -> Iterator[tuple[str, bool, list[Any]]]:
        """Yield name, whether it is required, and specification of each input, with the choices of this moment."""
        for name, specification in self._definition["required"].items():
            yield name, True, self._with_choices(specification)
        for name, specification in self._definition.get("optional", {}).items():
            yield name, False, self._with_choices(specification)

    def information(self) -> dict[str, Any]:
        """Return the entry of `/object_info`."""
        inputs: dict[str, dict[str, Any]] = {}
        for name, is_required, specification in self.inputs():
            inputs.setdefault("required" if is_required else "optional", {})[name] = specification
        is_old, definition = self._definition["python_module"] == _OLD_MODULE, self._definition
        if self.is_output:
            inputs["hidden"] = {name: kind if is_old else [kind] for name, kind in _HIDDEN.items()}
        information = {
            "input": inputs,
            "input_order": {kind: list(named) for kind, named in inputs.items()},
            "is_input_list": False,
            "output": self.outputs,
            "output_is_list": [False] * len(self.outputs),
            "output_name": definition.get("output_names", self.outputs),
            "name": self.name,
            "display_name": definition["display_name"],
            "description": "",
            "python_module": definition["python_module"],
            "category": definition["category"],
            "output_node": self.is_output,
            "has_intermediate_output": False,
            "search_aliases": [],
        }
        if not is_old:
            information |= {
                "output_tooltips": [None] * len(self.outputs),
                "output_matchtypes": None,
                "deprecated": definition.get("deprecated", False),
                "experimental": False,
                "dev_only": False,
                "api_node": False,
                "price_badge": None,
                "essentials_category": None,
            }
        return information

    def _with_choices(self, specification: list[Any]) -> list[Any]:
        kind, *options = specification
        if not str(kind).startswith(_FOLDER_MARK):
            return specification
        folder = kind.removeprefix(_FOLDER_MARK)
        names = self._folders.input_names() if folder == "input" else self._folders.model_names(folder)
        return [names, *options]


def read_catalogue(folders: ComfyFolders, *, with_stubs: bool) -> dict[str, NodeDefinition]:
    """Return the classes by their names. Without `with_stubs`, those that only a stub can run are left out."""
    definitions: dict[str, dict[str, Any]] = json.loads((_DATA / "nodes.json").read_text())
    return {
        name: NodeDefinition(name, definition, folders)
        for name, definition in definitions.items()
        if with_stubs or not definition.get("stub_only")
    }
