"""Formats of the files that senders give and engines make, detected from their first bytes.

The content type that a sender or a server names does not matter, because it is often wrong.
"""

from typing import Final, NamedTuple

from contract.errors import DarkroomError


class UnusablePicture(DarkroomError):
    """Raised for an input that the Web UI cannot be given; the message says why."""

    code = "unusable_picture"


class FileFormat(NamedTuple):
    """A format, with the name that errors show."""

    name: str
    #: Without dot; empty for a format that no engine makes and no task may bring.
    extension: str = ""
    content_type: str = ""


_PNG: Final = FileFormat("PNG", "png", "image/png")
_JPEG: Final = FileFormat("JPEG", "jpg", "image/jpeg")
_WEBP: Final = FileFormat("WebP", "webp", "image/webp")
_GIF: Final = FileFormat("GIF", "gif", "image/gif")
_BMP: Final = FileFormat("BMP", "bmp", "image/bmp")
_TIFF: Final = FileFormat("TIFF", "tiff", "image/tiff")
_HEIC: Final = FileFormat("HEIC")
_AVIF: Final = FileFormat("AVIF", "avif", "image/avif")
_MP4: Final = FileFormat("an MP4 video", "mp4", "video/mp4")
_JPEG_XL: Final = FileFormat("JPEG XL")
_JPEG_2000: Final = FileFormat("JPEG 2000")
#: Formats that a task may bring. Every SD Web UI reads them; Pillow knows more, some of which start other programs.
INPUT_FORMATS: Final = (_PNG, _JPEG, _WEBP, _GIF, _BMP, _TIFF)
#: Place and value of the byte of a PNG that says that its pixels are RGBA.
_RGBA: Final = (25, b"\6")
#: Bytes at the beginning of a file that decide its format; an SVG may have a long comment first.
HEAD_BYTES: Final = 1024
_NAMES: Final = [known.name for known in INPUT_FORMATS]
_ACCEPTED: Final = f"{', '.join(_NAMES[:-1])} and {_NAMES[-1]} are accepted"

#: Place and value of the bytes that mark a format.
_SIGNATURES: Final = (
    (0, b"\x89PNG\r\n\x1a\n", _PNG),
    (0, b"\xff\xd8\xff", _JPEG),
    (0, b"GIF87a", _GIF),
    (0, b"GIF89a", _GIF),
    (8, b"WEBP", _WEBP),
    (0, b"BM", _BMP),
    (0, b"II*\0", _TIFF),
    (0, b"MM\0*", _TIFF),
    (0, b"\x1aE\xdf\xa3", FileFormat("a WebM video", "webm", "video/webm")),
    (8, b"AVI ", FileFormat("an AVI video")),
    (0, b"\xff\x0a", _JPEG_XL),
    (4, b"JXL \r\n", _JPEG_XL),
    (4, b"jP  \r\n", _JPEG_2000),
    (0, b"\xff\x4f\xff\x51", _JPEG_2000),
    (0, b"8BPS", FileFormat("PSD")),
    (0, b"%PDF-", FileFormat("a PDF document")),
    (0, b"%!PS", FileFormat("EPS")),
    (0, b"\0\0\1\0", FileFormat("an icon (ICO)")),
    (0, b"\x76\x2f\x31\x01", FileFormat("OpenEXR")),
    (0, b"PK\3\4", FileFormat("a ZIP archive")),
    (0, b"\x1f\x8b", FileFormat("packed with gzip")),
)
#: The word behind size and `ftyp` of an ISO media file; other words are those of videos.
_BRANDS: Final = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    b"crx ": FileFormat("a camera's raw file (CR3)"),
    b"qt  ": FileFormat("a QuickTime video"),
}
#: First words of files that are text, in small letters.
_TEXTS: Final = (
    (b"<!doctype html", FileFormat("an HTML page")),
    (b"<html", FileFormat("an HTML page")),
    (b"<svg", FileFormat("SVG")),
    (b"<", FileFormat("an XML document")),
    (b"{", FileFormat("a JSON document")),
)


def detect_format(data: bytes) -> FileFormat | None:
    """Return the format of a file by its first bytes, None if it is unknown."""
    for place, signature, known in _SIGNATURES:
        if data.startswith(signature, place):
            return known
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], _MP4)
    text = data[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in text:
        return FileFormat("SVG")
    return next((known for word, known in _TEXTS if text.startswith(word)), None)


def is_rgba_png(data: bytes) -> bool:
    """Return True if a file is a PNG whose pixels are RGBA."""
    place, value = _RGBA
    return detect_format(data) is _PNG and data.startswith(value, place)


def check_input_format(data: bytes) -> None:
    """Raise UnusablePicture unless a file has the beginning of a picture that tasks may bring."""
    if not data:
        raise UnusablePicture("it is empty")
    found = detect_format(data)
    if found not in INPUT_FORMATS:
        raise UnusablePicture(f"it is {found.name if found else 'not a picture'}; {_ACCEPTED}")
