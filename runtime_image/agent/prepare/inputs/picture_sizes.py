"""Sizes of the pictures in a request whose links are replaced, each checked as a linked picture is."""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any

from contract.errors import FieldError, InvalidTask
from contract.work import Size
from guarded_http.errors import LinkRefused
from runtime_image.process.image_formats import is_encoded_picture


def encoded_pictures(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path, below `value`, and the text of each picture in base64."""
    match value:
        case dict():
            for key, item in value.items():
                yield from encoded_pictures(item, f"{path}.{key}" if path else key)
        case list():
            for index, item in enumerate(value):
                yield from encoded_pictures(item, f"{path}[{index}]")
        case str() if is_encoded_picture(value):
            yield path, value


def measure_pictures(body: dict[str, Any], path: str, check: Callable[[bytes], Size]) -> dict[str, Size]:
    """Return the sizes of the pictures in `body`, by paths below it; raises InvalidTask for one that cannot be used."""
    sizes = {}
    for field, text in encoded_pictures(body):
        try:
            sizes[field] = check(base64.b64decode(text.partition(",")[2] or text))
        except (binascii.Error, LinkRefused) as error:
            raise InvalidTask([FieldError(f"{path}.{field}", f"cannot be used: {error}")]) from None
    return sizes
