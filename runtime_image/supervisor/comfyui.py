"""ComfyUI as the engine of a container: the calls that check its start and probe it.

It accepts calls as soon as its port is open. Models are loaded by the first prompt that needs them, and a new file is
seen at once.
"""

from dataclasses import dataclass
from typing import Final

from runtime_image.comfyui.client import ComfyUiClient
from runtime_image.comfyui.folders import ComfyUiFolders
from runtime_image.process.engine import EngineFailed

#: Seconds for an answer of an idle ComfyUI.
READ_TIMEOUT_SECONDS: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class ComfyUi:
    """Implements `SupervisedEngine` over ComfyUI's HTTP API."""

    name = "comfyui"
    started_line = None

    client: ComfyUiClient
    folders: ComfyUiFolders

    def check_ready(self) -> None:
        """Raise EngineFailed until ComfyUI has imported all nodes and answers."""
        self.client.check_ready(timeout_seconds=READ_TIMEOUT_SECONDS)

    def is_responsive(self, *, timeout_seconds: float) -> bool:
        """Return True if ComfyUI answers."""
        try:
            self.client.check_ready(timeout_seconds=min(READ_TIMEOUT_SECONDS, timeout_seconds))
        except EngineFailed:
            return False
        return True

    def exceeds_disk(self) -> bool:
        """Return True if the files of its workflows take more of the disk than they may."""
        return self.folders.are_full()

    def prepare(self) -> None:
        """Do nothing, because ComfyUI sees new files by itself, and only a workflow says what it should load."""
