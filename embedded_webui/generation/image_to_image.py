"""The pass of image-to-image: an image, or its masked part, to noise and back."""

from dataclasses import dataclass
from typing import Final

import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image
from torch import Tensor
from torch.nn import functional

from embedded_webui.generation.run import GenerationRun, Seeds
from embedded_webui.generation.sampling import SamplingPass, Start, draw_noise
from embedded_webui.images import masks
from embedded_webui.images.upscalers import LATENT_MODES
from embedded_webui.models.kinds import LATENT_PIXELS
from embedded_webui.requests import ImageToImageRequest

#: diffusers' name of each `resize_mode` of images; mode 3 resizes latents instead.
_RESIZE_MODES: Final = {0: "default", 1: "crop", 2: "fill"}
_PROCESSOR: Final = VaeImageProcessor()


@dataclass(frozen=True, kw_only=True)
class ImageToImage:
    """Reworks images, or what a mask shows of them."""

    request: ImageToImageRequest
    run: GenerationRun
    #: One image for all of a batch, or one for each of its images.
    images: list[Image.Image]
    #: White may change; its size does not matter.
    drawn_mask: Image.Image | None
    noise_multiplier: float

    def __post_init__(self) -> None:
        """Raise the Web UI's error for a number of images that it cannot work on."""
        count, batch_size = len(self.images), self.request.batch_size
        if not count:
            raise RuntimeError("Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [0]")
        if count > batch_size:
            raise RuntimeError(f"bad number of images passed: {count}; expecting {batch_size} or less")

    @property
    def jobs(self) -> int:
        """Passes of the whole request."""
        return self.request.n_iter

    def make(self, iteration: int) -> list[Image.Image]:
        """Make the images of one iteration."""
        originals = self.images * self.request.batch_size if len(self.images) == 1 else self.images
        return self.rework(originals, self.run.batch(iteration, count=len(originals)))

    @torch.inference_mode()
    def rework(self, originals: list[Image.Image], seeds: Seeds) -> list[Image.Image]:
        """Return the images after one pass, with one seed each; all have the same size."""
        request, run = self.request, self.run
        # An earlier iteration may have left another model.
        model = run.load_model(None)
        width, height = (side // LATENT_PIXELS * LATENT_PIXELS for side in (request.width, request.height))
        if width <= 0 or height <= 0:
            raise ValueError(f"cannot work on a picture of {request.width}x{request.height}")
        mask = None
        if self.drawn_mask is not None:
            mask = masks.prepare_mask(self.drawn_mask, request, size=originals[0].size, target=(width, height))
        run.extra.update(self._settings(mask))
        mode = _RESIZE_MODES.get(request.resize_mode)
        work = originals
        if mask or mode:
            if mask is None or mask.box is None:
                originals = [_PROCESSOR.resize(image, height, width, mode or "default") for image in originals]
            work = [mask.cut(image) if mask else image for image in originals]
            if mask and request.inpainting_fill != masks.FILL_ORIGINAL:
                work = [masks.fill(image, mask.cut(mask.image)) for image in work]
            work = [image.resize((width, height), Image.Resampling.LANCZOS) for image in work]
        latents = model.encode(work)
        size = (height // LATENT_PIXELS, width // LATENT_PIXELS)
        if tuple(latents.shape[2:]) != size:
            latents = functional.interpolate(latents, size=size, **LATENT_MODES["Latent"])
        latent_mask = None
        if mask:
            latent_mask = mask.latent(size=size, is_rounded=bool(request.mask_round), device=model.device)
        sampling = SamplingPass(
            run=run,
            model=model,
            seeds=seeds,
            start=Start(
                latents=latents if latent_mask is None else self._fill_latents(latents, latent_mask, seeds),
                strength=request.denoising_strength,
                mask=latent_mask,
                noise_multiplier=self.noise_multiplier,
            ),
        )
        latents = sampling.latents()
        made = sampling.model.decode(latents)
        run.state.next_job()
        return [mask.put_back(result, before) for result, before in zip(made, originals, strict=True)] if mask else made

    def _fill_latents(self, latents: Tensor, mask: Tensor, seeds: Seeds) -> Tensor:
        fill = self.request.inpainting_fill
        if fill not in {masks.FILL_LATENT_NOISE, masks.FILL_LATENT_NOTHING}:
            return latents
        under = torch.zeros_like(latents)
        if fill == masks.FILL_LATENT_NOISE:
            # Other seeds than those of the steps, so that neither noise depends on the other.
            others = Seeds(seeds=[seed + 1 for seed in seeds.seeds], subseeds=[], strength=0)
            under, _ = draw_noise(others, shape=latents.shape[1:], device=str(latents.device))
        return latents * (1 - mask) + under * mask

    def _settings(self, mask: masks.Mask | None) -> dict[str, object]:
        request = self.request
        settings: dict[str, object] = {"Denoising strength": request.denoising_strength}
        if self.drawn_mask is not None:
            across, down = request.mask_blur_radii
            if request.inpainting_mask_invert:
                settings["Mask mode"] = "Inpaint not masked"
            if across or down:
                # Two radii have no place in the text.
                settings["Mask blur"] = across if across == down else None
        if mask is not None:
            if mask.box is not None:
                settings |= {"Inpaint area": "Only masked", "Masked area padding": request.inpaint_full_res_padding}
            if request.inpainting_fill in masks.CONTENT_NAMES:
                settings["Masked content"] = masks.CONTENT_NAMES[request.inpainting_fill]
        if self.noise_multiplier != 1:
            settings["Noise multiplier"] = self.noise_multiplier
        return settings
