"""Composition of the embedded Web UI: the parts that its routes call."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from embedded_webui.generation.generator import Generator
from embedded_webui.generation.progress import ProgressState
from embedded_webui.models.checkpoints import CheckpointFolder
from embedded_webui.models.engine import ModelEngine
from embedded_webui.options import WebUiOptions, read_defaults

_logger: Final = logging.getLogger(__name__)
#: Folders inside the models folder, by the Web UI's names.
CHECKPOINT_FOLDER: Final = "Stable-diffusion"
LORA_FOLDER: Final = "Lora"

Result = TypeVar("Result")


def _queue() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="generation")


@dataclass(frozen=True, kw_only=True)
class EmbeddedWebUi:
    """The parts of one Web UI."""

    models_folder: Path
    options: WebUiOptions
    checkpoints: CheckpointFolder
    engine: ModelEngine
    generator: Generator
    state: ProgressState
    #: One thread for generations and checkpoint changes, first in, first out. torch gives each thread that computes a
    #: team of threads. When two teams have more threads than there are processors, each operation waits for the other
    #: team, at half the speed.
    queue: ThreadPoolExecutor = field(default_factory=_queue)

    def run(self, job: Callable[[], Result]) -> Result:
        """Return the result of `job`, or raise its error, after all earlier jobs."""
        return self.queue.submit(job).result()

    def warm_up(self) -> None:
        """Load the first checkpoint. Requests that need it wait in the queue; all others are answered meanwhile."""
        try:
            self.run(self.engine.model)
        except Exception:
            # A request for an image gets the error, because the Web UI also runs without a checkpoint.
            _logger.exception("warm_up_failed")


def build_web_ui(*, models_folder: Path, threads: int, settings_file: Path | None) -> EmbeddedWebUi:
    """Return the Web UI of a models folder, with no model loaded; `settings_file` keeps the options that are set."""
    options = WebUiOptions(read_defaults(), settings_file)
    checkpoints = CheckpointFolder(models_folder / CHECKPOINT_FOLDER)
    engine = ModelEngine(checkpoints=checkpoints, options=options, models_folder=models_folder, threads=threads)
    state = ProgressState()
    generator = Generator(
        engine=engine,
        options=options,
        checkpoints=checkpoints,
        loras_folder=models_folder / LORA_FOLDER,
        state=state,
    )
    return EmbeddedWebUi(
        models_folder=models_folder,
        options=options,
        checkpoints=checkpoints,
        engine=engine,
        generator=generator,
        state=state,
    )
