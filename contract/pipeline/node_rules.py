"""Classes of nodes that workflows may use at a runtime."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from contract.pipeline.graph import matches

_WRITER: Final = "writes models or data sets of gigabytes"
_READER: Final = "reads folders that all tasks share"
#: Patterns of classes that need an entry in `allowedNodes` with their whole name, and the reason.
REFUSED_CLASSES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "CheckpointSave",
            "CLIPSave",
            "VAESave",
            "ModelSave",
            "ImageOnlyCheckpointSave",
            "SaveLoRA",
            "LoraSave",
            "TrainLoraNode",
            "SaveTrainingDataset",
            "SaveImageDataSetToFolder",
            "SaveImageTextDataSetToFolder",
        ),
        _WRITER,
    ),
    **dict.fromkeys(("LoadImageOutput", "LoadTrainingDataset", "Load*DataSetFromFolder"), _READER),
    "WebcamCapture": "needs a camera",
}


@dataclass(frozen=True)
class NodeRules:
    """Classes of nodes that a runtime allows, as its keys of the same names say."""

    allowed_nodes: Collection[str] = ("*",)
    disallowed_nodes: Collection[str] = ()
    api_nodes: bool = False

    def names(self, name: str) -> bool:
        """Return True if `allowed_nodes` names a class by more than `*`, as it names those of custom nodes."""
        return any(matches(name, pattern) for pattern in self.allowed_nodes if pattern != "*")

    def reason_against(self, name: str, *, is_api_node: bool) -> str | None:
        """Return why workflows may not use a class; None if they may."""
        if any(matches(name, pattern) for pattern in self.disallowed_nodes):
            return "is in `disallowedNodes` of the runtime"
        if not any(matches(name, pattern) for pattern in self.allowed_nodes):
            return "is not in `allowedNodes` of the runtime"
        if is_api_node and not self.api_nodes:
            return "calls comfy.org's services; the runtime needs apiNodes: true"
        refused = next((reason for pattern, reason in REFUSED_CLASSES.items() if matches(name, pattern)), None)
        return (
            f"{refused}; the runtime needs it in `allowedNodes`" if refused and name not in self.allowed_nodes else None
        )
