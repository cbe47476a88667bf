"""Composition of the embedded Web UI: the parts that its routes call."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from embedded_webui.generation.generator import Generator
from embedded_webui.generation.job_queue import JobQueue
from embedded_webui.generation.progress import ProgressState
from embedded_webui.models.checkpoints import CheckpointFolder
from embedded_webui.models.engine import ModelEngine
from embedded_webui.options import WebUiOptions, read_defaults

_logger: Final = logging.getLogger(__name__)
#: Folder of the checkpoints inside the models folder, by the Web UI's name.
CHECKPOINT_FOLDER: Final = "Stable-diffusion"


@dataclass(frozen=True, kw_only=True)
class EmbeddedWebUi:
    """The parts of one Web UI."""

    models_folder: Path
    options: WebUiOptions
    checkpoints: CheckpointFolder
    engine: ModelEngine
    generator: Generator
    state: ProgressState
    queue: JobQueue
    #: Hostile arguments that reached this Web UI.
    violations: list[str] = field(default_factory=list)

    def warm_up(self) -> None:
        """Load the first checkpoint. Requests that need it wait in the queue; all others are answered meanwhile."""
        try:
            self.queue.run(self.engine.model)
        except Exception:
            # A request for an image gets the error, because the Web UI also runs without a checkpoint.
            _logger.exception("warm_up_failed")


def build_web_ui(*, models_folder: Path, threads: int, settings_file: Path | None) -> EmbeddedWebUi:
    """Return the Web UI of a models folder, with no model loaded; `settings_file` keeps the options that are set."""
    options = WebUiOptions(read_defaults(), settings_file)
    checkpoints = CheckpointFolder(models_folder / CHECKPOINT_FOLDER)
    engine = ModelEngine(checkpoints=checkpoints, options=options, models_folder=models_folder, threads=threads)
    state = ProgressState()
    return EmbeddedWebUi(
        models_folder=models_folder,
        options=options,
        checkpoints=checkpoints,
        engine=engine,
        generator=Generator(engine=engine, options=options, checkpoints=checkpoints, state=state),
        state=state,
        queue=JobQueue(),
    )
