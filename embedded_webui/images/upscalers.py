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
    enlarged = _postprocess(image, request, request.upscaler_1)
    description = _describe(request)
    visibility = request.extras_upscaler_2_visibility
    if request.upscaler_2 != "None" and visibility > 0:
        second = _postprocess(image, request, request.upscaler_2)
        enlarged = Image.blend(enlarged, second.resize(enlarged.size, Image.Resampling.LANCZOS), visibility)
        description["Postprocess upscaler 2"] = request.upscaler_2
    return enlarged, ", ".join(f"{name}: {value}" for name, value in description.items())


def _postprocess(image: Image.Image, request: ExtrasRequest, upscaler: str) -> Image.Image:
    if request.resize_mode == 0:
        return enlarge(image, upscaler=upscaler, factor=request.upscaling_resize)
    width, height = request.upscaling_resize_w, request.upscaling_resize_h
    enlarged = enlarge(image, upscaler=upscaler, factor=max(width / image.width, height / image.height))
    return ImageOps.fit(enlarged, (width, height), Image.Resampling.LANCZOS) if request.upscaling_crop else enlarged


def _describe(request: ExtrasRequest) -> dict[str, str]:
    size = f"{request.upscaling_resize_w}x{request.upscaling_resize_h}"
    if request.resize_mode == 0:
        description = {"Postprocess upscale by": str(request.upscaling_resize)}
    else:
        description = {"Postprocess upscale to": size}
        if request.upscaling_crop:
            description["Postprocess crop to"] = size
    return description | {"Postprocess upscaler": request.upscaler_1}
