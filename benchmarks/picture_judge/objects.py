"""Objects of a picture: connected regions of one colour in front of a plain or gradient background."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from benchmarks.picture_judge.colours import COLOURS, Floats, Pixels, colour_numbers, lab
from benchmarks.picture_judge.shapes import Mask, shape_of

#: Pixels of the longer side while a picture is judged.
_SIDE: Final = 224
#: Lab distance from the background at which a pixel belongs to an object. An eye sees a difference of 2.
_FOREGROUND_DISTANCE: Final = 12.0
#: Mean distance of a whole region below which it is texture of the background, and the same for a region whose colour
#: has the name of the background behind it.
_TEXTURE_DISTANCE: Final = 16.0
_SAME_NAME_DISTANCE: Final = 32.0
#: Part of the picture that the smallest object covers.
_MIN_AREA: Final = 0.006
#: Part of each side that the border takes, whose pixels show the background.
_BORDER: Final = 0.06
#: Pixels, odd, of the widest blurred edge.
_EDGE: Final = 7
#: Rounds in which the border's pixels that show an object are left out.
_FITS: Final = 4


@dataclass(frozen=True)
class FoundObject:
    """One object, with its centre and area as parts of the picture's sides and of its area.

    `contrast` is its mean distance from the background in Lab.
    """

    colour: str
    shape: str | None
    x: float
    y: float
    area: float
    contrast: float

    def __str__(self) -> str:
        return f"{self.colour} {self.shape or 'blob'} at {self.x:.2f}, {self.y:.2f}"


@dataclass(frozen=True)
class FoundScene:
    """What a picture shows; the largest object comes first."""

    background: str
    objects: tuple[FoundObject, ...]

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.objects[:4])) or 'nothing'} on {self.background}"


def find_objects(picture: Image.Image) -> FoundScene:
    """Return the objects of a picture."""
    small = picture.convert("RGB")
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    colours = np.asarray(small)
    pixels, background = lab(colours), lab(_background(colours))
    distance, behind = _distance(pixels, background), colour_numbers(background)
    named = np.where(distance > _FOREGROUND_DISTANCE, colour_numbers(pixels), len(COLOURS)).astype(np.uint8)
    # The blurred edge between two colours may have the name of a third one.
    numbers = np.asarray(Image.fromarray(named).filter(ImageFilter.ModeFilter(5)))
    found = []
    for number in set(np.unique(numbers)) - {len(COLOURS)}:
        for region in _regions(_opened(numbers == number)):
            contrast = float(distance[region].mean())
            is_like_ground = bool((behind[region] == number).mean() > 0.5)  # noqa: PLR2004 - most of it
            limit = _SAME_NAME_DISTANCE if is_like_ground else _TEXTURE_DISTANCE
            if contrast > limit and not _is_edge(region):
                found.append(_object(region, COLOURS[number], contrast))
    found.sort(key=lambda one: -one.area)
    return FoundScene(COLOURS[int(np.argmax(np.bincount(behind.ravel())))], tuple(found))


def _background(picture: Pixels) -> Pixels:
    """Return the colour of the background at each pixel: a plane through the border's colours."""
    height, width, _ = picture.shape
    y, x = np.mgrid[0:height, 0:width]
    terms = np.stack([np.ones((height, width)), x / width - 0.5, y / height - 0.5], axis=-1)
    margin = max(int(_BORDER * min(height, width)), 1)
    border = np.ones((height, width), dtype=bool)
    border[margin:-margin, margin:-margin] = False
    known, colours = terms[border], picture[border]
    kept = np.ones(len(known), dtype=bool)
    for _ in range(_FITS):
        plane = np.linalg.lstsq(known[kept], colours[kept], rcond=None)[0]
        misses = _distance(lab(colours), lab(_as_pixels(known @ plane)))
        # At least half of the border shows the background, although an object may reach it somewhere.
        kept = misses <= max(_FOREGROUND_DISTANCE, float(np.median(misses)))
    return _as_pixels(terms @ plane)


def _as_pixels(colours: Floats) -> Pixels:
    return np.clip(colours, 0, 255).astype(np.uint8)


def _distance(first: Floats, second: Floats) -> Floats:
    distance: Floats = np.linalg.norm(first - second, axis=-1)
    return distance


def _opened(mask: Mask) -> Mask:
    """Return the mask without parts that are thinner than three pixels."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.filter(ImageFilter.MinFilter(3)).filter(ImageFilter.MaxFilter(3))) > 0


def _is_edge(region: Mask) -> bool:
    """Return True if the region is as thin as the blurred edge of another one."""
    return not np.asarray(Image.fromarray(region.astype(np.uint8)).filter(ImageFilter.MinFilter(_EDGE))).any()


def _regions(mask: Mask) -> Iterator[Mask]:
    """Yield the connected regions of a mask that are large enough for an object."""
    labels: NDArray[np.int64] = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        spread = np.pad(labels, 1)
        neighbours = (spread[1:-1, :-2], spread[1:-1, 2:], spread[:-2, 1:-1], spread[2:, 1:-1])
        larger = np.maximum.reduce([labels, *neighbours])
        # A label is the number of a pixel of the same region, whose label may be larger still.
        larger = np.where(mask, larger.ravel()[larger - 1], 0)
        if np.array_equal(larger, labels):
            break
        labels = larger
    names, areas = np.unique(labels[mask], return_counts=True)
    for label in names[areas >= _MIN_AREA * mask.size]:
        yield labels == label


def _object(region: Mask, colour: str, contrast: float) -> FoundObject:
    rows, columns = np.nonzero(region)
    height, width = region.shape
    x, y = (columns.mean() + 0.5) / width, (rows.mean() + 0.5) / height
    return FoundObject(colour, shape_of(region), float(x), float(y), float(region.mean()), contrast)
