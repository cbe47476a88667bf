"""Generator of a request's images: option overrides, seeds, batches. It runs inside the job queue."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from PIL import Image

from embedded_webui.errors import require_memory
from embedded_webui.generation import xyz_plot
from embedded_webui.generation.progress import ProgressState
from embedded_webui.generation.result import GenerationResult, build_result
from embedded_webui.generation.run import GenerationRun, choose_seeds
from embedded_webui.generation.samplers import resolve_sampler
from embedded_webui.images import codec
from embedded_webui.images.infotext import SAME_AS_FIRST_PASS
from embedded_webui.models.checkpoints import CheckpointFile, CheckpointFolder
from embedded_webui.models.engine import ModelEngine
from embedded_webui.models.loras import LoraFile
from embedded_webui.options import WebUiOptions
from embedded_webui.requests import NO_REFINER, SD_UPSCALE, GenerationRequest, ImageToImageRequest, TextToImageRequest

if TYPE_CHECKING:
    from embedded_webui.models.model import Model

#: Memory of one layer of SD's autoencoder per pixel at full size: 128 channels of 32 bits.
_BYTES_PER_PIXEL: Final = 128 * 4


class Passes(Protocol):
    """The passes of one kind of request."""

    @property
    def jobs(self) -> int:
        """Passes of the whole request, which `progress` counts."""

    def make(self, iteration: int) -> list[Image.Image]:
        """Make the images of one iteration, counted from 0."""


@dataclass(frozen=True, kw_only=True)
class Generator:
    """Runs requests one by one, in the thread of the job queue."""

    engine: ModelEngine
    options: WebUiOptions
    checkpoints: CheckpointFolder
    find_loras: Callable[[], list[LoraFile]]
    state: ProgressState

    def generate(
        self, request: GenerationRequest, *, images: list[Image.Image], mask: Image.Image | None
    ) -> GenerationResult:
        """Make the images of a request; `images` and `mask` are the input of image-to-image."""
        plot = xyz_plot.read_plot(request) if request.script == xyz_plot.NAME else None
        kind = "img2img" if isinstance(request, ImageToImageRequest) else "txt2img"
        self.state.begin(f"scripts_{kind}")
        remembered = self.options.remember(set(request.override_settings or {}).union(plot.overrides if plot else ()))
        try:
            if plot:
                return self._plot(plot, images, mask)
            run, made = self._make(request, images, mask)
            return build_result(run, made)
        finally:
            self.state.end()
            if request.override_settings_restore_afterwards:
                self.options.restore(remembered)

    def _make(
        self, request: GenerationRequest, images: list[Image.Image], mask: Image.Image | None
    ) -> tuple[GenerationRun, list[Image.Image]]:
        self._override(dict(request.override_settings or {}))
        self._refuse_impossible(request)
        run = self._resolve(request, self.engine.model().checkpoint)
        passes = self._passes(run, images, mask)
        self.state.job_count = passes.jobs
        made: list[Image.Image] = []
        for number in range(request.n_iter):
            self.state.skipped = False
            if self.state.interrupted:
                break
            if request.n_iter > 1:
                self.state.job = f"Batch {number + 1} out of {request.n_iter}"
            made += passes.make(number)
        return run, made

    def _plot(self, plot: xyz_plot.Plot, images: list[Image.Image], mask: Image.Image | None) -> GenerationResult:
        made = [self._make(cell, images, mask) for cell in plot.cells if not self.state.interrupted]
        cells = [build_result(run, first[:1]) for run, first in made]
        made[0][0].extra |= plot.settings
        sheet = build_result(made[0][0], [codec.grid([cell.images[0] for cell in cells], columns=plot.columns)])
        return sheet.followed_by(cells if plot.with_cells else [])

    def _override(self, overrides: dict[str, Any]) -> None:
        """Set the request's options; one that had no explicit value before stays set, as in the Web UI."""
        if self.checkpoints.find(overrides.get("sd_model_checkpoint")) is None:
            overrides.pop("sd_model_checkpoint", None)
            self.engine.model()
        for name, value in overrides.items():
            self.options.set(name, value)
            if name == "sd_model_checkpoint":
                self.engine.model()

    def _refuse_impossible(self, request: GenerationRequest) -> None:
        """Raise the Web UI's error for a request that it cannot run."""
        if request.refused_nulls():
            raise TypeError("unsupported operand type(s) for *: 'NoneType' and 'int'")
        self._named_checkpoint(request.refiner_checkpoint)
        if isinstance(request, TextToImageRequest) and request.enable_hr:
            self._named_checkpoint(request.hr_checkpoint_name)
        if not (request.batch_size and request.n_iter):
            raise IndexError("list index out of range")
        if request.steps == 0:
            raise ZeroDivisionError("integer division or modulo by zero")
        # Otherwise torch would get the memory, and the kernel would kill the process when it uses it.
        require_memory(
            request.width * request.height * _BYTES_PER_PIXEL,
            available_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        )

    def _resolve(self, request: GenerationRequest, checkpoint: CheckpointFile) -> GenerationRun:
        clip_skip = self.options["CLIP_stop_at_last_layers"]
        # An option with a value of a wrong type makes every run fail here, as in the Web UI.
        -clip_skip  # noqa: B018 - raises TypeError

        def load_model(name: str | None = None) -> "Model":
            model = self.engine.model(self._named_checkpoint(name))
            model.set_tiling(enabled=bool(self.options["tiling"] if request.tiling is None else request.tiling))
            return model

        return GenerationRun(
            request=request,
            sampler=resolve_sampler(request.sampler_name or request.sampler_index, request.scheduler),
            seeds=choose_seeds(request, count=request.batch_size * request.n_iter),
            clip_skip=int(clip_skip),
            checkpoint=checkpoint,
            state=self.state,
            load_model=load_model,
            find_loras=self.find_loras,
        )

    def _passes(self, run: GenerationRun, images: list[Image.Image], mask: Image.Image | None) -> Passes:
        from embedded_webui.generation.image_to_image import ImageToImage  # noqa: PLC0415 - imports torch, see ModelEngine
        from embedded_webui.generation.sd_upscale import SdUpscale  # noqa: PLC0415 - see above
        from embedded_webui.generation.text_to_image import TextToImage  # noqa: PLC0415 - see above

        request = run.request
        if isinstance(request, TextToImageRequest):
            return TextToImage(request=request, run=run)
        if not isinstance(request, ImageToImageRequest):
            raise TypeError(type(request))
        multiplier = request.initial_noise_multiplier
        single = ImageToImage(
            request=request,
            run=run,
            images=[codec.flatten(image, self.options["img2img_background_color"]) for image in images],
            drawn_mask=mask,
            noise_multiplier=float(self.options["initial_noise_multiplier"] if multiplier is None else multiplier),
        )
        return SdUpscale(tiles=single, image=images[0]) if request.script == SD_UPSCALE else single

    def _named_checkpoint(self, name: str | None) -> CheckpointFile | None:
        """Return the checkpoint of a refiner or a second pass, None for that of the first pass."""
        if not name or name in SAME_AS_FIRST_PASS or name in NO_REFINER:
            return None
        found = self.checkpoints.find(name)
        if found is None:
            raise Exception(f"Could not find checkpoint with name {name}")  # noqa: TRY002 - as the real one
        return found
