"""Masks of image-to-image: the part of an image that may change, and its return into the original.

diffusers' `VaeImageProcessor` computes the region around a mask and the overlay like the Web UI. The blurred fill is
own code, because diffusers has none.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image, ImageFilter, ImageOps

from embedded_webui.requests import ImageToImageRequest

Box = tuple[int, int, int, int]

#: Values of `inpainting_fill`: the content under the mask at the start.
FILL_BLURRED: Final = 0
FILL_ORIGINAL: Final = 1
FILL_LATENT_NOISE: Final = 2
FILL_LATENT_NOTHING: Final = 3
#: The infotext's names of what replaces the content under the mask.
CONTENT_NAMES: Final = {FILL_BLURRED: "fill", FILL_LATENT_NOISE: "latent noise", FILL_LATENT_NOTHING: "latent nothing"}
#: Radii in pixels of the blurs whose sum carries the surroundings into the hole, the largest first.
_FILL_RADII: Final = (256, 64, 16, 4, 1)
#: Factor on the opacity of a blur, so that it also covers pixels far from its source.
_FILL_OPACITY: Final = 8
#: Opacity from which on a pixel of a transparent mask counts.
_HALF_OPAQUE: Final = 128
_PROCESSOR: Final = VaeImageProcessor()


@dataclass(frozen=True, kw_only=True)
class Mask:
    """A mask of the size of the image; white may change. `box` is the region that is sampled, None for the whole."""

    image: Image.Image
    box: Box | None

    def cut(self, image: Image.Image) -> Image.Image:
        """Return the region of an image that is sampled."""
        return image.crop(self.box) if self.box else image

    def latent(self, *, size: tuple[int, int], is_rounded: bool, device: str) -> torch.Tensor:
        """Return [1, 1, height, width] of the latents' `size`, height first: 1 where they may change."""
        scaled = self.cut(self.image).resize(size[::-1], Image.Resampling.BILINEAR)
        values = np.asarray(scaled, dtype=np.float32) / 255
        return torch.from_numpy(np.around(values) if is_rounded else values)[None, None].to(device)

    def put_back(self, result: Image.Image, original: Image.Image) -> Image.Image:
        """Return the original with the result where the mask is white."""
        overlaid: Image.Image = _PROCESSOR.apply_overlay(self.image, original, result, self.box)
        return overlaid


def prepare_mask(
    drawn: Image.Image, request: ImageToImageRequest, *, size: tuple[int, int], target: tuple[int, int]
) -> Mask | None:
    """Return the mask of a request, or None if only the masked part is wanted and the mask is empty.

    `drawn` is the mask as it was sent; its transparency counts as black. The image has the size `size`, and its masked
    part is sampled at the size `target`.
    """
    only_masked = bool(request.inpaint_full_res)
    image = _grey(drawn, is_rounded=bool(request.mask_round)).resize(
        size if only_masked else target, Image.Resampling.LANCZOS
    )
    if request.inpainting_mask_invert:
        image = ImageOps.invert(image)
    if any(blur := request.mask_blur_radii):
        image = image.filter(ImageFilter.GaussianBlur(blur))
    if not only_masked:
        return Mask(image=image, box=None)
    if image.getbbox() is None:
        return None
    box = _PROCESSOR.get_crop_region(image, *target, pad=request.inpaint_full_res_padding)
    return Mask(image=image, box=box)


def fill(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Return the image with the colours of the surroundings blurred into the masked part."""
    around = Image.composite(Image.new("RGBA", image.size), image.convert("RGBA"), mask)
    # Blurring colours multiplied by their opacity keeps the hole's black out of its surroundings.
    result = Image.new("RGBA", image.size)
    for radius in _FILL_RADII:
        blurred = around.convert("RGBa").filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        blurred.putalpha(blurred.getchannel("A").point(lambda value: min(255, value * _FILL_OPACITY)))
        result.alpha_composite(blurred)
    result.alpha_composite(around)
    return result.convert("RGB")


def _grey(drawn: Image.Image, *, is_rounded: bool) -> Image.Image:
    if drawn.mode == "RGBA" and drawn.getchannel("A").getextrema() != (255, 255):
        opacity = drawn.getchannel("A")
        return opacity.point(lambda value: 255 if value > _HALF_OPAQUE else 0) if is_rounded else opacity
    return drawn.convert("L")
