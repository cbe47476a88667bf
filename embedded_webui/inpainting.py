"""Masks of image-to-image: what may change, the part of the picture that is worked on, and putting it back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from embedded_webui.model_configs import LATENT_PIXELS

if TYPE_CHECKING:
    from torch import Tensor

Box = tuple[int, int, int, int]

#: Values of `inpainting_fill`: what is under the mask when the work begins.
FILL_BLURRED: Final = 0
FILL_ORIGINAL: Final = 1
FILL_LATENT_NOISE: Final = 2
FILL_LATENT_NOTHING: Final = 3
#: Radii of the blurs, in pixels, whose sum carries the surroundings into the hole, the largest first.
_FILL_RADII: Final = (256, 64, 16, 4, 1)
#: How much more opaque a blur is made, so that it also covers what is far from its source.
_FILL_OPACITY: Final = 8
#: Brightness from which on a pixel of the mask counts for where the work is.
_DRAWN: Final = 1


@dataclass(frozen=True, kw_only=True)
class Mask:
    """A mask of the size of the picture: white may change. `box` is the part that is worked on, None the whole."""

    image: Image.Image
    box: Box | None

    def latent(self, *, width: int, height: int, rounded: bool, device: str) -> "Tensor":
        """Return [1, 1, h, w]: 1 where the latents may change."""
        import torch  # noqa: PLC0415 - takes seconds, and nothing else here needs it

        part = self.image.crop(self.box) if self.box else self.image
        small = part.resize((width // LATENT_PIXELS, height // LATENT_PIXELS), Image.Resampling.BILINEAR)
        values = np.asarray(small, dtype=np.float32) / 255
        return torch.from_numpy(np.around(values) if rounded else values)[None, None].to(device)

    def put_back(self, result: Image.Image, original: Image.Image) -> Image.Image:
        """Return the original with the result where the mask is white."""
        if self.box:
            left, top, right, bottom = self.box
            whole = original.copy()
            whole.paste(result.resize((right - left, bottom - top), Image.Resampling.LANCZOS), (left, top))
            result = whole
        return Image.composite(result, original.resize(result.size, Image.Resampling.LANCZOS), self.image)


def prepare(
    drawn: Image.Image,
    *,
    size: tuple[int, int],
    target: tuple[int, int],
    inverted: bool,
    blur: tuple[int, int],
    only_masked: bool,
    padding: int,
) -> Mask | None:
    """Return the mask to work with, or None when only the masked part is wanted and nothing is masked.

    Args:
        drawn: The mask as it was sent; its transparency counts as black.
        size: Size of the picture.
        target: Size that the part is worked on in.
        inverted: Whether black may change instead.
        blur: Radius of the mask's blur, across and down.
        only_masked: Whether to work on the masked part alone, enlarged to `target`.
        padding: Pixels around the masked part that are worked on with it.
    """  # fmt: skip
    image = _grey(drawn).resize(size, Image.Resampling.LANCZOS)
    if inverted:
        image = ImageOps.invert(image)
    if any(blur):
        image = image.filter(ImageFilter.GaussianBlur(blur))
    if not only_masked:
        return Mask(image=image, box=None)
    found = image.point(lambda value: 255 * (value >= _DRAWN)).getbbox()
    return Mask(image=image, box=_work_box(found, size=size, target=target, padding=padding)) if found else None


def fill(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """Return the picture with the colours of the surroundings blurred into what is masked."""
    around = Image.composite(Image.new("RGBA", picture.size), picture.convert("RGBA"), mask)
    # Blurring colours multiplied by their opacity keeps the hole's black out of its surroundings.
    result = Image.new("RGBA", picture.size)
    for radius in _FILL_RADII:
        blurred = around.convert("RGBa").filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        blurred.putalpha(blurred.getchannel("A").point(lambda value: min(255, value * _FILL_OPACITY)))
        result.alpha_composite(blurred)
    result.alpha_composite(around)
    return result.convert("RGB")


def _grey(drawn: Image.Image) -> Image.Image:
    if drawn.mode == "RGBA" and drawn.split()[-1].getextrema() != (255, 255):
        return drawn.split()[-1].convert("L").point(lambda value: 255 if value > 128 else 0)  # noqa: PLR2004 - half opaque
    return drawn.convert("L")


def _work_box(found: Box, *, size: tuple[int, int], target: tuple[int, int], padding: int) -> Box:
    """Return the box around what is masked, padded, with the proportions of the target where the picture has room."""
    left, top = max(found[0] - padding, 0), max(found[1] - padding, 0)
    right, bottom = min(found[2] + padding, size[0]), min(found[3] + padding, size[1])
    ratio = target[0] / target[1]
    if (right - left) / (bottom - top) < ratio:
        left, right = _widen(left, right, length=round((bottom - top) * ratio), limit=size[0])
    else:
        top, bottom = _widen(top, bottom, length=round((right - left) / ratio), limit=size[1])
    return left, top, right, bottom


def _widen(start: int, end: int, *, length: int, limit: int) -> tuple[int, int]:
    length = min(length, limit)
    start = min(max(start - (length - (end - start)) // 2, 0), limit - length)
    return start, start + length
