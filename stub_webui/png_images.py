"""PNG images of the stub. Generations are encoded without an image library, which costs next to no CPU."""

import base64
import io
import random
import struct
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from PIL import Image

from stub_webui.fields import decoded

#: Bytes of a pixel: red, green, blue.
_CHANNELS: Final = 3
_EIGHT_BIT_RGB: Final = struct.pack(">BBBBB", 8, 2, 0, 0, 0)
_BROWN: Final = b"\x80\x40\x20"
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: Bytes of the signature and of the IHDR chunk: length, name, 13 bytes of data and checksum.
_HEADER_BYTES: Final = len(_SIGNATURE) + 4 + 4 + 13 + 4


def plain_png(text: str, *, width: int = 8, height: int = 8, colour: bytes = _BROWN) -> bytes:
    """Return a PNG of one colour, three bytes, with `text` in its `parameters` chunk."""
    return with_text(_png([b"\0" + colour * width] * height, width, height), text)


def with_text(png: bytes, text: str) -> bytes:
    """Return the PNG with `text` in a `parameters` chunk after its header."""
    chunk = _chunk(b"tEXt", b"parameters\0" + text.encode("latin-1", "replace"))
    return png[:_HEADER_BYTES] + chunk + png[_HEADER_BYTES:]


def noisy_png(*, side_pixels: int, kilobytes: int) -> bytes:
    """Return a square PNG of about `kilobytes`: rows of noise, which does not compress, then empty rows.

    Raises:
        ValueError: if an image of this side cannot be that large.
    """
    row_bytes = side_pixels * _CHANNELS
    noisy_rows = kilobytes * 1000 // row_bytes
    if noisy_rows > side_pixels:
        raise ValueError(f"{kilobytes} KB is more than {side_pixels}x{side_pixels} pixels hold")
    noise = random.Random(0)  # noqa: S311 - the same image every time, no secret
    rows = [b"\0" + noise.randbytes(row_bytes) for _ in range(noisy_rows)]
    rows += [bytes(1 + row_bytes)] * (side_pixels - noisy_rows)
    return _png(rows, side_pixels, side_pixels)


def upscaled(image: str, request: Mapping[str, Any]) -> str:
    """Return a base64 image in the size that an upscaling request names; what is no image comes back as it is."""
    try:
        with Image.open(io.BytesIO(decoded(image) or b"")) as opened:
            scale = float(request.get("upscaling_resize") or 2)
            size = int(opened.width * scale), int(opened.height * scale)
            output = io.BytesIO()
            (opened if scale == 1 else opened.resize(size)).save(output, "PNG", compress_level=1)
    except (ValueError, OSError):
        return image
    return base64.b64encode(output.getvalue()).decode()


def text_of(image: object) -> str:
    """Return the `parameters` chunk of a base64 PNG; empty if the image has no text."""
    try:
        with Image.open(io.BytesIO(decoded(image) or b"")) as opened:
            return str(opened.info.get("parameters", ""))
    except (ValueError, OSError):
        return ""


def _png(rows: Iterable[bytes], width: int, height: int) -> bytes:
    header = struct.pack(">II", width, height) + _EIGHT_BIT_RGB
    pixels = zlib.compress(b"".join(rows), level=1)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    return _SIGNATURE + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
