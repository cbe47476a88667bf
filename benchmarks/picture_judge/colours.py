"""Names of colours in a picture, by their distance in the Lab colour space."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

#: sRGB values that people call by each name. Several for a name, because "green" is leaf, lime and emerald.
_NAMED: Final[Mapping[str, Sequence[tuple[int, int, int]]]] = {
    "red": ((255, 0, 0), (220, 40, 40), (170, 25, 30)),
    "orange": ((255, 140, 0), (240, 130, 40), (250, 165, 60)),
    "yellow": ((255, 255, 0), (250, 215, 40), (235, 200, 90)),
    "green": ((0, 128, 0), (50, 170, 70), (40, 220, 40), (120, 190, 80)),
    "blue": ((0, 0, 255), (50, 100, 220), (30, 50, 140), (120, 170, 240)),
    "purple": ((128, 0, 128), (130, 60, 180), (150, 90, 200)),
    "pink": ((255, 105, 180), (245, 150, 190), (255, 192, 203)),
    "brown": ((139, 69, 19), (130, 85, 50), (90, 55, 30)),
    "white": ((255, 255, 255), (235, 235, 235)),
    "grey": ((128, 128, 128), (180, 180, 180)),
    "black": ((0, 0, 0), (40, 40, 40)),
}
COLOURS: Final = tuple(_NAMED)
#: Linear RGB to XYZ, and the white point of D65: the definition of sRGB.
_TO_XYZ: Final = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE: Final = np.array([0.9505, 1.0, 1.089])


def lab(rgb: Pixels) -> Floats:
    """Return sRGB values, in the last axis, as CIE Lab."""
    share = rgb.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 - of sRGB
    ratio = linear @ _TO_XYZ.T / _WHITE
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


_ANCHORS: Final = lab(np.array([rgb for values in _NAMED.values() for rgb in values], dtype=np.uint8))
_NAME_OF_ANCHOR: Final = np.array([number for number, values in enumerate(_NAMED.values()) for _ in values])


def colour_numbers(pixels: Floats) -> NDArray[np.intp]:
    """Return the number, in COLOURS, of the colour nearest to each Lab value."""
    # The square of the distance without the part that is the same for all anchors.
    distances = (_ANCHORS**2).sum(axis=-1) - 2 * pixels @ _ANCHORS.T
    nearest: NDArray[np.intp] = _NAME_OF_ANCHOR[np.argmin(distances, axis=-1)]
    return nearest
