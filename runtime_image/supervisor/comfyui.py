"""ComfyUI as the engine of a container: the calls that check its start and probe it.

It accepts calls as soon as its port is open. Models are loaded by the first prompt that needs them, and a new file is
seen at once.
"""

import http.client
import json
import re
import urllib.request
from typing import Final

from runtime_image.process.engine import EngineFailed

#: Seconds for an answer of an idle ComfyUI.
READ_TIMEOUT_SECONDS: Final = 10.0
#: ComfyUI works off all prompts in one thread, which an error outside a node ends. From then on it accepts prompts and
#: runs none.
BROKEN_LINE: Final = re.compile(r"Exception in thread .*\(prompt_worker\)")
#: A proxy that the environment names has no part in calls on the same machine.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ComfyUi:
    """Implements `SupervisedEngine` over ComfyUI's HTTP API."""

    name = "comfyui"
    started_line = None
    broken_line = BROKEN_LINE

    def __init__(self, *, base_url: str) -> None:
        self._address = f"{base_url.rstrip('/')}/system_stats"

    def check_ready(self) -> None:
        """Raise EngineFailed until ComfyUI has imported all nodes and answers."""
        self._ask(READ_TIMEOUT_SECONDS)

    def is_responsive(self, *, timeout_seconds: float) -> bool:
        """Return True if ComfyUI answers."""
        try:
            self._ask(min(READ_TIMEOUT_SECONDS, timeout_seconds))
        except EngineFailed:
            return False
        return True

    def refresh_models(self) -> None:
        """Do nothing, because ComfyUI sees new files by itself."""

    def load_model(self, model_filename: str) -> None:
        """Do nothing, because workflows name their models and the first prompt loads them."""

    def warm_up(self) -> None:
        """Do nothing, because only a workflow says what ComfyUI should load."""

    def _ask(self, timeout_seconds: float) -> None:
        try:
            with _OPENER.open(self._address, timeout=timeout_seconds) as answer:
                json.load(answer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EngineFailed(f"ComfyUI does not answer {self._address}: {error}") from error
