"""The one model in memory, and its change when a request asks for another checkpoint."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from embedded_webui.models.checkpoints import CheckpointFile, CheckpointFolder
from embedded_webui.options import WebUiOptions

if TYPE_CHECKING:
    from embedded_webui.models.model import Model

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


class ModelEngine:
    """The model in memory. Only the generation queue's thread calls its methods.

    torch and diffusers take seconds to import. The first load imports them, so that the port answers before.

    Args:
        threads: Processor threads that torch may use.
    """

    def __init__(
        self, *, checkpoints: CheckpointFolder, options: WebUiOptions, models_folder: Path, threads: int
    ) -> None:
        self._checkpoints = checkpoints
        self._options = options
        self._models_folder = models_folder
        self._threads = threads
        self._model: Model | None = None
        self._device: str | None = None

    @property
    def has_model(self) -> bool:
        """Return True while a model is loaded."""
        return self._model is not None

    def model(self, checkpoint: CheckpointFile | None = None) -> "Model":
        """Return the model of a checkpoint, by default of the one in the options; load it if necessary.

        If loading fails, the error is raised, and the previous model stays without the Web UI's hooks. It then makes
        other pictures until another model is loaded.
        """
        wanted = checkpoint or self._checkpoints.select(self._options["sd_model_checkpoint"])
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
                self._options.assign("sd_model_checkpoint", previous.title)
            raise
        if self._options["sd_model_checkpoint"] is None:
            self._options.assign("sd_model_checkpoint", wanted.title)
        self._options.assign("sd_checkpoint_hash", wanted.sha256)
        return self._model

    def unload(self) -> None:
        """Drop the model; the next run loads it again."""
        self._model = None

    @hidden("boto3")
    def _load(self, checkpoint: CheckpointFile) -> "Model":
        import diffusers  # noqa: PLC0415 - see the class
        import torch  # noqa: PLC0415 - see the class
        import transformers  # noqa: PLC0415 - see the class

        from embedded_webui.models.model import load_model  # noqa: PLC0415 - see the class

        if self._device is None:
            torch.set_num_threads(self._threads)
            for library in (diffusers, transformers):
                library.utils.logging.set_verbosity_error()
                library.utils.logging.disable_progress_bar()
            self._device = "cuda" if torch.cuda.is_available() else "cpu"
        model = load_model(checkpoint, models_folder=self._models_folder, device=self._device)
        _logger.info("checkpoint_loaded", extra={"checkpoint": checkpoint.title, "device": self._device})
        return model
