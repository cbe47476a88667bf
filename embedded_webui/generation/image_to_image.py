"""The pass of image-to-image: an image, or its masked part, to noise and back."""

from collections.abc import Callable

import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image
from torch import Tensor
from torch.nn import functional

from embedded_webui.errors import WebUiException
from embedded_webui.generation.progress import ProgressState
from embedded_webui.generation.run import GenerationRun
from embedded_webui.generation.sampling import Noise, Start, refiner_of, sample
from embedded_webui.generation.seeds import Seeds
from embedded_webui.images import codec, masks
from embedded_webui.images.upscalers import LATENT_MODES
from embedded_webui.models.kinds import LATENT_PIXELS
from embedded_webui.models.model import Model
from embedded_webui.options import WebUiOptions
from embedded_webui.requests import ImageToImageRequest

#: diffusers' name of each `resize_mode` of images; mode 3 resizes latents instead.
_RESIZE_MODES = {0: "default", 1: "crop", 2: "fill"}
_PROCESSOR = VaeImageProcessor()


class ImageToImage:
    """Reworks images, or what a mask shows of them.

    Args:
        images: One image for all of a batch, or one for each of its images.
        load_model: Returns the model of a checkpoint by its name, None for the one in the options.
        drawn_mask: White may change; its size does not matter.
    """

    def __init__(
        self,
        request: ImageToImageRequest,
        *,
        run: GenerationRun,
        images: list[Image.Image],
        drawn_mask: Image.Image | None,
        load_model: Callable[[str | None], Model],
        state: ProgressState,
        options: WebUiOptions,
    ) -> None:
        if not images:
            raise WebUiException(
                "RuntimeError", "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [0]"
            )
        if len(images) > request.batch_size:
            raise WebUiException(
                "RuntimeError", f"bad number of images passed: {len(images)}; expecting {request.batch_size} or less"
            )
        self._request = request
        self._run = run
        self._images = [codec.flatten(image, options["img2img_background_color"]) for image in images]
        self._drawn_mask = drawn_mask
        self._load_model = load_model
        self._state = state
        multiplier = request.initial_noise_multiplier
        self._noise_multiplier = float(options["initial_noise_multiplier"] if multiplier is None else multiplier)
        self.jobs = request.n_iter

    def make(self, iteration: int) -> list[Image.Image]:
        """Make the images of one iteration."""
        originals = self._images * self._request.batch_size if len(self._images) == 1 else self._images
        return self.rework(originals, self._run.batch(iteration, count=len(originals)))

    @torch.inference_mode()
    def rework(self, originals: list[Image.Image], seeds: Seeds) -> list[Image.Image]:
        """Return the images after one pass, with one seed each; all have the same size."""
        # An earlier iteration may have left another model.
        request, model = self._request, self._load_model(None)
        device = model.device
        width, height = (side // LATENT_PIXELS * LATENT_PIXELS for side in self._run.size)
        if width <= 0 or height <= 0:
            raise ValueError(f"cannot work on a picture of {request.width}x{request.height}")
        mask = None
        if self._drawn_mask is not None:
            mask = masks.prepare_mask(self._drawn_mask, request, size=originals[0].size, target=(width, height))
        self._run.extra.update(self._settings(mask))
        mode = _RESIZE_MODES.get(request.resize_mode)
        if mode is None and mask is None:
            work = originals
        else:
            if mask is None or mask.box is None:
                originals = [_PROCESSOR.resize(image, height, width, mode or "default") for image in originals]
            work = [mask.cut(image) if mask else image for image in originals]
            if mask and request.inpainting_fill != masks.FILL_ORIGINAL:
                work = [masks.fill(image, mask.cut(mask.image)) for image in work]
            work = [image.resize((width, height), Image.Resampling.LANCZOS) for image in work]
        latent_mask = None
        if mask:
            latent_mask = mask.latent(width=width, height=height, is_rounded=bool(request.mask_round), device=device)
        start = Start(
            latents=self._fill_latents(_encode(model, work, width, height), latent_mask, seeds),
            strength=request.denoising_strength,
            mask=latent_mask,
            noise_multiplier=self._noise_multiplier,
        )
        plan = self._run.sampling_pass(size=(width, height))
        refiner = refiner_of(self._run, self._load_model)
        latents = sample(model, self._state, plan, Noise(seeds, device=device), start, refiner=refiner)
        made = ((refiner and refiner.model) or model).decode(latents)
        self._state.next_job()
        if mask is None:
            return made
        return [mask.put_back(result, original) for result, original in zip(made, originals, strict=True)]

    def _fill_latents(self, latents: Tensor, mask: Tensor | None, seeds: Seeds) -> Tensor:
        fill = self._request.inpainting_fill
        if mask is None or fill not in {masks.FILL_LATENT_NOISE, masks.FILL_LATENT_NOTHING}:
            return latents
        under = torch.zeros_like(latents)
        if fill == masks.FILL_LATENT_NOISE:
            # Other seeds than those of the steps, so that neither noise depends on the other.
            others = Seeds(seeds=[seed + 1 for seed in seeds.seeds], subseeds=[], strength=0)
            under = Noise(others, device=str(latents.device)).draw(latents.shape[1:])
        return latents * (1 - mask) + under * mask

    def _settings(self, mask: masks.Mask | None) -> dict[str, object]:
        request = self._request
        settings: dict[str, object] = {"Denoising strength": request.denoising_strength}
        if self._drawn_mask is not None:
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
        if self._noise_multiplier != 1:
            settings["Noise multiplier"] = self._noise_multiplier
        return settings


def _encode(model: Model, images: list[Image.Image], width: int, height: int) -> Tensor:
    latents = model.encode(images)
    size = (height // LATENT_PIXELS, width // LATENT_PIXELS)
    if tuple(latents.shape[2:]) != size:
        latents = functional.interpolate(latents, size=size, **LATENT_MODES["Latent"])
    return latents
