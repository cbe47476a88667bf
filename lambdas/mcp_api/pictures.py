"""Pictures in the size that assistants take: a large one is scaled down, because models refuse or shrink it anyway."""

import io
from typing import Final

from PIL import Image

from contract.picture_formats import detect_format

#: Pixels of the longer side, beyond which assistants scale a picture themselves.
MAX_SIDE: Final = 1024
#: Bytes of a picture, of which base64 makes 1 MiB, a common limit of assistants.
MAX_BYTES: Final = 768 * 1024
#: Pixels of a picture that is scaled. Beyond them its memory would exceed that of the function.
MAX_PIXELS: Final = 64_000_000
#: Formats that assistants read.
_SHOWN_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
#: Qualities of JPEG, the first of which is used that fits.
_QUALITIES: Final = (85, 60, 30)


def content_type_of(data: bytes) -> str:
    """Return the type of a file by its content."""
    found = detect_format(data)
    return found.content_type if found and found.content_type else "application/octet-stream"


def scaled_down(data: bytes) -> tuple[bytes, str] | None:
    """Return a picture that an assistant can read, and its type; None for what is no picture, or too large to scale."""
    try:
        picture = Image.open(io.BytesIO(data))
    except (OSError, ValueError, Image.DecompressionBombError):
        return None
    if picture.width * picture.height > MAX_PIXELS:
        return None
    content_type = content_type_of(data)
    if len(data) <= MAX_BYTES and max(picture.size) <= MAX_SIDE and content_type in _SHOWN_TYPES:
        return data, content_type
    try:
        picture.draft("RGB", (MAX_SIDE, MAX_SIDE))
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
        colours = picture.convert("RGB")
    except (OSError, ValueError):
        return None
    made = b""
    for quality in _QUALITIES:
        buffer = io.BytesIO()
        colours.save(buffer, "JPEG", quality=quality)
        made = buffer.getvalue()
        if len(made) <= MAX_BYTES:
            break
    return made, "image/jpeg"
