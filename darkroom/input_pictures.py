"""Input pictures of a task: bytes, files and PIL's images become links to uploads, wherever a content holds them."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, TypeAlias, runtime_checkable

from darkroom.errors import UnusableInput
from darkroom.operation import Operation


@runtime_checkable
class SavesItself(Protocol):
    """An image of PIL, which need not be installed."""

    def save(self, fp: io.BytesIO, format: str) -> None:  # noqa: A002 - PIL's name
        """Write the image."""


#: What a caller may give as a picture: its bytes, its file, PIL's image, or a link or base64 as text.
PictureInput: TypeAlias = bytes | Path | SavesItself | str

#: First bytes of the pictures that can be uploaded, and where they begin.
_SIGNATURES: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
    (0, b"GIF8", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
)

#: Stores a picture of a content type, and returns its link.
Upload = Callable[[bytes, str], Operation[str]]


def with_uploads(value: object, upload: Upload, *, place: str = "content") -> Operation[object]:
    """Return a value of a content with links in place of the pictures inside it."""
    if isinstance(value, bytes | Path | SavesItself):
        data = _data_of(value, place)
        return (yield from upload(data, _content_type(data, value if isinstance(value, Path) else place)))
    if isinstance(value, Mapping):
        found: dict[str, object] = {}
        for name, inner in value.items():
            found[name] = yield from with_uploads(inner, upload, place=f"{place}.{name}")
        return found
    if isinstance(value, list | tuple):
        items: list[object] = []
        for index, inner in enumerate(value):
            items.append((yield from with_uploads(inner, upload, place=f"{place}[{index}]")))
        return items
    return value


def _data_of(picture: bytes | Path | SavesItself, place: str) -> bytes:
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, Path):
        return picture.read_bytes()
    buffer = io.BytesIO()
    try:
        picture.save(buffer, format="PNG")
    except (OSError, TypeError, ValueError) as error:
        # PNG has no CMYK, for example, and a FetchedPicture saves itself in another way.
        raise UnusableInput(
            f"{place} cannot be written as PNG ({error}); convert it to RGB or give its bytes"
        ) from None
    return buffer.getvalue()


def _content_type(data: bytes, place: object) -> str:
    for offset, signature, content_type in _SIGNATURES:
        if data.startswith(signature, offset):
            return content_type
    raise UnusableInput(f"{place} is not a picture; give a PNG, JPEG, WebP, GIF, BMP or TIFF")
