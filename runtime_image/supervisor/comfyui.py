"""ComfyUI as the engine of a container: the calls that check its start and probe it.

It accepts calls as soon as its port is open. Models are loaded by the first prompt that needs them, and a new file is
seen at once.
"""

from http import HTTPStatus
from typing import Final

from runtime_image.comfyui.folders import ComfyUiFolders
from runtime_image.process.engine import EngineFailed
from runtime_image.process.engine_http import EngineHttp, NoResponse, NotConnected, ResponseTooLarge

#: Seconds for an answer of an idle ComfyUI.
READ_TIMEOUT_SECONDS: Final = 10.0
#: Bytes of an answer, which has about one thousand.
MAX_ANSWER_BYTES: Final = 1024 * 1024
_PROBE: Final = "/system_stats"


class ComfyUi:
    """Implements `SupervisedEngine` over ComfyUI's HTTP API."""

    name = "comfyui"
    started_line = None

    def __init__(self, *, http: EngineHttp, folders: ComfyUiFolders) -> None:
        self._http = http
        self._folders = folders

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

    def exceeds_disk(self) -> bool:
        """Return True if the files of its workflows take more of the disk than they may."""
        return self._folders.are_full()

    def prepare(self) -> None:
        """Do nothing, because ComfyUI sees new files by itself, and only a workflow says what it should load."""

    def _ask(self, timeout_seconds: float) -> None:
        try:
            status, _ = self._http.exchange(
                "GET", _PROBE, None, timeout_seconds=timeout_seconds, max_bytes=MAX_ANSWER_BYTES
            )
        except (NotConnected, NoResponse, ResponseTooLarge) as error:
            raise EngineFailed(f"ComfyUI does not answer {_PROBE}: {error}") from error
        if status != HTTPStatus.OK:
            raise EngineFailed(f"ComfyUI answers {status} to {_PROBE}")
