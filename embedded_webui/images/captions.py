"""Captions for `interrogate`. The real Web UI downloads models for them; here a caption names the main colours."""

from typing import Final

from PIL import Image

#: Colours that a caption knows.
_COLOURS: Final = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "red": (220, 30, 30),
    "orange": (240, 140, 30),
    "yellow": (240, 220, 50),
    "green": (50, 160, 60),
    "turquoise": (60, 200, 190),
    "blue": (50, 80, 210),
    "purple": (130, 60, 180),
    "pink": (240, 130, 190),
    "brown": (120, 75, 40),
}
#: Side in pixels of the small copy whose pixels are counted.
_SIDE: Final = 32
#: Colours that a caption names at most.
_MAX_NAMED: Final = 3
#: Part of the image that a colour must cover to be named.
_MIN_SHARE: Final = 0.08


def main_colours(image: Image.Image) -> list[str]:
    """Return the names of the main colours, the largest area first."""
    small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    counts = dict.fromkeys(_COLOURS, 0)
    for count, pixel in small.getcolors(_SIDE * _SIDE) or ():
        if isinstance(pixel, tuple):
            counts[min(_COLOURS, key=lambda name: _distance(_COLOURS[name], pixel))] += count
    ranked = sorted(counts, key=lambda name: -counts[name])
    return ranked[:1] + [name for name in ranked[1:_MAX_NAMED] if counts[name] >= _MIN_SHARE * _SIDE * _SIDE]


def caption(image: Image.Image) -> str:
    """Return a sentence, as the model "clip" answers."""
    *others, last = main_colours(image)
    return f"a picture in {', '.join(others)} and {last}" if others else f"a picture in {last}"


def _distance(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    return sum((one - other) ** 2 for one, other in zip(first, second, strict=True))
