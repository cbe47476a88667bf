"""PNG images of the stub, made without an image library, so that encoding costs next to no CPU."""

import random
import struct
import zlib
from collections.abc import Iterable
from typing import Final

#: Bytes of a pixel: red, green, blue.
_CHANNELS: Final = 3
_EIGHT_BIT_RGB: Final = struct.pack(">BBBBB", 8, 2, 0, 0, 0)
_ONE_COLOUR: Final = b"\x80\x40\x20"


def plain_png(text: str, *, width: int = 8, height: int = 8) -> bytes:
    """Return a PNG of one colour with `text` in its `parameters` chunk."""
    rows = [b"\0" + _ONE_COLOUR * width] * height
    return _png(rows, width, height, _chunk(b"tEXt", b"parameters\0" + text.encode("latin-1", "replace")))


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


def _png(rows: Iterable[bytes], width: int, height: int, text_chunk: bytes = b"") -> bytes:
    header = struct.pack(">II", width, height) + _EIGHT_BIT_RGB
    pixels = zlib.compress(b"".join(rows), level=1)
    chunks = (_chunk(b"IHDR", header), text_chunk, _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
