"""Pictures of the demo: its input picture, and the contact sheet of its outputs."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

#: Pixels; the documented requests ask for 512 by 512.
INPUT_SIZE: Final = 512
_TILE: Final = 256
_CAPTION: Final = 22
_MARGIN: Final = 12
_COLUMNS: Final = 4


def input_picture() -> bytes:
    """Return a PNG of a cat in the evening sun, drawn here because nothing may be downloaded."""
    dusk = Image.linear_gradient("L").resize((INPUT_SIZE, INPUT_SIZE))
    red, green, blue = dusk.point(lambda v: 90 + v // 2), dusk.point(lambda v: 60 + v // 3), dusk.point(lambda _: 120)
    picture = Image.merge("RGB", (red, green, blue))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((330, 50, 450, 170), fill=(255, 214, 120))
    fur, light = (70, 52, 48), (236, 205, 170)
    draw.ellipse((150, 290, 370, 560), fill=fur)
    draw.ellipse((160, 150, 350, 330), fill=fur)
    draw.polygon(((168, 215), (170, 100), (245, 165)), fill=fur)
    draw.polygon(((342, 215), (340, 100), (265, 165)), fill=fur)
    for x in (212, 298):
        draw.ellipse((x - 20, 210, x + 20, 250), fill=light)
        draw.ellipse((x - 7, 214, x + 7, 248), fill=(20, 20, 20))
    draw.polygon(((244, 268), (266, 268), (255, 282)), fill=light)
    for side in (-1, 1):
        for angle in (-0.25, 0.0, 0.25):
            start = (255 + side * 20, 285)
            draw.line((start, (start[0] + side * 90, start[1] + 90 * math.sin(angle))), fill=light, width=2)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def save_contact_sheet(pictures: Sequence[tuple[str, Path]], path: Path) -> None:
    """Save one picture that shows all `pictures`, each under its caption."""
    columns = min(_COLUMNS, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    cell = (_TILE + _MARGIN, _TILE + _CAPTION + _MARGIN)
    sheet = Image.new("RGB", (columns * cell[0] + _MARGIN, rows * cell[1] + _MARGIN), (24, 24, 28))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=13)
    for number, (caption, file) in enumerate(pictures):
        left = _MARGIN + (number % columns) * cell[0]
        top = _MARGIN + (number // columns) * cell[1]
        with Image.open(file) as picture:
            tile = picture.convert("RGB")
            tile.thumbnail((_TILE, _TILE))
        sheet.paste(tile, (left, top))
        draw.text((left, top + _TILE + 3), caption, fill=(230, 230, 230), font=font)
    sheet.save(path)
