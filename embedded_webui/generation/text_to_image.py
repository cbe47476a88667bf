"""The passes of text-to-image: noise to image, and a second pass over the enlarged image for `enable_hr`."""

from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from embedded_webui.generation.run import GenerationRun, Seeds
from embedded_webui.generation.samplers import ResolvedSampler, resolve_sampler
from embedded_webui.generation.sampling import SamplingPass, Start
from embedded_webui.images import upscalers
from embedded_webui.images.infotext import SAME_AS_FIRST_PASS
from embedded_webui.models.kinds import LATENT_PIXELS
from embedded_webui.models.model import Model
from embedded_webui.requests import TextToImageRequest


@dataclass(frozen=True, kw_only=True)
class TextToImage:
    """Makes images from noise."""

    request: TextToImageRequest
    run: GenerationRun

    def __post_init__(self) -> None:
        """Refuse an unknown upscaler, and describe the second pass."""
        if self.request.enable_hr:
            upscalers.check_hires_upscaler(self._upscaler)
            self.run.extra.update(self._hires_settings())

    @property
    def jobs(self) -> int:
        """Passes of the whole request."""
        return self.request.n_iter * (2 if self.request.enable_hr else 1)

    @torch.inference_mode()
    def make(self, iteration: int) -> list[Image.Image]:
        """Make the images of one iteration."""
        run, has_second = self.run, bool(self.request.enable_hr)
        seeds = run.batch(iteration, count=self.request.batch_size)
        # An earlier iteration may have left another model.
        model = run.load_model(None)
        sampling = SamplingPass(run=run, model=model, seeds=seeds, is_last=not has_second)
        latents = sampling.latents()
        if has_second and not run.state.interrupted:
            run.state.next_job()
            sampling = self._second_pass(model, latents, seeds)
            latents = sampling.latents()
        images = sampling.model.decode(latents)
        run.state.next_job()
        return images

    @property
    def _upscaler(self) -> str:
        return self.request.hr_upscaler or next(iter(upscalers.LATENT_MODES))

    def _second_pass(self, model: Model, latents: Tensor, seeds: Seeds) -> SamplingPass:
        request = self.request
        if request.denoising_strength is None:
            raise TypeError("'>' not supported between instances of 'NoneType' and 'int'")
        width, height = self._hires_size()
        if mode := upscalers.LATENT_MODES.get(self._upscaler):
            latents = functional.interpolate(latents, size=(height // LATENT_PIXELS, width // LATENT_PIXELS), **mode)
            model = self.run.load_model(request.hr_checkpoint_name)
        else:
            images = [
                upscalers.enlarge(image, upscaler=self._upscaler, factor=width / image.width).resize(
                    (width, height), Image.Resampling.LANCZOS
                )
                for image in model.decode(latents)
            ]
            model = self.run.load_model(request.hr_checkpoint_name)
            latents = model.encode(images)
        changes = {
            "width": width,
            "height": height,
            "steps": request.hr_second_pass_steps or request.steps,
            "prompt": request.hr_prompt or request.prompt,
            "negative_prompt": request.hr_negative_prompt or request.negative_prompt,
        }
        run = replace(self.run, request=request.model_copy(update=changes), sampler=self._hires_sampler())
        start = Start(latents=latents, strength=request.denoising_strength)
        return SamplingPass(run=run, model=model, seeds=seeds, start=start)

    def _hires_sampler(self) -> ResolvedSampler:
        first = self.run.sampler
        name, schedule = self.request.hr_sampler_name, self.request.hr_scheduler
        return resolve_sampler(
            first.name if not name or name in SAME_AS_FIRST_PASS else name,
            first.schedule if not schedule or schedule in SAME_AS_FIRST_PASS else schedule,
        )

    def _hires_size(self) -> tuple[int, int]:
        """Return the size of the second pass, in multiples of a latent pixel's side."""
        request = self.request
        width, height = request.width, request.height
        wanted_width, wanted_height = request.hr_resize_x, request.hr_resize_y
        if not (wanted_width or wanted_height):
            wanted_width, wanted_height = int(width * request.hr_scale), int(height * request.hr_scale)
        wanted_width = wanted_width or wanted_height * width // height
        wanted_height = wanted_height or wanted_width * height // width
        return wanted_width // LATENT_PIXELS * LATENT_PIXELS, wanted_height // LATENT_PIXELS * LATENT_PIXELS

    def _hires_settings(self) -> dict[str, object]:
        request = self.request
        settings: dict[str, object] = {
            "Denoising strength": request.denoising_strength,
            "Hires prompt": request.hr_prompt or None,
            "Hires negative prompt": request.hr_negative_prompt or None,
            "Hires schedule type": None,
        }
        if request.hr_resize_x or request.hr_resize_y:
            settings |= {"Hires upscale": None, "Hires resize": f"{request.hr_resize_x}x{request.hr_resize_y}"}
        else:
            settings["Hires upscale"] = request.hr_scale
        optional = {"Hires steps": request.hr_second_pass_steps, "Hires upscaler": request.hr_upscaler}
        return settings | {name: value for name, value in optional.items() if value}
