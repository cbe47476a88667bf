"""The picture that the stand-in Web UI answers with: a real PNG of a wanted size."""

import random
import struct
import zlib
from typing import Final

#: Bytes of a pixel: red, green, blue.
_CHANNELS: Final = 3
_EIGHT_BIT_RGB: Final = struct.pack(">BBBBB", 8, 2, 0, 0, 0)


def noisy_png(*, side_pixels: int, kilobytes: int) -> bytes:
    """Return a square PNG of about `kilobytes`: noise, which does not shrink, and below it nothing.

    Raises:
        ValueError: if a picture of this side cannot be that large.
    """
    row_bytes = side_pixels * _CHANNELS
    noisy_rows = kilobytes * 1000 // row_bytes
    if noisy_rows > side_pixels:
        raise ValueError(f"{kilobytes} KB is more than {side_pixels}x{side_pixels} pixels hold")
    noise = random.Random(0)  # noqa: S311 - the same picture every time, no secret
    rows = [b"\0" + noise.randbytes(row_bytes) for _ in range(noisy_rows)]
    rows += [bytes(1 + row_bytes)] * (side_pixels - noisy_rows)
    header = struct.pack(">II", side_pixels, side_pixels) + _EIGHT_BIT_RGB
    pixels = zlib.compress(b"".join(rows), level=1)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
