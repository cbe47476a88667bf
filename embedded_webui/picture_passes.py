"""The pass of image-to-image: a picture, or its masked part, to noise and back."""

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from embedded_webui import images, inpainting, upscalers
from embedded_webui.errors import WebUiError
from embedded_webui.model import Model
from embedded_webui.model_configs import LATENT_PIXELS
from embedded_webui.options import Options
from embedded_webui.progress_state import ProgressState
from embedded_webui.requests import ImageToImageRequest
from embedded_webui.run import Run
from embedded_webui.sampling import Noise, Pass, Sampling, Start
from embedded_webui.seeds import Seeds

#: Value of `resize_mode` that resizes latents instead of pictures.
_LATENT_RESIZE: int = 3


class ImageToImagePasses:
    """Works on pictures, and on what a mask shows of them.

    Args:
        pictures: One picture for all of a batch, or one for each.
        mask: White may change; its size does not matter.
    """

    def __init__(
        self,
        request: ImageToImageRequest,
        *,
        run: Run,
        pictures: list[Image.Image],
        mask: Image.Image | None,
        model: Model,
        state: ProgressState,
        options: Options,
    ) -> None:
        if not pictures:
            raise WebUiError(
                "RuntimeError", "Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [0]"
            )
        if len(pictures) > max(1, int(request.batch_size or 0)):
            raise WebUiError(
                "RuntimeError",
                f"bad number of images passed: {len(pictures)}; expecting {request.batch_size} or less",
            )
        self._request = request
        self._run = run
        self._pictures = [images.flatten(picture, options["img2img_background_color"]) for picture in pictures]
        self._drawn = mask
        self._model = model
        self._state = state
        blur = request.mask_blur
        self._blur = (int(request.mask_blur_x or 0), int(request.mask_blur_y or 0)) if blur is None else (blur, blur)
        self._noise_multiplier = float(
            options["initial_noise_multiplier"]
            if request.initial_noise_multiplier is None
            else request.initial_noise_multiplier
        )
        self.jobs = int(request.n_iter or 0)
        run.extra.update(self._settings())

    def make(self, batch: Seeds) -> list[Image.Image]:
        """Make the pictures of one batch."""
        count = len(batch.seeds) if len(self._pictures) == 1 else len(self._pictures)
        originals = (self._pictures * count)[:count]
        taken = Seeds(seeds=batch.seeds[:count], subseeds=batch.subseeds[:count], strength=batch.strength)
        return self.rework(originals, taken)

    @torch.inference_mode()
    def rework(self, originals: list[Image.Image], batch: Seeds) -> list[Image.Image]:
        """Return the pictures worked over, one seed each; all have the same size."""
        request = self._request
        width, height = (side // LATENT_PIXELS * LATENT_PIXELS for side in self._run.size)
        if width <= 0 or height <= 0:
            raise ValueError(f"cannot work on a picture of {request.width}x{request.height}")
        mode = int(request.resize_mode or 0)
        mask = self._mask(originals[0].size, (width, height))
        only_masked = mask is not None and mask.box is not None
        latent_resize = mode == _LATENT_RESIZE and mask is None
        if not (only_masked or latent_resize):
            originals = [images.resize(original, mode=mode, width=width, height=height) for original in originals]
        work = [original.crop(mask.box) if mask and mask.box else original for original in originals]
        if mask and request.inpainting_fill != inpainting.FILL_ORIGINAL:
            shown = mask.image.crop(mask.box) if mask.box else mask.image
            work = [inpainting.fill(picture, shown) for picture in work]
        if not latent_resize:
            work = [picture.resize((width, height), Image.Resampling.LANCZOS) for picture in work]
        noise = Noise(batch.seeds, subseeds=batch.subseeds, subseed_strength=batch.strength, device=self._model.device)
        latents = self._encode(work, width, height)
        latent_mask = None
        if mask:
            latent_mask = mask.latent(
                width=width, height=height, rounded=bool(request.mask_round), device=self._model.device
            )
        start = Start(
            latents=self._filled(latents, latent_mask, batch),
            strength=0.0 if request.denoising_strength is None else request.denoising_strength,
            mask=latent_mask,
            noise_multiplier=self._noise_multiplier,
        )
        plan = Pass.of(self._run, size=(width, height))
        made = self._model.decode(Sampling(self._model, self._state).run(plan, noise, start))
        self._state.next_job()
        if mask is None:
            return made
        return [mask.put_back(result, original) for result, original in zip(made, originals, strict=True)]

    def _mask(self, size: tuple[int, int], target: tuple[int, int]) -> inpainting.Mask | None:
        request = self._request
        if self._drawn is None:
            return None
        return inpainting.prepare(
            self._drawn,
            size=size if request.inpaint_full_res else target,
            target=target,
            inverted=bool(request.inpainting_mask_invert),
            blur=self._blur,
            only_masked=bool(request.inpaint_full_res),
            padding=int(request.inpaint_full_res_padding or 0),
        )

    def _encode(self, pictures: list[Image.Image], width: int, height: int) -> Tensor:
        latents = self._model.encode(pictures)
        size = (height // LATENT_PIXELS, width // LATENT_PIXELS)
        if tuple(latents.shape[2:]) != size:
            latents = functional.interpolate(latents, size=size, **next(iter(upscalers.LATENT_MODES.values())))
        return latents

    def _filled(self, latents: Tensor, mask: Tensor | None, batch: Seeds) -> Tensor:
        fill = self._request.inpainting_fill
        if mask is None or fill not in {inpainting.FILL_LATENT_NOISE, inpainting.FILL_LATENT_NOTHING}:
            return latents
        under = torch.zeros_like(latents)
        if fill == inpainting.FILL_LATENT_NOISE:
            # Drawn apart from the noise of the steps, so that both are the same whatever the other is.
            noise = Noise(
                [seed + 1 for seed in batch.seeds], subseeds=[], subseed_strength=0, device=self._model.device
            )
            under = noise.draw(latents.shape[1:])
        return latents * (1 - mask) + under * mask

    def _settings(self) -> dict[str, object]:
        settings: dict[str, object] = {"Denoising strength": self._request.denoising_strength}
        if self._drawn is not None:
            across, down = self._blur
            settings |= {"Mask blur": across} if across == down else {"Mask blur X": across, "Mask blur Y": down}
        if self._noise_multiplier != 1:
            settings["Noise multiplier"] = self._noise_multiplier
        return settings
