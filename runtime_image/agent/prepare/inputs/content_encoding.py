"""Content encodings of linked pictures, which S3 and some servers send although none was asked for."""

import zlib
from typing import Final

from contract.picture_formats import INPUT_FORMATS, detect_format
from contract.upload import MAX_LINK_BYTES
from guarded_http.errors import LinkRefused

#: Encodings that leave the bytes as they are. Tools for S3 leave `aws-chunked` behind.
_PLAIN: Final = frozenset({"", "identity", "aws-chunked"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_DEFLATE: Final = "deflate"
#: Encodings of one body. A header has room for 20,000, each of which may unpack 50 MiB, and nothing interrupts that.
MAX_ENCODINGS: Final = 4
#: Members of one gzip body, each with its own head. 50 MiB have room for millions, each of which costs Python's time.
MAX_MEMBERS: Final = 16
#: Window of zlib for a gzip body. Python's module `gzip` would read the name in its head and the padding byte by byte.
_GZIP_WINDOW: Final = zlib.MAX_WBITS | 16


def too_large(max_bytes: int = MAX_LINK_BYTES) -> LinkRefused:
    """Return the error for a link that brings more than `max_bytes`."""
    return LinkRefused(f"it is larger than {max_bytes // (1024 * 1024)} MiB")


def unpack(data: bytes, encoding: str, *, max_bytes: int = MAX_LINK_BYTES) -> bytes:
    """Return the content of a body with this `Content-Encoding`; raises LinkRefused."""
    names = encoding.lower().split(",")
    if len(names) > MAX_ENCODINGS:
        raise LinkRefused(f"it has {len(names)} content encodings; {MAX_ENCODINGS} are accepted")
    for name in reversed(names):
        if detect_format(data) in INPUT_FORMATS:
            # Many programs write a wrong encoding, such as base64, for plain bytes.
            break
        data = _decode(data, name.strip(), max_bytes)
    return data


def _decode(data: bytes, name: str, max_bytes: int) -> bytes:
    if name in _PLAIN:
        return data
    if name not in _GZIP and name != _DEFLATE:
        raise LinkRefused(f"its content encoding is {name[:40]}; gzip, deflate and none are accepted")
    try:
        content = _gunzip(data, max_bytes) if name in _GZIP else _inflate(data, max_bytes)
    except (EOFError, zlib.error):
        raise LinkRefused(f"it is cut off or damaged: its content encoding is {name}, its bytes are not") from None
    if len(content) > max_bytes:
        raise too_large(max_bytes)
    return content


def _gunzip(data: bytes, max_bytes: int) -> bytes:
    content = b""
    for _ in range(MAX_MEMBERS):
        member = zlib.decompressobj(_GZIP_WINDOW)
        content += member.decompress(data, max_bytes + 1 - len(content))
        if len(content) > max_bytes:
            return content
        if not member.eof:
            raise EOFError
        data = member.unused_data.lstrip(b"\0")
        if not data:
            return content
    raise LinkRefused(f"it has more than {MAX_MEMBERS} gzip members; pack it as one")


def _inflate(data: bytes, max_bytes: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, max_bytes + 1)
    except zlib.error:
        # Some servers leave out the head of the format.
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, max_bytes + 1)
