"""Puts the embedded Web UI together: the parts that the routes call."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embedded_webui.checkpoints import Checkpoints
from embedded_webui.engine import Engine
from embedded_webui.generation import Generator
from embedded_webui.generation_queue import GenerationQueue
from embedded_webui.options import Options, read_defaults
from embedded_webui.progress_state import ProgressState

_logger: Final = logging.getLogger(__name__)
#: Folder of the checkpoints inside the models folder, as the Web UI names it.
CHECKPOINT_FOLDER: Final = "Stable-diffusion"


@dataclass(frozen=True, kw_only=True)
class WebUi:
    """The parts, of which there is one each."""

    models_folder: Path
    options: Options
    checkpoints: Checkpoints
    engine: Engine
    generator: Generator
    state: ProgressState
    queue: GenerationQueue

    def warm_up(self) -> None:
        """Load the first checkpoint. Requests that need it wait in the queue, all others are answered meanwhile."""
        try:
            self.queue.run(self.engine.model)
        except Exception:
            # Whoever asks for a picture gets the error; the Web UI runs without a checkpoint too.
            _logger.exception("warm_up_failed")


def build(*, models_folder: Path, threads: int, settings_file: Path | None) -> WebUi:
    """Return the Web UI over a models folder, with nothing loaded yet; options that are set go into the file."""
    options = Options(read_defaults(), settings_file)
    checkpoints = Checkpoints(models_folder / CHECKPOINT_FOLDER)
    engine = Engine(checkpoints=checkpoints, options=options, models_folder=models_folder, threads=threads)
    state = ProgressState()
    return WebUi(
        models_folder=models_folder,
        options=options,
        checkpoints=checkpoints,
        engine=engine,
        generator=Generator(engine=engine, options=options, checkpoints=checkpoints, state=state),
        state=state,
        queue=GenerationQueue(),
    )
