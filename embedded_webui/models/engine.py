"""The one model in memory, and its change when a request asks for another checkpoint."""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from embedded_webui.models.checkpoints import CheckpointFile, CheckpointFolder
from embedded_webui.options import WebUiOptions

if TYPE_CHECKING:
    from embedded_webui.models.model import Model

#: How threads of torch wait for each other, for OpenMP. By default they spin. Next to other busy programs that costs 20
#: times the processor time, because a thread spins while the one that it waits for does not run.
_WAIT_POLICY: Final = "passive"
_logger: Final = logging.getLogger(__name__)


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Hide a package that libraries import only because it is installed: boto3 takes a second of each start."""
    sys.modules.setdefault(package, None)  # type: ignore[arg-type] # documented to make an import fail
    try:
        yield
    finally:
        if sys.modules[package] is None:
            del sys.modules[package]


@contextmanager
def uncollected() -> Iterator[None]:
    """Search for no garbage during the block: new modules hold no garbage, and the search is a tenth of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@dataclass(kw_only=True)
class ModelEngine:
    """The model in memory. Only the generation queue's thread calls its methods.

    torch and diffusers take seconds to import. The first load imports them, so that the port answers before.
    """

    checkpoints: CheckpointFolder
    options: WebUiOptions
    models_folder: Path
    #: Processor threads that torch may use.
    threads: int
    _model: "Model | None" = field(default=None, init=False)
    _device: str | None = field(default=None, init=False)

    @property
    def has_model(self) -> bool:
        """Return True while a model is loaded."""
        return self._model is not None

    def model(self, checkpoint: CheckpointFile | None = None) -> "Model":
        """Return the model of a checkpoint, by default of the one in the options; load it if necessary.

        If loading fails, the error is raised, and the previous model stays without the Web UI's hooks. It then makes
        other pictures until another model is loaded.
        """
        wanted = checkpoint or self.checkpoints.select(self.options["sd_model_checkpoint"])
        if self._model and self._model.checkpoint is wanted:
            return self._model
        previous = self._model and self._model.checkpoint
        self._model = None
        try:
            self._model = self._load(wanted)
        except Exception:
            if previous:
                self._model = self._load(previous)
                self._model.prompts.remove_hooks()
                self.options.assign("sd_model_checkpoint", previous.title)
            raise
        if self.options["sd_model_checkpoint"] is None:
            self.options.assign("sd_model_checkpoint", wanted.title)
        self.options.assign("sd_checkpoint_hash", wanted.sha256)
        return self._model

    def unload(self) -> None:
        """Drop the model; the next run loads it again."""
        self._model = None

    @hidden("boto3")
    @uncollected()
    def _load(self, checkpoint: CheckpointFile) -> "Model":
        # OpenMP reads it when torch is imported.
        os.environ.setdefault("OMP_WAIT_POLICY", _WAIT_POLICY)
        import diffusers  # noqa: PLC0415 - see the class
        import torch  # noqa: PLC0415 - see the class
        import transformers  # noqa: PLC0415 - see the class

        from embedded_webui.models.model import load_model  # noqa: PLC0415 - see the class

        if self._device is None:
            torch.set_num_threads(self.threads)
            for library in (diffusers, transformers):
                library.utils.logging.set_verbosity_error()
                library.utils.logging.disable_progress_bar()
            self._device = "cuda" if torch.cuda.is_available() else "cpu"
        model = load_model(checkpoint, models_folder=self.models_folder, device=self._device)
        _logger.info("checkpoint_loaded", extra={"checkpoint": checkpoint.title, "device": self._device})
        return model
