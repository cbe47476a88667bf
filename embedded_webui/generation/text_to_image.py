"""The passes of text-to-image: noise to image, and a second pass over the enlarged image for `enable_hr`."""

from collections.abc import Callable
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from embedded_webui.errors import WebUiException
from embedded_webui.generation.progress import ProgressState
from embedded_webui.generation.run import GenerationRun
from embedded_webui.generation.samplers import ResolvedSampler, resolve_sampler
from embedded_webui.generation.sampling import Noise, Start, refiner_of, sample
from embedded_webui.generation.seeds import Seeds
from embedded_webui.images import upscalers
from embedded_webui.images.infotext import SAME_AS_FIRST_PASS
from embedded_webui.models.kinds import LATENT_PIXELS
from embedded_webui.models.model import Model
from embedded_webui.requests import TextToImageRequest


class TextToImage:
    """Makes images from noise.

    Args:
        load_model: Returns the model of a checkpoint by its name, None for the one in the options.
    """

    def __init__(
        self,
        request: TextToImageRequest,
        *,
        run: GenerationRun,
        state: ProgressState,
        load_model: Callable[[str | None], Model],
    ) -> None:
        self._request = request
        self._run = run
        self._state = state
        self._load_model = load_model
        self._upscaler = request.hr_upscaler or next(iter(upscalers.LATENT_MODES))
        self.jobs = request.n_iter * (2 if request.enable_hr else 1)
        if request.enable_hr:
            upscalers.check_hires_upscaler(self._upscaler)
            run.extra.update(self._hires_settings())

    @torch.inference_mode()
    def make(self, iteration: int) -> list[Image.Image]:
        """Make the images of one iteration."""
        batch = self._run.batch(iteration, count=self._request.batch_size)
        # An earlier iteration may have left another model.
        model = self._load_model(None)
        plan = self._run.sampling_pass(size=self._run.size)
        # The refiner of a request with a second pass belongs to that pass.
        refiner = None if self._request.enable_hr else refiner_of(self._run, self._load_model)
        latents = sample(model, self._state, plan, Noise(batch, device=model.device), refiner=refiner)
        if refiner and refiner.model:
            model = refiner.model
        if self._request.enable_hr and not self._state.interrupted:
            self._state.next_job()
            model, latents = self._second_pass(model, latents, batch)
        images = model.decode(latents)
        self._state.next_job()
        return images

    def _second_pass(self, model: Model, latents: Tensor, batch: Seeds) -> tuple[Model, Tensor]:
        request = self._request
        if request.denoising_strength is None:
            raise WebUiException("TypeError", "'>' not supported between instances of 'NoneType' and 'int'")
        width, height = self._hires_size()
        if self._upscaler in upscalers.LATENT_MODES:
            size = (height // LATENT_PIXELS, width // LATENT_PIXELS)
            enlarged = functional.interpolate(latents, size=size, **upscalers.LATENT_MODES[self._upscaler])
            model = self._load_model(request.hr_checkpoint_name)
        else:
            images = [
                upscalers.enlarge(image, upscaler=self._upscaler, factor=width / image.width).resize(
                    (width, height), Image.Resampling.LANCZOS
                )
                for image in model.decode(latents)
            ]
            model = self._load_model(request.hr_checkpoint_name)
            enlarged = model.encode(images)
        first = self._run.sampling_pass(size=(width, height))
        plan = replace(
            first,
            sampler=self._hires_sampler(),
            steps=request.hr_second_pass_steps or first.steps,
            prompt=request.hr_prompt or first.prompt,
            negative_prompt=request.hr_negative_prompt or first.negative_prompt,
        )
        start = Start(latents=enlarged, strength=request.denoising_strength)
        refiner = refiner_of(self._run, self._load_model)
        latents = sample(model, self._state, plan, Noise(batch, device=model.device), start, refiner=refiner)
        return (refiner and refiner.model) or model, latents

    def _hires_sampler(self) -> ResolvedSampler:
        first = self._run.sampler
        name, schedule = self._request.hr_sampler_name, self._request.hr_scheduler
        return resolve_sampler(
            first.name if not name or name in SAME_AS_FIRST_PASS else name,
            first.schedule if not schedule or schedule in SAME_AS_FIRST_PASS else schedule,
        )

    def _hires_size(self) -> tuple[int, int]:
        """Return the size of the second pass, in multiples of a latent pixel's side."""
        request = self._request
        width, height = self._run.size
        wanted_width, wanted_height = request.hr_resize_x, request.hr_resize_y
        if not (wanted_width or wanted_height):
            wanted_width, wanted_height = int(width * request.hr_scale), int(height * request.hr_scale)
        wanted_width = wanted_width or wanted_height * width // height
        wanted_height = wanted_height or wanted_width * height // width
        return wanted_width // LATENT_PIXELS * LATENT_PIXELS, wanted_height // LATENT_PIXELS * LATENT_PIXELS

    def _hires_settings(self) -> dict[str, object]:
        request = self._request
        is_resized = request.hr_resize_x or request.hr_resize_y
        settings: dict[str, object] = {
            "Denoising strength": request.denoising_strength,
            "Hires prompt": request.hr_prompt or None,
            "Hires negative prompt": request.hr_negative_prompt or None,
            "Hires schedule type": None,
            "Hires upscale": None if is_resized else request.hr_scale,
            "Hires resize": f"{request.hr_resize_x}x{request.hr_resize_y}" if is_resized else None,
            "Hires steps": request.hr_second_pass_steps or None,
            "Hires upscaler": request.hr_upscaler,
        }
        optional = {"Hires resize", "Hires steps", "Hires upscaler"}
        return {name: value for name, value in settings.items() if value is not None or name not in optional}
