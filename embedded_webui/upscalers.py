"""What enlarges pictures: the upscalers that need no model of their own, and those of latents for a second pass."""

from collections.abc import Mapping
from typing import Any, Final

from PIL import Image

from embedded_webui.errors import WebUiError

_RESAMPLING: Final[Mapping[str, Image.Resampling | None]] = {
    "None": None,
    "Lanczos": Image.Resampling.LANCZOS,
    "Nearest": Image.Resampling.NEAREST,
}
#: Latent modes, with the arguments of torch's `interpolate`.
LATENT_MODES: Final[Mapping[str, Mapping[str, Any]]] = {
    "Latent": {"mode": "bilinear", "antialias": False},
    "Latent (antialiased)": {"mode": "bilinear", "antialias": True},
    "Latent (bicubic)": {"mode": "bicubic", "antialias": False},
    "Latent (bicubic antialiased)": {"mode": "bicubic", "antialias": True},
    "Latent (nearest)": {"mode": "nearest"},
    "Latent (nearest-exact)": {"mode": "nearest-exact"},
}
#: Sides of enlarged pictures are cut to multiples of this, as the Web UI does.
_SIDE_STEP: Final = 8


def answer() -> list[dict[str, Any]]:
    """Return the answer of `upscalers`: only those that work here."""
    return [
        {"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": 4.0} for name in _RESAMPLING
    ]


def exact_name(name: str) -> str | None:
    """Return the name of the upscaler that is called so in any case of letters."""
    return next((known for known in _RESAMPLING if known.lower() == name.lower()), None)


def check_hires_upscaler(name: str) -> None:
    """Raise what the Web UI raises for a second pass with an unknown upscaler."""
    if name not in LATENT_MODES and name not in _RESAMPLING:
        raise WebUiError("Exception", f"could not find upscaler named {name}")


def enlarge(image: Image.Image, *, upscaler: str, factor: float) -> Image.Image:
    """Return the picture `factor` times as large; the upscaler None leaves it as it is."""
    if upscaler not in _RESAMPLING:
        raise WebUiError("AssertionError", f"could not find upscaler named {upscaler}")
    method = _RESAMPLING[upscaler]
    if method is None:
        return image
    sides = [max(_SIDE_STEP, int(side * factor) // _SIDE_STEP * _SIDE_STEP) for side in image.size]
    return image.resize((sides[0], sides[1]), method)
