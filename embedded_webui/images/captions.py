"""Caption for `interrogate`. The real Web UI has models for it; here a caption names the main colours."""

from typing import Final

from PIL import Image, ImageColor

#: Side in pixels of the small copy whose pixels are counted.
_SIDE: Final = 32
#: Colours that a caption names at most.
_MAX_NAMED: Final = 3
#: Part of the image that a colour must cover to be named.
_MIN_SHARE: Final = 0.08


def caption(image: Image.Image) -> str:
    """Return a sentence with the main colours, the largest area first."""
    small = image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX).quantize(_MAX_NAMED).convert("RGB")
    colours = sorted(small.getcolors() or [], reverse=True)
    names = dict.fromkeys(_name(colour) for count, colour in colours if count >= _MIN_SHARE * _SIDE * _SIDE)
    return f"a picture in {' and '.join(', '.join(names).rsplit(', ', 1))}"


def _name(colour: object) -> str:
    pixel = colour if isinstance(colour, tuple) else ()
    distances = {
        name: sum((one - other) ** 2 for one, other in zip(ImageColor.getrgb(name), pixel, strict=True))
        for name in ImageColor.colormap
    }
    return min(distances, key=distances.__getitem__)
