"""Formats of pictures and films, detected from their bytes, and a check for their end; no file is unpacked."""

import base64
import binascii
import re
import struct
from typing import Final

#: First bytes of files, their extension and content type; the brand of ISO media files follows their size and `ftyp`.
_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (b"\xff\xd8\xff", "jpg", "image/jpeg"),
    (b"GIF87a", "gif", "image/gif"),
    (b"GIF89a", "gif", "image/gif"),
    (b"\x1aE\xdf\xa3", "webm", "video/webm"),
)
#: First bytes of files that are inputs of scripts, not outputs.
_INPUT_SIGNATURES: Final = (b"BM", b"II*\x00", b"MM\x00*")
#: Characters of base64 below which a text is not a picture; the smallest PNG has 90.
_MIN_PICTURE_LENGTH: Final = 40
#: Characters of base64 that are decoded to detect a format: 24 bytes.
_HEAD_LENGTH: Final = 32
#: Possessive: a text of megabytes without a match must be read only once.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=\s]*+", re.ASCII)
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
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


def detect_format(data: bytes) -> tuple[str, str] | None:
    """Return extension and content type of a picture or film, None if it is neither."""
    for signature, extension, content_type in _SIGNATURES:
        if data.startswith(signature):
            return extension, content_type
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp", "image/webp"
    if data[4:8] == b"ftyp":
        return ("avif", "image/avif") if data[8:12] in _AVIF_BRANDS else ("mp4", "video/mp4")
    return None


def is_encoded_picture(text: str) -> bool:
    """Return True if a text is a picture in base64, by its first bytes."""
    encoded = text.partition(",")[2] if text.startswith("data:image/") else text
    if len(encoded) < _MIN_PICTURE_LENGTH or not _BASE64.fullmatch(encoded):
        return False
    try:
        head = base64.b64decode("".join(encoded[: 2 * _HEAD_LENGTH].split())[:_HEAD_LENGTH])
    except binascii.Error:
        return False
    return detect_format(head) is not None or head.startswith(_INPUT_SIGNATURES)


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
