"""Pictures of the demo: its input picture, and the contact sheet of its outputs."""

import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

#: Pixels; the documented requests ask for 512 by 512.
INPUT_SIZE: Final = 512
_TILE: Final = 256
#: Height of a line of a caption, its lines of a prompt, and the characters of each.
_LINE: Final = 17
_PROMPT_LINES: Final = 2
_LINE_CHARACTERS: Final = 42
_MARGIN: Final = 12
_COLUMNS: Final = 4


@dataclass(frozen=True)
class ShownImage:
    """Image of the contact sheet with what is written under it."""

    path: Path
    prompt: str
    description: str

    @property
    def caption(self) -> list[str]:
        """The lines under the image."""
        prompt = textwrap.wrap(self.prompt, _LINE_CHARACTERS, max_lines=_PROMPT_LINES, placeholder=" …")
        return [*prompt, self.description]


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


def save_contact_sheet(images: Sequence[ShownImage], path: Path) -> None:
    """Save one picture that shows all images, each above its prompt and its description."""
    columns = min(_COLUMNS, len(images))
    rows = math.ceil(len(images) / columns)
    cell = (_TILE + _MARGIN, _TILE + (_PROMPT_LINES + 1) * _LINE + _MARGIN)
    sheet = Image.new("RGB", (columns * cell[0] + _MARGIN, rows * cell[1] + _MARGIN), (24, 24, 28))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=13)
    for number, image in enumerate(images):
        left = _MARGIN + (number % columns) * cell[0]
        top = _MARGIN + (number // columns) * cell[1]
        with Image.open(image.path) as picture:
            tile = picture.convert("RGB")
            tile.thumbnail((_TILE, _TILE))
        sheet.paste(tile, (left, top))
        for line, text in enumerate(image.caption):
            light = (235, 235, 235) if line < len(image.caption) - 1 else (150, 150, 160)
            draw.text((left, top + _TILE + 3 + line * _LINE), text, fill=light, font=font)
    sheet.save(path)
