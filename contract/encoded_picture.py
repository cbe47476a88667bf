"""Pictures inside a request: base64 and data URLs in the forms that programs write them, read as plain base64.

The Web UI itself takes fewer forms. It fails on a data URL with a character set, and drops characters that are not
base64 silently.
"""

import base64
import re
from typing import Final
from urllib.parse import unquote

from contract.picture_formats import (
    HEAD_BYTES,
    INPUT_FORMATS,
    UnusablePicture,
    check_input_format,
    detect_format,
)

_DATA_URL: Final = "data:"
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]")
#: Characters of base64 below which a text is not a picture; the smallest PNG has 90.
_MIN_PICTURE_LENGTH: Final = 40
#: Characters of base64 that hold the head of a file, and a part of a text that surely holds so many.
_HEAD_LENGTH: Final = HEAD_BYTES // 3 * 4
_SEARCHED_LENGTH: Final = 2 * _HEAD_LENGTH


def read_encoded_picture(text: str) -> str:
    """Return the plain base64 of a picture; raises UnusablePicture.

    Blanks and line breaks may be anywhere in the text, `-` and `_` may replace `+` and `/`, and the padding may be
    missing. The type in a data URL does not matter.
    """
    plain = plain_base64(text)
    check_input_format(base64.b64decode(plain[:_HEAD_LENGTH]))
    return plain


def plain_base64(text: str) -> str:
    """Return base64 or a data URL as base64 without breaks, with its padding; raises UnusablePicture."""
    encoded = text.strip()
    if encoded[: len(_DATA_URL)].lower() == _DATA_URL:
        encoded = _data_of(encoded)
    # One call each, because a picture may have megabytes.
    bare = "".join(encoded.split()).rstrip("=").replace("-", "+").replace("_", "/")
    if found := _NOT_BASE64.search(bare):
        raise UnusablePicture(f"{found.group()!r} is not a character of base64")
    if len(bare) % 4 == 1:
        raise UnusablePicture(f"its base64 is cut off after {len(bare)} characters")
    return bare + "=" * (-len(bare) % 4)


def begins_as_picture(text: str) -> bool:
    """Return True if a text begins as a picture in base64 does, also where characters are not base64.

    The Web UI would drop those characters and use the rest.
    """
    if len(text) < _MIN_PICTURE_LENGTH:
        return False
    head = text[:_SEARCHED_LENGTH].strip()
    if head[: len(_DATA_URL)].lower() == _DATA_URL:
        head = head.partition(",")[2]
    bare = _NOT_BASE64.sub("", head.replace("-", "+").replace("_", "/"))
    return detect_format(base64.b64decode(bare[: len(bare) // 4 * 4])) in INPUT_FORMATS


def is_encoded_picture(text: str) -> bool:
    """Return True if a text is a picture in base64 and nothing else."""
    if not begins_as_picture(text):
        return False
    try:
        return bool(plain_base64(text))
    except UnusablePicture:
        return False


def _data_of(url: str) -> str:
    head, comma, data = url.partition(",")
    if not comma or "base64" not in [part.strip().lower() for part in head.split(";")[1:]]:
        raise UnusablePicture("it is a data URL without base64, which begins as `data:image/png;base64,` does")
    # A URL may write the signs of base64 as `%2B` and `%3D`.
    return unquote(data) if "%" in data else data
