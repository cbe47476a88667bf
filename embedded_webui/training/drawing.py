"""Drawings of scenes as coloured polygons, in three styles."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from embedded_webui.training.scenes import COLOURS, DEFAULT_BACKGROUND, DrawnScene, SceneObject

Point: TypeAlias = tuple[float, float]
Colour: TypeAlias = tuple[int, int, int]

#: Styles: filled areas; pale areas on a blackboard; black outlines on paper.
STYLES: Final = ("flat", "chalk", "ink")
#: Pixels that are drawn for one pixel of the image, along each side.
_SUPERSAMPLING: Final = 2
_BLACKBOARD: Final = (38, 52, 46)
_PAPER: Final = (246, 243, 232)
_INK: Final = (20, 20, 28)
#: Width of a line in radii of its object.
_LINE: Final = 0.16
#: Part of white in the colours of chalk, and of the background's colour in the blackboard or paper.
_CHALK: Final = 0.45
_TINT: Final = 0.3

_BLACK: Final = (15, 15, 15)
_WHITE: Final = (250, 250, 250)
_BROWN: Final = (120, 75, 40)
_PINK: Final = (245, 130, 150)
_DEFAULTS: Final = {
    "cat": (245, 150, 60),
    "dog": (165, 105, 60),
    "wizard hat": (90, 50, 160),
    "tree": (40, 140, 60),
    "sun": (250, 215, 40),
    "house": (215, 90, 70),
    "boat": (190, 50, 45),
    "ocean": (30, 100, 200),
    "flower": (235, 80, 140),
    "fish": (50, 110, 220),
}


@dataclass(frozen=True)
class Part:
    """One polygon of a drawing, in units of the object's radius around its centre."""

    colour: Colour
    points: Sequence[Point]


def draw(scene: DrawnScene, *, width: int, height: int, style: str = "flat") -> NDArray[np.uint8]:
    """Return the picture of a scene as [height, width, 3]."""
    size = (width * _SUPERSAMPLING, height * _SUPERSAMPLING)
    picture = _background(scene, size, style)
    pen = ImageDraw.Draw(picture)
    for item in scene.objects:
        radius = item.radius * min(size)
        for part in _parts(item):
            points = [(item.x * size[0] + x * radius, item.y * size[1] + y * radius) for x, y in part.points]
            if style == "ink":
                pen.line([*points, points[0]], fill=_INK, width=max(2, round(_LINE * radius)), joint="curve")
            else:
                pen.polygon(points, fill=_mix(part.colour, _WHITE, _CHALK) if style == "chalk" else part.colour)
    return np.asarray(picture.reduce(_SUPERSAMPLING))


def _background(scene: DrawnScene, size: tuple[int, int], style: str) -> Image.Image:
    colours = [COLOURS[name] for name in scene.background] or [DEFAULT_BACKGROUND]
    if style != "flat":
        base = _BLACKBOARD if style == "chalk" else _PAPER
        tint = _TINT if scene.background else 0.0
        colours = [_mix(base, colour, tint) for colour in colours]
    picture = Image.new("RGB", size, colours[0])
    if len(colours) > 1:
        picture.paste(Image.new("RGB", size, colours[1]), mask=Image.linear_gradient("L").resize(size))
    return picture


def _mix(first: Colour, second: Colour, part: float) -> Colour:
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _parts(item: SceneObject) -> Iterator[Part]:
    colour = COLOURS[item.colour] if item.colour else _DEFAULTS.get(item.kind, _BLACK)
    if item.kind in _OUTLINES:
        yield Part(colour, _OUTLINES[item.kind])
    else:
        yield from _DRAWINGS[item.kind](colour)
    if item.wears_hat:
        hat = _DEFAULTS["wizard hat"]
        yield from (Part(part.colour, _moved(part.points, (0.0, -0.86), 0.55)) for part in _hat(hat))


def _moved(points: Sequence[Point], centre: Point, scale: float) -> list[Point]:
    return [(centre[0] + x * scale, centre[1] + y * scale) for x, y in points]


def _oval(x: float, y: float, width: float, height: float | None = None) -> list[Point]:
    angles = [math.tau * number / 28 for number in range(28)]
    return [(x + width * math.cos(angle), y + (height or width) * math.sin(angle)) for angle in angles]


def _spikes(count: int, inner: float, outer: float = 1.0) -> list[Point]:
    radii = [outer, inner] * count
    angles = [math.pi * number / count - math.pi / 2 for number in range(2 * count)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for radius, angle in zip(radii, angles, strict=True)]


def _heart() -> list[Point]:
    angles = [math.tau * number / 40 for number in range(40)]
    return [
        (
            math.sin(angle) ** 3,
            -(13 * math.cos(angle) - 5 * math.cos(2 * angle) - 2 * math.cos(3 * angle) - math.cos(4 * angle)) / 16,
        )
        for angle in angles
    ]


def _ring() -> list[Point]:
    outer, inner = _oval(0, 0, 1.0), _oval(0, 0, 0.52)
    return [*outer, outer[0], inner[0], *reversed(inner)]


def _cross() -> list[Point]:
    arm, end = 0.32, 0.98
    corner = [(-arm, -end), (arm, -end), (arm, -arm), (end, -arm)]
    return [
        *corner,
        *((x, -y) for x, y in reversed(corner)),
        *((-x, -y) for x, y in corner),
        *((-x, y) for x, y in reversed(corner)),
    ]


def _cat(colour: Colour) -> Iterator[Part]:
    for side in (-1, 1):
        yield Part(colour, [(side * 0.88, -1.0), (side * 0.92, 0.0), (side * 0.12, -0.55)])
    yield Part(colour, _oval(0, 0.15, 0.95, 0.8))
    for side in (-1, 1):
        yield Part(_BLACK, _oval(side * 0.4, 0.0, 0.17, 0.24))
    yield Part(_PINK, [(-0.22, 0.28), (0.22, 0.28), (0.0, 0.56)])


def _dog(colour: Colour) -> Iterator[Part]:
    dark = _mix(colour, _BLACK, 0.5)
    yield Part(colour, _oval(0, 0, 0.74, 0.86))
    for side in (-1, 1):
        yield Part(dark, _oval(side * 0.76, -0.05, 0.25, 0.62))
        yield Part(_BLACK, _oval(side * 0.3, -0.22, 0.14, 0.19))
    yield Part(_mix(colour, _WHITE, 0.7), _oval(0, 0.4, 0.46, 0.38))
    yield Part(_BLACK, _oval(0, 0.26, 0.23, 0.16))


def _hat(colour: Colour) -> Iterator[Part]:
    yield Part(colour, [(-0.62, 0.65), (0.15, -1.0), (0.62, 0.65)])
    yield Part(colour, _oval(0, 0.68, 1.0, 0.24))
    yield Part((250, 215, 40), _moved(_spikes(5, 0.45), (0.06, 0.1), 0.28))


def _tree(colour: Colour) -> Iterator[Part]:
    yield Part(_BROWN, [(-0.17, 0.2), (0.17, 0.2), (0.22, 1.0), (-0.22, 1.0)])
    for x, y in ((-0.4, -0.05), (0.4, -0.05), (0.0, -0.45)):
        yield Part(colour, _oval(x, y, 0.52))


def _sun(colour: Colour) -> Iterator[Part]:
    yield Part(colour, _spikes(10, 0.62))
    yield Part(_mix(colour, (255, 120, 0), 0.25), _oval(0, 0, 0.56))


def _house(colour: Colour) -> Iterator[Part]:
    yield Part(colour, [(-0.75, -0.1), (0.75, -0.1), (0.75, 0.95), (-0.75, 0.95)])
    yield Part(_BROWN, [(-1.0, -0.1), (0.0, -1.0), (1.0, -0.1)])
    yield Part((70, 45, 30), [(-0.5, 0.35), (-0.12, 0.35), (-0.12, 0.95), (-0.5, 0.95)])
    yield Part((160, 215, 245), [(0.15, 0.2), (0.55, 0.2), (0.55, 0.58), (0.15, 0.58)])


def _boat(colour: Colour) -> Iterator[Part]:
    yield Part(_BROWN, [(-0.08, -0.95), (0.04, -0.95), (0.04, 0.4), (-0.08, 0.4)])
    yield Part(_WHITE, [(0.1, -0.9), (0.8, 0.2), (0.1, 0.2)])
    yield Part(colour, [(-1.0, 0.35), (1.0, 0.35), (0.65, 0.9), (-0.65, 0.9)])


def _ocean(colour: Colour) -> Iterator[Part]:
    for row, part in enumerate((0.0, 0.25, 0.0, 0.25)):
        top = -0.35 + 0.45 * row
        wave = [(x / 5, top + 0.11 * math.sin(x * 1.3 + row * 2)) for x in range(-25, 26)]
        yield Part(_mix(colour, _WHITE, part), [*wave, (5.0, 5.0), (-5.0, 5.0)])


def _flower(colour: Colour) -> Iterator[Part]:
    yield Part((40, 140, 60), [(-0.07, 0.0), (0.07, 0.0), (0.07, 1.0), (-0.07, 1.0)])
    yield Part((40, 140, 60), _oval(0.3, 0.68, 0.28, 0.13))
    for number in range(5):
        angle = math.tau * number / 5 - math.pi / 2
        yield Part(colour, _oval(0.4 * math.cos(angle), -0.3 + 0.4 * math.sin(angle), 0.32))
    yield Part((250, 215, 40), _oval(0, -0.3, 0.26))


def _fish(colour: Colour) -> Iterator[Part]:
    yield Part(_mix(colour, _BLACK, 0.3), [(0.45, 0.0), (1.0, -0.55), (1.0, 0.55)])
    yield Part(colour, _oval(-0.15, 0, 0.82, 0.5))
    yield Part(_WHITE, _oval(-0.58, -0.12, 0.15))
    yield Part(_BLACK, _oval(-0.6, -0.12, 0.08))


_OUTLINES: Final = {
    "circle": _oval(0, 0, 0.95),
    "square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)],
    "triangle": [(0.0, -0.95), (1.0, 0.8), (-1.0, 0.8)],
    "star": _spikes(5, 0.5),
    "heart": _heart(),
    "ring": _ring(),
    "cross": _cross(),
}
_DRAWINGS: Final = {
    "cat": _cat,
    "dog": _dog,
    "wizard hat": _hat,
    "tree": _tree,
    "sun": _sun,
    "house": _house,
    "boat": _boat,
    "ocean": _ocean,
    "flower": _flower,
    "fish": _fish,
}
