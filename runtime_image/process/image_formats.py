"""Check that pictures and films have their end; no file is unpacked."""

import struct
from typing import Final

#: The last chunk of a PNG, its checksum included.
_PNG_END: Final = b"IEND\xaeB`\x82"
#: JPEG's markers before the compressed data, within which the second cannot occur, and at the end.
_JPEG_SCAN, _JPEG_END = b"\xff\xda", b"\xff\xd9"
#: The end of the last picture's data, and the trailer.
_GIF_END: Final = b"\0;"
#: Bytes of the head of a RIFF file (name and size), and of a box of an ISO media file.
_HEAD_BYTES: Final = 8
#: Sizes of a box that mean: 64 bits behind the head, and up to the end of the file.
_LONG_BOX, _LAST_BOX = 1, 0


def is_whole(data: bytes, extension: str) -> bool:
    """Return True if a file of a known kind has its end, as far as its format defines one.

    Bytes that a program has put behind a recognizable end do not matter.
    """
    match extension:
        case "png":
            return b"IDAT" in data and data.rfind(_PNG_END) > 0
        case "jpg":
            return 0 < data.find(_JPEG_SCAN) < data.rfind(_JPEG_END)
        case "gif":
            return data.endswith(_GIF_END)
        case "webp":
            size = int.from_bytes(data[4:_HEAD_BYTES], "little")
            # The name of the format is within the size.
            return len("WEBP") < size <= len(data) - _HEAD_BYTES
        case "avif" | "mp4":
            return _has_whole_boxes(data)
    # WebM may be written as a stream, whose end is nowhere marked.
    return True


def _has_whole_boxes(data: bytes) -> bool:
    """Walk through the boxes of an ISO media file; there must be its description and its data among them."""
    at, names = 0, set()
    while at + _HEAD_BYTES <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if size == _LONG_BOX and at + 2 * _HEAD_BYTES <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + _HEAD_BYTES)
        elif size == _LAST_BOX:
            size = len(data) - at
        if size < _HEAD_BYTES:
            return False
        names.add(data[at + 4 : at + _HEAD_BYTES])
        at += size
    return at == len(data) and b"mdat" in names and not names.isdisjoint({b"meta", b"moov"})
