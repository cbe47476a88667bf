"""Enlarging pictures that are there already: the work of `extra-single-image` and `extra-batch-images`."""

from collections.abc import Mapping

from PIL import Image, ImageOps

from embedded_webui import upscalers
from embedded_webui.requests import ExtrasRequest


def enlarge(image: Image.Image, request: ExtrasRequest) -> tuple[Image.Image, dict[str, str]]:
    """Return the enlarged picture, and what was done, as its infotext names it."""
    image = image.convert("RGB")
    if request.upscaler_1 == "None":
        return image, {}
    first = _one(image, request, request.upscaler_1)
    done = _description(request)
    visibility = request.extras_upscaler_2_visibility
    if request.upscaler_2 != "None" and visibility > 0:
        second = _one(image, request, request.upscaler_2)
        first = Image.blend(first, second.resize(first.size, Image.Resampling.LANCZOS), visibility)
        done["Postprocess upscaler 2"] = request.upscaler_2
    return first, done


def describe(done: Mapping[str, str]) -> str:
    """Return what was done as text."""
    return ", ".join(f"{name}: {value}" for name, value in done.items())


def _one(image: Image.Image, request: ExtrasRequest, upscaler: str) -> Image.Image:
    if request.resize_mode == 0:
        return upscalers.enlarge(image, upscaler=upscaler, factor=request.upscaling_resize)
    width, height = request.upscaling_resize_w, request.upscaling_resize_h
    factor = max(width / image.width, height / image.height)
    enlarged = upscalers.enlarge(image, upscaler=upscaler, factor=factor)
    return ImageOps.fit(enlarged, (width, height), Image.Resampling.LANCZOS) if request.upscaling_crop else enlarged


def _description(request: ExtrasRequest) -> dict[str, str]:
    done = {}
    if request.resize_mode == 0:
        done["Postprocess upscale by"] = str(request.upscaling_resize)
    else:
        size = f"{request.upscaling_resize_w}x{request.upscaling_resize_h}"
        done["Postprocess upscale to"] = size
        if request.upscaling_crop:
            done["Postprocess crop to"] = size
    done["Postprocess upscaler"] = request.upscaler_1
    return done
