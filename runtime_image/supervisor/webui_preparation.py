"""From a Web UI that has been started to one that can take tasks: it answers, sees its models, has loaded its own."""

import json
import threading
from typing import Final

from contract.errors import DarkroomError
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.supervisor.child import Child
from runtime_image.supervisor.events import CheckpointMissing, Event, WebUiReady, WebUiUnusable
from runtime_image.webui.checkpoints import SWITCH_TIMEOUT_SECONDS, Checkpoints
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.error_mapping import refusal
from runtime_image.webui.errors import UnknownModel, WebUiFailed
from runtime_image.webui.progress import read_progress

#: Seconds between two looks; the agent's start waits for the last one.
LOOK_SECONDS: Final = 0.1
#: Have the Web UI look into its folders again: it may have looked before the models were there. A Web UI without an
#: extension lacks its call.
_REFRESH_CALLS: Final = (
    ("POST", "/sdapi/v1/refresh-checkpoints"),
    ("POST", "/sdapi/v1/refresh-vae"),
    ("POST", "/sdapi/v1/refresh-loras"),
    ("POST", "/sdapi/v1/refresh-embeddings"),
    ("GET", "/controlnet/model_list?update=true"),
)
#: The smallest picture that warms up what the usual ones need: SD 1.5's own size.
_WARM_UP_REQUEST: Final = {"prompt": "warm-up", "steps": 1, "width": 512, "height": 512, "save_images": False}
_NOT_FOUND: Final = 404
_FIRST_ERROR: Final = 300


class WebUiPreparation:
    """Each run belongs to one process of the Web UI, in a thread of its own."""

    def __init__(
        self,
        *,
        client: WebUiClient,
        models_on_disk: threading.Event,
        fetches_models: bool,
        model_filename: str,
        warm_up: bool,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._client = client
        self._models_on_disk = models_on_disk
        self._fetches_models = fetches_models
        self._model_filename = model_filename
        self._warm_up = warm_up
        self._clock = clock
        self._log = log

    def run(self, child: Child) -> Event:
        """Wait for the Web UI and prepare it. Ends soon after the process does, whatever it returns then."""
        started_at = self._clock.monotonic()
        try:
            self._await_answer(child)
            answered_at = self._clock.monotonic()
            while child.running and not self._models_on_disk.wait(LOOK_SECONDS):
                pass
            self._prepare()
        except UnknownModel as error:
            return CheckpointMissing(child, error.message)
        except DarkroomError as error:
            return WebUiUnusable(child, error.message)
        now = self._clock.monotonic()
        self._log.info(
            "webui_prepared",
            answered_after_seconds=round(answered_at - started_at, 3),
            ready_after_seconds=round(now - started_at, 3),
        )
        return WebUiReady(child)

    def _await_answer(self, child: Child) -> None:
        while child.running:
            try:
                read_progress(self._client, self._clock)
            except WebUiFailed:
                self._clock.sleep(LOOK_SECONDS)
            else:
                return

    def _prepare(self) -> None:
        if self._fetches_models:
            for method, path in _REFRESH_CALLS:
                self._call(method, path)
        if not self._model_filename:
            # Nothing is loaded until a task names its checkpoint, so there is nothing to warm up either.
            return
        Checkpoints(client=self._client).load(self._model_filename)
        if self._warm_up:
            self._call("POST", "/sdapi/v1/txt2img", _WARM_UP_REQUEST)

    def _call(self, method: str, path: str, body: object = None) -> None:
        content = json.dumps(body or {}).encode() if method == "POST" else None
        answer = self._client.call(method, path, content, timeout_seconds=SWITCH_TIMEOUT_SECONDS)
        if answer.status >= _FIRST_ERROR and answer.status != _NOT_FOUND:
            raise refusal(answer)
