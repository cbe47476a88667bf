"""Pictures that try the judge of pictures: drawn by hand, clean or disturbed."""

import io
import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

RGB = tuple[int, int, int]
SIDE: Final = 512
#: Other values than those by which the judge names colours.
PAINTS: Final[Mapping[str, RGB]] = {
    "red": (205, 30, 45),
    "orange": (245, 150, 45),
    "yellow": (245, 225, 60),
    "green": (35, 150, 60),
    "blue": (40, 80, 200),
    "purple": (120, 45, 160),
    "pink": (250, 130, 190),
    "white": (240, 240, 240),
    "grey": (150, 150, 150),
    "black": (20, 20, 25),
    "brown": (125, 75, 35),
}


def draw_shape(canvas: Image.Image, shape: str, paint: RGB, *, x: float, y: float, radius: float) -> None:
    """Draw one shape around a point, in pixels."""
    draw, ground = ImageDraw.Draw(canvas), canvas.getpixel((int(x), int(y)))
    assert isinstance(ground, tuple)
    box = (x - radius, y - radius, x + radius, y + radius)
    match shape:
        case "circle":
            draw.ellipse(box, fill=paint)
        case "ring":
            draw.ellipse(box, fill=paint)
            hole = 0.52 * radius
            draw.ellipse((x - hole, y - hole, x + hole, y + hole), fill=ground)
        case "square":
            draw.rectangle(box, fill=paint)
        case "triangle":
            draw.polygon(((x, y - radius), (x - radius, y + 0.8 * radius), (x + radius, y + 0.8 * radius)), fill=paint)
        case "cross":
            draw.rectangle((x - radius, y - 0.32 * radius, x + radius, y + 0.32 * radius), fill=paint)
            draw.rectangle((x - 0.32 * radius, y - radius, x + 0.32 * radius, y + radius), fill=paint)
        case "star":
            tips = [(math.tau * number / 10, radius if number % 2 == 0 else 0.42 * radius) for number in range(10)]
            draw.polygon([(x + reach * math.sin(turn), y - reach * math.cos(turn)) for turn, reach in tips], fill=paint)
        case "heart":
            lobe = radius / 2
            for middle in (x - lobe, x + lobe):
                draw.ellipse((middle - 1.05 * lobe, y - radius, middle + 1.05 * lobe, y + 0.1 * radius), fill=paint)
            corners = ((x - radius, y - 0.35 * radius), (x + radius, y - 0.35 * radius), (x, y + radius))
            draw.polygon(corners, fill=paint)


def plain(ground: RGB = (235, 235, 225), *, size: tuple[int, int] = (SIDE, SIDE)) -> Image.Image:
    """Return an empty picture."""
    return Image.new("RGB", size, ground)


def gradient() -> Image.Image:
    """Return an empty picture that goes from light to dark blue."""
    steps = np.linspace(0, 1, SIDE)[:, None, None]
    rows = np.array([190, 215, 245]) * (1 - steps) + np.array([110, 140, 205]) * steps
    return Image.fromarray(np.broadcast_to(rows, (SIDE, SIDE, 3)).astype(np.uint8))


def one_shape(shape: str, colour: str, *, radius: float = 140, ground: RGB = (235, 235, 225)) -> Image.Image:
    """Return a picture of one shape, a little out of its middle."""
    picture = plain(ground)
    draw_shape(picture, shape, PAINTS[colour], x=270, y=240, radius=radius)
    return picture


def _blurred(picture: Image.Image) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(5))


def _wavy(picture: Image.Image) -> Image.Image:
    """Return the picture with each row and column moved by up to 5 pixels."""
    moves = (5 * np.sin(np.arange(SIDE) / 29)).astype(int)
    pixels = np.asarray(picture)
    moved = np.stack([np.roll(row, move, axis=0) for row, move in zip(pixels, moves, strict=True)])
    columns = [np.roll(moved[:, number], move, axis=0) for number, move in enumerate(moves)]
    return Image.fromarray(np.stack(columns, axis=1))


def _noisy(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 14, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def _mottled(picture: Image.Image) -> Image.Image:
    """Return the picture with pale spots, such as a small model leaves in what should be plain."""
    spots = Image.fromarray(np.random.default_rng(2).integers(0, 255, (8, 8, 3), dtype=np.uint8)).resize((SIDE, SIDE))
    return Image.blend(picture, spots, 0.09)


def _leaning(picture: Image.Image) -> Image.Image:
    return picture.rotate(12, resample=Image.Resampling.BICUBIC, fillcolor=(235, 235, 225))


def _squeezed(picture: Image.Image) -> Image.Image:
    return picture.resize((SIDE, round(SIDE * 0.85)))


def _small_jpeg(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.resize((192, 192)).save(file, "JPEG", quality=60)
    return Image.open(file)


DISTURBANCES: Final[Mapping[str, Callable[[Image.Image], Image.Image]]] = {
    "clean": lambda picture: picture,
    "blurred": _blurred,
    "wavy": _wavy,
    "noisy": _noisy,
    "mottled": _mottled,
    "leaning": _leaning,
    "squeezed": _squeezed,
    "small_jpeg": _small_jpeg,
}
