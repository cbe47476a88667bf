"""The SD Web UI as a generation engine: the agent's interface over its calls, checkpoints, options and names."""

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from contract.request_fields import TEXT_FIELDS
from contract.routing import Limits
from contract.storage import CHECKPOINT_FOLDER
from contract.task import Task
from runtime_image.process.clock import Clock
from runtime_image.process.engine import (
    InputFile,
    InputReference,
    ModelReference,
    Progress,
)
from runtime_image.process.engine_http import EngineResponse
from runtime_image.process.logs import EventLog
from runtime_image.webui.call import WebUiCall
from runtime_image.webui.checkpoints import Checkpoints, check_sampler
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.error_mapping import refusal
from runtime_image.webui.errors import (
    WebUiBroken,
    WebUiError,
    WebUiFailed,
    WebUiHung,
    WebUiRefused,
)
from runtime_image.webui.names import kinds
from runtime_image.webui.names.catalog import NameCatalog
from runtime_image.webui.names.referenced import names_in
from runtime_image.webui.names.styles import STYLES_FILE, STYLES_FOLDER, read_styles, with_styles
from runtime_image.webui.options import CHECKPOINT_OPTION, OptionOverrides
from runtime_image.webui.picture_finder import find_pictures, replace_pictures
from runtime_image.webui.progress import read_progress
from runtime_image.webui.readiness import check_lists
from runtime_image.webui.request import (
    TEXT_TO_IMAGE_PATH,
    UPSCALING_PATH,
    WebUiRequest,
    build_request,
    content_of,
)
from runtime_image.webui.request_check import RequestCheck

#: Requests without a task, which show that the Web UI is sound. The loaded model takes a tenth of a second for the
#: smallest picture; the upscaling needs no model.
_SMALL_GENERATION: Final = {"prompt": "", "steps": 1, "width": 64, "height": 64, "seed": 1, "send_images": False}
_SMALL_UPSCALING: Final = {
    "image": "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAD0lEQVR42mNowAEYhpYEAILzYAEllbNjAAAAAElFTkSuQmCC",
    "upscaling_resize": 1,
}
#: Seconds for them: a model that was moved out of the GPU's memory comes back first.
_HEALTH_TIMEOUT_SECONDS: Final = 60.0
_NOT_FOUND: Final = 404
_INTERNAL_ERROR: Final = 500
#: Folders of models that requests name, below the Web UI's models folder.
_FOLDERS: Final = {kinds.CHECKPOINT: CHECKPOINT_FOLDER, kinds.VAE: "VAE", kinds.LORA: "Lora"}
#: Names of a VAE that mean no file.
_NO_VAE: Final = frozenset({"Automatic", "None"})


class WebUiEngine:
    """One SD Web UI. The lists, options and checkpoint that it remembers are dropped by `forget`."""

    hung_error = WebUiHung

    def __init__(
        self,
        *,
        client: WebUiClient,
        allowed_options: Collection[str],
        limits: Limits,
        models_folder: Path | None = None,
        pending_options_file: Path | None = None,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self.client = client
        self.checkpoints = Checkpoints(client=client)
        self.options = OptionOverrides(client=client, pending_file=pending_options_file)
        self.names = NameCatalog(client=client, models_folder=models_folder)
        self.models_folder = models_folder
        self.request_check = RequestCheck(
            names=self.names, options=self.options, allowed_options=allowed_options, limits=limits
        )
        self._clock = clock
        self._log = log
        client.gate.on_restart = self._restarted

    @property
    def loaded_model(self) -> str | None:
        """The checkpoint that is known to be loaded, as the task named it."""
        return self.checkpoints.loaded_name

    @property
    def loaded_models(self) -> list[ModelReference]:
        """The checkpoint that is known to be loaded."""
        loaded = self.loaded_model
        return [ModelReference(CHECKPOINT_FOLDER, loaded)] if loaded else []

    def is_named(self, folder: str) -> bool:
        """Return True if requests name the models in a folder."""
        return folder in _FOLDERS.values()

    def draft(self, task: Task, *, checkpoint: str | None) -> "WebUiDraft":
        """Read a task's content; raises InvalidTask or UnsupportedTask if the Web UI has no such call."""
        body, path = content_of(task.metadata.tasktype, task.content)
        request = build_request(task.metadata.tasktype, task.content, {})
        self._log.debug("task_content", task_id=task.metadata.id, prompt=body.get("prompt"))
        return WebUiDraft(self, request, body, path, checkpoint if request.generates else None)

    def check_ready(self) -> None:
        """Raise WebUiFailed until the Web UI answers its lists and does nothing."""
        check_lists(self.client)
        if self.read_progress().busy:
            raise WebUiFailed("the Web UI is busy")

    def read_progress(self, *, with_picture: bool = False) -> Progress:
        """Ask for the progress of the running call; raises WebUiFailed."""
        return read_progress(self.client, self._clock, with_picture=with_picture)

    def forget(self) -> None:
        """Drop everything remembered of the Web UI, because it may have been restarted."""
        self.checkpoints.forget()
        self.options.forget()
        self.names.forget()

    def _restarted(self) -> None:
        self.forget()
        self.checkpoints.restarted()

    def send(self, request: WebUiRequest, *, checkpoint: str | None, timeout_seconds: float) -> object:
        """Send a request and return the value of its response; raises WebUiError."""
        self.options.restore()
        if request.left_options:
            self.options.override(request.left_options)
        response = self.client.call(request.method, request.path, request.body, timeout_seconds=timeout_seconds)
        if request.left_options:
            self._restore_options()
        if request.is_exclusive:
            self.checkpoints.forget()
        if response.status >= 300:  # noqa: PLR2004 - HTTP's own classes
            error = self._error_of(request, response)
            if error.retryable and request.loads_checkpoints:
                self.checkpoints.replace_spoiled()
            raise error
        try:
            value = json.loads(response.body)
        except (ValueError, RecursionError) as error:
            raise WebUiFailed("the Web UI's answer is not JSON") from error
        if request.generates:
            self.checkpoints.check_answer(checkpoint, value)
            check_sampler(request.sampler_name, value)
        elif request.loads_checkpoints:
            self.checkpoints.confirm(json.loads(request.body or b"{}")[CHECKPOINT_OPTION])
        return value

    def _restore_options(self) -> None:
        try:
            self.options.restore()
        except WebUiFailed as error:
            # The pictures exist; the next request restores the options before anything else.
            self._log.warning("options_not_restored", reason=error.message)

    def check_health(self, *, generates: bool) -> None:
        """Send a request that every sound Web UI carries out.

        Args:
            generates: Make a picture with the loaded model. Otherwise no model is needed.

        Raises:
            WebUiBroken: if the Web UI fails it.
            WebUiUnreachable: if no answer comes.
        """
        path, body = (TEXT_TO_IMAGE_PATH, _SMALL_GENERATION) if generates else (UPSCALING_PATH, _SMALL_UPSCALING)
        content = json.dumps(body).encode()
        response = self.client.call("POST", path, content, timeout_seconds=_HEALTH_TIMEOUT_SECONDS)
        if response.status >= 300:  # noqa: PLR2004 - HTTP's own classes
            reason = refusal(response).message
            raise WebUiBroken(f"the Web UI is broken, because it fails the simplest request: {reason}")

    def _error_of(self, request: WebUiRequest, response: EngineResponse) -> WebUiError:
        error = refusal(response)
        if error.retryable and request.only_asks and response.status in {_NOT_FOUND, _INTERNAL_ERROR}:
            # The machine is as good as before, and any other of this build would answer the same.
            return WebUiRefused(error.message, answer=error.answer)
        return error


class WebUiDraft:
    """A task's content with its request, before links are replaced."""

    def __init__(
        self, engine: WebUiEngine, request: WebUiRequest, body: dict[str, Any], path: str, checkpoint: str | None
    ) -> None:
        self.body = body
        self.path = path
        self._engine = engine
        self._request = request
        self._checkpoint = checkpoint

    def models(self) -> Iterator[ModelReference]:
        """Yield the models that it needs and that may have to be fetched."""
        if missing := self._missing_checkpoint():
            yield ModelReference(CHECKPOINT_FOLDER, missing, is_required=True)
        for named in names_in(self._request.path, self._with_styles(), self.path):
            if named.kind is kinds.STYLE:
                yield ModelReference(STYLES_FOLDER, STYLES_FILE)
            if named.kind in _FOLDERS and not (named.kind is kinds.VAE and named.name in _NO_VAE):
                yield ModelReference(_FOLDERS[named.kind], named.name)
            if named.kind in {kinds.UPSCALER, kinds.HIRES_UPSCALER}:
                for file in kinds.UPSCALER_FILES.get(named.name, ()):
                    folder, _, name = file.partition("/")
                    yield ModelReference(folder, name)

    def check(self, *, timeout_seconds: float) -> None:
        """Check the names and options in it; raises InvalidTask or WebUiFailed."""
        known = self._engine.names.listed(kinds.STYLE) if self.body.get("styles") else None
        body = self._with_styles(known_to_webui=known.accepted if known else ())
        self._request = self._engine.request_check.check(
            self._request,
            body,
            self.path,
            checkpoint=self._missing_checkpoint(),
            timeout_seconds=timeout_seconds,
        )
        self.body = body

    def inputs(self) -> list[InputReference]:
        """Return the links and pictures in it, except in fields that are text."""
        return list(find_pictures(self.body, TEXT_FIELDS))

    def call(self, inputs: Mapping[str, InputFile]) -> WebUiCall:
        """Return the call with these pictures as base64; raises InvalidTask if it costs too much."""
        found = {reference.text: inputs[reference.field] for reference in self.inputs()} if inputs else {}
        encoded = {text: base64.b64encode(file.data).decode("ascii") for text, file in found.items()}
        body = replace_pictures(self.body, encoded, TEXT_FIELDS) if encoded else self.body
        sizes = {field: file.size for field, file in inputs.items()}
        self._engine.request_check.check_cost(self._request, body, self.path, sizes)
        return WebUiCall(self._engine, self._request.with_body(body), self._checkpoint)

    def _with_styles(self, *, known_to_webui: Collection[str] = ()) -> dict[str, Any]:
        folder = self._engine.models_folder
        if folder is None or not self._request.generates or not self.body.get("styles"):
            return self.body
        return with_styles(self.body, read_styles(folder), known_to_webui=known_to_webui)

    def _missing_checkpoint(self) -> str | None:
        return None if self._engine.checkpoints.is_loaded(self._checkpoint) else self._checkpoint
