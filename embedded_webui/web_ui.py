"""Composition of the embedded Web UI: the parts that its routes call."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from embedded_webui.generation.generator import Generator
from embedded_webui.generation.progress import ProgressState
from embedded_webui.models.checkpoints import CheckpointFolder
from embedded_webui.models.engine import ModelEngine
from embedded_webui.models.loras import find_loras
from embedded_webui.options import WebUiOptions

_logger: Final = logging.getLogger(__name__)
#: Folders inside the models folder, by the Web UI's names.
CHECKPOINT_FOLDER: Final = "Stable-diffusion"
LORA_FOLDER: Final = "Lora"

Result = TypeVar("Result")


class EmbeddedWebUi:
    """The parts of one Web UI, with no model loaded. `settings_file` keeps the options that are set."""

    def __init__(self, *, models_folder: Path, threads: int, settings_file: Path | None) -> None:
        self.models_folder = models_folder
        self.options = WebUiOptions(file=settings_file)
        self.checkpoints = CheckpointFolder(models_folder / CHECKPOINT_FOLDER)
        self.state = ProgressState()
        #: Returns the LoRA files that are there now.
        self.find_loras = partial(find_loras, models_folder / LORA_FOLDER)
        self.engine = ModelEngine(
            checkpoints=self.checkpoints, options=self.options, models_folder=models_folder, threads=threads
        )
        self.generator = Generator(
            engine=self.engine,
            options=self.options,
            checkpoints=self.checkpoints,
            find_loras=self.find_loras,
            state=self.state,
        )
        # One thread for generations and checkpoint changes, first in, first out. torch gives each thread that computes
        # a team of threads. When two teams have more threads than there are processors, each operation waits for the
        # other team, at half the speed.
        self._queue = ThreadPoolExecutor(max_workers=1, thread_name_prefix="generation")

    def run(self, job: Callable[[], Result]) -> Result:
        """Return the result of `job`, or raise its error, after all earlier jobs."""
        return self._queue.submit(job).result()

    def warm_up(self) -> None:
        """Load the first checkpoint. Requests that need it wait in the queue; all others are answered meanwhile."""
        try:
            self.run(self.engine.model)
        except Exception:
            # A request for an image gets the error, because the Web UI also runs without a checkpoint.
            _logger.exception("warm_up_failed")
