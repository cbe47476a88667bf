"""Call of the SD Web UI that carries a task out: its request, and the checkpoint and options that it needs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runtime_image.process.engine import Outputs, UnclearFailure
from runtime_image.webui.errors import WebUiRefused, WebUiUnclear
from runtime_image.webui.outputs import read_outputs
from runtime_image.webui.request import WebUiRequest

if TYPE_CHECKING:
    from runtime_image.webui.engine import WebUiEngine


class WebUiCall:
    """The request that carries a task out, with the checkpoint that it needs."""

    def __init__(
        self,
        engine: "WebUiEngine",
        request: WebUiRequest,
        checkpoint: str | None,
        *,
        first_failure: UnclearFailure | None = None,
    ) -> None:
        self.request = request
        self._engine = engine
        self._checkpoint = checkpoint
        self._first_failure = first_failure
        self.takes_lock = request.takes_lock
        self.generates = request.generates
        self.is_identified = False
        self.is_exclusive = request.is_exclusive or request.loads_checkpoints or first_failure is not None

    def has_model(self) -> bool:
        """Return True if the checkpoint is loaded, as far as the client knows."""
        return not self.generates or self._engine.checkpoints.is_loaded(self._checkpoint)

    def is_set_up(self) -> bool:
        """Return True if the Web UI needs no other checkpoint and no pinned option before the request."""
        return self.has_model() and self._engine.options.are_pinned(self.request.overridden_options)

    def set_up(self) -> Mapping[str, object]:
        """Load the checkpoint and pin the overridden options; return both for the log."""
        done: dict[str, object] = {}
        if not self.has_model():
            self._engine.checkpoints.load(self._checkpoint)
            self._engine.options.checkpoint_was_loaded()
            done["checkpoint"] = self._checkpoint
        keys = self.request.overridden_options
        if not self._engine.options.are_pinned(keys):
            self._engine.options.pin(keys)
            done["options"] = sorted(keys)
        return done

    def run(self, *, timeout_seconds: float) -> object:
        """Send the request and return the value of its response; raises WebUiError."""
        if self._first_failure is not None:
            self._engine.check_health(generates=self.generates)
        try:
            return self._engine.send(self.request, checkpoint=self._checkpoint, timeout_seconds=timeout_seconds)
        except WebUiUnclear as failure:
            if self._first_failure is not None and failure.is_same_as(self._first_failure):
                raise WebUiRefused(failure.message, answer=failure.answer) from failure
            raise

    def on_trial(self, failure: UnclearFailure) -> "WebUiCall | None":
        """Return the call that runs after a check of the Web UI's health, and whose same failure is the request's."""
        if self._first_failure is not None:
            return None
        return WebUiCall(self._engine, self.request, self._checkpoint, first_failure=failure)

    def interrupt(self) -> None:
        """Interrupt the running call; raises WebUiFailed."""
        self._engine.client.ask("POST", "/sdapi/v1/interrupt", b"")

    def read_outputs(self, answer: object) -> Outputs:
        """Split an answer into pictures and the rest; raises NoPictures or WebUiFailed."""
        return read_outputs(self.request, answer)

    def close(self) -> None:
        """Do nothing, because the Web UI leaves no files."""
