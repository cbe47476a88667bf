"""What is sampled for one batch of a request: the passes of text-to-image."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from embedded_webui import samplers, upscalers
from embedded_webui.errors import WebUiError
from embedded_webui.infotext import SAME_AS_FIRST_PASS
from embedded_webui.model import Model
from embedded_webui.model_configs import LATENT_PIXELS
from embedded_webui.options import Options
from embedded_webui.picture_passes import ImageToImagePasses
from embedded_webui.progress_state import ProgressState
from embedded_webui.requests import GenerationRequest, ImageToImageRequest, TextToImageRequest
from embedded_webui.run import Run
from embedded_webui.sampling import Noise, Pass, Sampling, Start
from embedded_webui.scripts import SD_UPSCALE
from embedded_webui.sd_upscale import SdUpscalePasses
from embedded_webui.seeds import Seeds


class Passes(Protocol):
    """What a kind of request does for each batch."""

    #: Passes of the whole request, of which `progress` tells.
    jobs: int

    def make(self, batch: Seeds) -> list[Image.Image]:
        """Make the pictures of one batch."""


def make_passes(
    request: GenerationRequest,
    *,
    run: Run,
    pictures: list[Image.Image],
    mask: Image.Image | None,
    model: Model,
    state: ProgressState,
    options: Options,
    hires_model: Callable[[str | None], Model],
) -> Passes:
    """Return the passes of a request."""
    if isinstance(request, ImageToImageRequest):
        single = ImageToImagePasses(
            request, run=run, pictures=pictures, mask=mask, model=model, state=state, options=options
        )
        if (request.script_name or "").lower() == SD_UPSCALE:
            return SdUpscalePasses(request, run=run, pictures=pictures, tiles=single)
        return single
    if isinstance(request, TextToImageRequest):
        return TextToImagePasses(request, run=run, model=model, state=state, hires_model=hires_model)
    raise TypeError(type(request))


class TextToImagePasses:
    """Noise to picture, and a second pass over the enlarged picture where `enable_hr` asks for it."""

    def __init__(
        self,
        request: TextToImageRequest,
        *,
        run: Run,
        model: Model,
        state: ProgressState,
        hires_model: Callable[[str | None], Model],
    ) -> None:
        self._request = request
        self._run = run
        self._model = model
        self._state = state
        self._hires_model = hires_model
        self._upscaler = request.hr_upscaler or next(iter(upscalers.LATENT_MODES))
        self.jobs = int(request.n_iter or 0) * (2 if request.enable_hr else 1)
        if request.enable_hr:
            upscalers.check_hires_upscaler(self._upscaler)
            run.extra.update(self._hires_settings())

    @torch.inference_mode()
    def make(self, batch: Seeds) -> list[Image.Image]:
        """Make the pictures of one batch."""
        model = self._hires_model(None) if self._request.enable_hr else self._model
        plan = Pass.of(self._run, size=self._run.size)
        latents = Sampling(model, self._state).run(plan, self._noise(batch))
        if self._request.enable_hr and not self._state.interrupted:
            self._state.next_job()
            model, latents = self._second_pass(model, latents, batch)
        pictures = model.decode(latents)
        self._state.next_job()
        return pictures

    def _noise(self, batch: Seeds) -> Noise:
        return Noise(batch.seeds, subseeds=batch.subseeds, subseed_strength=batch.strength, device=self._model.device)

    def _second_pass(self, model: Model, latents: Tensor, batch: Seeds) -> tuple[Model, Tensor]:
        request = self._request
        if request.denoising_strength is None:
            raise WebUiError("TypeError", "'>' not supported between instances of 'NoneType' and 'int'")
        width, height = self._hires_size()
        if self._upscaler in upscalers.LATENT_MODES:
            size = (height // LATENT_PIXELS, width // LATENT_PIXELS)
            enlarged = functional.interpolate(latents, size=size, **upscalers.LATENT_MODES[self._upscaler])
            model = self._hires_model(request.hr_checkpoint_name)
        else:
            pictures = [
                upscalers.enlarge(picture, upscaler=self._upscaler, factor=width / picture.width).resize(
                    (width, height), Image.Resampling.LANCZOS
                )
                for picture in model.decode(latents)
            ]
            model = self._hires_model(request.hr_checkpoint_name)
            enlarged = model.encode(pictures)
        first = Pass.of(self._run, size=(width, height))
        sampler, schedule = self._hires_sampler()
        plan = replace(
            first,
            sampler=sampler,
            schedule=schedule,
            steps=int(request.hr_second_pass_steps or first.steps),
            prompt=request.hr_prompt or first.prompt,
            negative_prompt=request.hr_negative_prompt or first.negative_prompt,
        )
        start = Start(latents=enlarged, strength=request.denoising_strength)
        return model, Sampling(model, self._state).run(plan, self._noise(batch), start)

    def _hires_sampler(self) -> tuple[samplers.Sampler, samplers.Schedule]:
        request = self._request
        sampler, schedule = self._run.sampler, self._run.schedule
        if request.hr_sampler_name and request.hr_sampler_name not in SAME_AS_FIRST_PASS:
            sampler, _ = samplers.resolve(request.hr_sampler_name, None)
        if request.hr_scheduler and request.hr_scheduler not in SAME_AS_FIRST_PASS:
            _, schedule = samplers.resolve(sampler.name, request.hr_scheduler)
        return sampler, samplers.effective_schedule(sampler, schedule)

    def _hires_size(self) -> tuple[int, int]:
        """Return the size of the second pass, in multiples of a latent's pixels."""
        request = self._request
        width, height = self._run.size
        scale = request.hr_scale or 1
        wanted_width, wanted_height = int(request.hr_resize_x or 0), int(request.hr_resize_y or 0)
        if not (wanted_width or wanted_height):
            wanted_width, wanted_height = int(width * scale), int(height * scale)
        wanted_width = wanted_width or wanted_height * width // height
        wanted_height = wanted_height or wanted_width * height // width
        return wanted_width // LATENT_PIXELS * LATENT_PIXELS, wanted_height // LATENT_PIXELS * LATENT_PIXELS

    def _hires_settings(self) -> dict[str, object]:
        request = self._request
        resized = request.hr_resize_x or request.hr_resize_y
        settings: dict[str, object] = {
            "Denoising strength": request.denoising_strength,
            "Hires prompt": request.hr_prompt or None,
            "Hires negative prompt": request.hr_negative_prompt or None,
            "Hires schedule type": None,
            "Hires upscale": None if resized else request.hr_scale,
            "Hires resize": f"{request.hr_resize_x}x{request.hr_resize_y}" if resized else None,
            "Hires steps": request.hr_second_pass_steps or None,
            "Hires upscaler": self._upscaler,
        }
        optional = {"Hires resize", "Hires steps"}
        return {name: value for name, value in settings.items() if value is not None or name not in optional}
