"""Engines as the supervisor sees them: the calls that start each of them, warm it up and probe it."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

from runtime_image.comfyui.client import ComfyUiClient
from runtime_image.comfyui.folders import ComfyUiFolders
from runtime_image.process.engine import EngineFailed
from runtime_image.webui.checkpoints import SWITCH_TIMEOUT_SECONDS, Checkpoints
from runtime_image.webui.client import READ_TIMEOUT_SECONDS, WebUiClient
from runtime_image.webui.errors import NoSuchCall, WebUiFailed
from runtime_image.webui.progress import PROGRESS_PATH, WITHOUT_PICTURE
from runtime_image.webui.readiness import STARTED_LINE, check_lists

#: Calls that make the Web UI search its folders again, because its first search may come before the models. A Web UI
#: without an extension lacks the extension's call.
_REFRESH_CALLS: Final = (
    ("POST", "/sdapi/v1/refresh-checkpoints"),
    ("POST", "/sdapi/v1/refresh-vae"),
    ("POST", "/sdapi/v1/refresh-loras"),
    ("GET", "/controlnet/model_list?update=true"),
)
#: Fails without a loaded model. Nothing is missed then, because loading a model reads the embeddings.
_REFRESH_EMBEDDINGS: Final = ("POST", "/sdapi/v1/refresh-embeddings")
#: The smallest image that warms up what the usual ones need: SD 1.5's native size.
_WARM_UP_REQUEST: Final = {"prompt": "warm-up", "steps": 1, "width": 512, "height": 512, "save_images": False}
#: Seconds for an answer of an idle ComfyUI.
COMFYUI_SECONDS: Final = 10.0


class SupervisedEngine(Protocol):
    """Engine in a container. `SdWebUi` and `ComfyUi` implement it."""

    @property
    def name(self) -> str:
        """Name of its process in logs."""

    @property
    def started_line(self) -> str | None:
        """Part of the line of output that ends the start, before which nothing is sent. None: calls never harm it."""

    def check_ready(self) -> None:
        """Raise DarkroomError until the engine answers every call that a task may need."""

    def is_responsive(self, *, timeout_seconds: float) -> bool:
        """Return True if the engine gives any answer."""

    def exceeds_disk(self) -> bool:
        """Return True if its files take more of the disk than they may."""

    def prepare(self) -> None:
        """Load what the runtime serves, once all models are on disk.

        Raises UnknownModel if the engine does not have the model, and another DarkroomError if a call fails.
        """


@dataclass(kw_only=True, eq=False)
class SdWebUi:
    """Implements `SupervisedEngine` over the API of the SD Web UI."""

    name = "webui"
    started_line = STARTED_LINE

    client: WebUiClient
    downloads_models: bool = False
    #: Empty if a task names its checkpoint.
    model_filename: str = ""
    warms_up: bool = False

    def check_ready(self) -> None:
        """Raise WebUiFailed until the Web UI answers every list."""
        check_lists(self.client)

    def is_responsive(self, *, timeout_seconds: float) -> bool:
        """Return True if the Web UI gives any answer to the progress call."""
        timeout_seconds = min(READ_TIMEOUT_SECONDS, timeout_seconds)
        try:
            self.client.call("GET", PROGRESS_PATH + WITHOUT_PICTURE, timeout_seconds=timeout_seconds)
        except WebUiFailed:
            return False
        return True

    def exceeds_disk(self) -> bool:
        """Return False, because its folders have a fixed size."""
        return False

    def prepare(self) -> None:
        """Make the Web UI see what was downloaded, load its checkpoint, and make one small image with it."""
        if self.downloads_models:
            self._refresh_models()
        # Otherwise nothing is loaded until a task names its checkpoint, so there is nothing to warm up either.
        if self.model_filename:
            Checkpoints(client=self.client).load(self.model_filename)
            if self.warms_up:
                self._call("POST", "/sdapi/v1/txt2img", _WARM_UP_REQUEST)

    def _refresh_models(self) -> None:
        for method, path in _REFRESH_CALLS:
            self._call(method, path)
        with suppress(WebUiFailed):
            self._call(*_REFRESH_EMBEDDINGS)

    def _call(self, method: str, path: str, body: object = None) -> None:
        content = json.dumps(body or {}).encode() if method == "POST" else None
        with suppress(NoSuchCall):
            self.client.ask(method, path, content, timeout_seconds=SWITCH_TIMEOUT_SECONDS)


@dataclass(frozen=True, kw_only=True)
class ComfyUi:
    """Implements `SupervisedEngine` over ComfyUI's HTTP API.

    It accepts calls as soon as its port is open. Models are loaded by the first prompt that needs them, and a new file
    is seen at once.
    """

    name = "comfyui"
    started_line = None

    client: ComfyUiClient
    folders: ComfyUiFolders

    def check_ready(self) -> None:
        """Raise EngineFailed until ComfyUI has imported all nodes and answers."""
        self.client.check_ready(timeout_seconds=COMFYUI_SECONDS)

    def is_responsive(self, *, timeout_seconds: float) -> bool:
        """Return True if ComfyUI answers."""
        try:
            self.client.check_ready(timeout_seconds=min(COMFYUI_SECONDS, timeout_seconds))
        except EngineFailed:
            return False
        return True

    def exceeds_disk(self) -> bool:
        """Return True if the files of its workflows take more of the disk than they may."""
        return self.folders.are_full()

    def prepare(self) -> None:
        """Do nothing, because ComfyUI sees new files by itself, and only a workflow says what it should load."""
