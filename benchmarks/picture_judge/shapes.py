"""Shape of one object: the outline that its silhouette covers best, at the same width and height."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Mask = NDArray[np.bool_]
Points = Sequence[tuple[float, float]]

#: Pixels of the square to which a silhouette and the outlines are scaled.
_SIDE: Final = 48
#: Smallest overlap (intersection over union) that still is a shape.
_MIN_OVERLAP: Final = 0.72
#: Longest side over shortest: an ellipse is no circle, and a beam is no square.
_MAX_ELONGATION: Final = 1.45
#: Degrees by which a shape may lean.
_LEANS: Final = (0, -20, -10, 10, 20)


def shape_of(mask: Mask) -> str | None:
    """Return the name of the shape whose outline fits the silhouette best, or None if none fits."""
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    if max(height, width) > _MAX_ELONGATION * min(height, width):
        return None
    silhouette = _scaled(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    overlap = (_OUTLINES & silhouette).sum(axis=(1, 2)) / (_OUTLINES | silhouette).sum(axis=(1, 2))
    best = int(np.argmax(overlap))
    return _NAMES[best] if overlap[best] >= _MIN_OVERLAP else None


def _scaled(mask: Mask) -> Mask:
    image = Image.fromarray(mask.astype(np.uint8) * 255).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    return np.asarray(image) > 127  # noqa: PLR2004 - half of a pixel is covered


def _polygon(corners: Points, *, hole: Points = ()) -> Mask:
    """Return the silhouette of a polygon in units around 0, cropped to it."""
    large = 256
    canvas = Image.new("L", (large, large))
    draw = ImageDraw.Draw(canvas)
    for points, fill in ((corners, 255), (hole, 0)):
        if points:
            draw.polygon([(large / 2 + x * large / 3, large / 2 + y * large / 3) for x, y in points], fill=fill)
    return _scaled(np.asarray(canvas.crop(canvas.getbbox())) > 0)


def _around(radii: Sequence[float], *, corners: int, lean: float = 0.0) -> Points:
    """Return corners around the centre, the first at the top; the distances take turns."""
    angles = [2 * math.pi * number / corners + math.radians(lean) for number in range(corners)]
    return [
        (radii[number % len(radii)] * math.sin(angle), -radii[number % len(radii)] * math.cos(angle))
        for number, angle in enumerate(angles)
    ]


def _leaning(points: Points, lean: float) -> Points:
    sine, cosine = math.sin(math.radians(lean)), math.cos(math.radians(lean))
    return [(x * cosine - y * sine, x * sine + y * cosine) for x, y in points]


def _heart(depth: float) -> Points:
    """Return the classic curve of a heart; `depth` moves its notch."""
    turn = [2 * math.pi * number / 60 for number in range(60)]
    return [
        (math.sin(t) ** 3, -(13 * math.cos(t) - depth * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 16)
        for t in turn
    ]


def _cross(half: float) -> Points:
    corner = [(half, -1.0), (half, -half), (1.0, -half)]
    return [point for quarter in range(4) for point in _leaning(corner, 90 * quarter)]


def _outlines() -> Iterator[tuple[str, Mask]]:
    circle = _around([1.0], corners=60)
    yield "circle", _polygon(circle)
    for inner in (0.35, 0.45, 0.55, 0.65, 0.75):
        yield "ring", _polygon(circle, hole=[(x * inner, y * inner) for x, y in circle])
    for lean in _LEANS:
        yield "square", _polygon(_around([1.0], corners=4, lean=45 + lean))
        yield "triangle", _polygon(_around([1.0], corners=3, lean=lean))
        for inner in (0.38, 0.46, 0.54):
            yield "star", _polygon(_around([1.0, inner], corners=10, lean=lean))
        for depth in (4.0, 5.0, 6.5):
            yield "heart", _polygon(_leaning(_heart(depth), lean))
        for half in (0.22, 0.3, 0.38):
            yield "cross", _polygon(_leaning(_cross(half), lean))


_NAMES: Final = tuple(name for name, _ in _outlines())
_OUTLINES: Final = np.stack([outline for _, outline in _outlines()])
SHAPES: Final = tuple(dict.fromkeys(_NAMES))
