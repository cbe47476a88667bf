"""Upscalers: of images for `extras` and scripts, of latents for a second pass.

The models of upscalers do not run here: such an upscaler resizes the image, as the real one does without weights.
"""

from collections.abc import Mapping
from typing import Any, Final

from PIL import Image, ImageOps

from embedded_webui.lists import LISTS
from embedded_webui.requests import ExtrasRequest

_NAMES: Final[tuple[str, ...]] = tuple(entry["name"] for entry in LISTS["upscalers"])
#: Upscalers of latents, with the arguments of torch's `interpolate`.
LATENT_MODES: Final[Mapping[str, Mapping[str, Any]]] = {
    "Latent": {"mode": "bilinear", "antialias": False},
    "Latent (antialiased)": {"mode": "bilinear", "antialias": True},
    "Latent (bicubic)": {"mode": "bicubic", "antialias": False},
    "Latent (bicubic antialiased)": {"mode": "bicubic", "antialias": True},
    "Latent (nearest)": {"mode": "nearest"},
    "Latent (nearest-exact)": {"mode": "nearest-exact"},
}
#: Sides of enlarged images are cut to multiples of this number of pixels, as in the Web UI.
_SIDE_STEP: Final = 8


def exact_name(name: str) -> str:
    """Return the upscaler with this name in any case of letters; raise `ValueError` as the script does."""
    found = next((known for known in _NAMES if known.lower() == name.lower()), None)
    if found is None:
        raise ValueError(f"{name.lower()!r} is not in list")
    return found


def check_hires_upscaler(name: str) -> None:
    """Raise the Web UI's error for an unknown upscaler of a second pass."""
    if name not in LATENT_MODES and name not in _NAMES:
        raise Exception(f"could not find upscaler named {name}")  # noqa: TRY002 - as the real one


def enlarge(image: Image.Image, *, upscaler: str, factor: float) -> Image.Image:
    """Return the image `factor` times as large; the upscaler None returns it unchanged."""
    if upscaler not in _NAMES:
        raise AssertionError(f"could not find upscaler named {upscaler}")
    if upscaler == "None":
        return image
    width, height = (max(_SIDE_STEP, int(side * factor) // _SIDE_STEP * _SIDE_STEP) for side in image.size)
    method = Image.Resampling.NEAREST if upscaler == "Nearest" else Image.Resampling.LANCZOS
    return image.resize((width, height), method)


def postprocess(image: Image.Image, request: ExtrasRequest) -> tuple[Image.Image, str]:
    """Return the image that `extras` makes, and the infotext that describes it."""
    image = image.convert("RGB")
    if request.upscaler_1 == "None":
        return image, ""
    size = width, height = request.upscaling_resize_w, request.upscaling_resize_h
    factor, is_cropped = request.upscaling_resize, False
    description = {"Postprocess upscale by": str(factor)}
    if request.resize_mode:
        factor, is_cropped = max(width / image.width, height / image.height), request.upscaling_crop
        description = {"Postprocess upscale to": f"{width}x{height}"}
        description |= {"Postprocess crop to": f"{width}x{height}"} if is_cropped else {}
    description["Postprocess upscaler"] = request.upscaler_1

    def enlarged_by(upscaler: str) -> Image.Image:
        enlarged = enlarge(image, upscaler=upscaler, factor=factor)
        return ImageOps.fit(enlarged, size, Image.Resampling.LANCZOS) if is_cropped else enlarged

    enlarged, visibility = enlarged_by(request.upscaler_1), request.extras_upscaler_2_visibility
    if request.upscaler_2 != "None" and visibility > 0:
        second = enlarged_by(request.upscaler_2).resize(enlarged.size, Image.Resampling.LANCZOS)
        enlarged = Image.blend(enlarged, second, visibility)
        description["Postprocess upscaler 2"] = request.upscaler_2
    return enlarged, ", ".join(f"{name}: {value}" for name, value in description.items())
