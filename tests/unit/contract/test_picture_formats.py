"""Formats of files, detected from their first bytes, as senders of pictures meet them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.picture_formats import UnusablePicture, check_input_format, detect_format


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x89PNG\r\n\x1a\n...", "PNG"),
        (b"\xff\xd8\xff\xe0..", "JPEG"),
        (b"GIF89a..", "GIF"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "WebP"),
        (b"BM\0\0", "BMP"),
        (b"II*\0", "TIFF"),
        (b"MM\0*", "TIFF"),
        (b"\0\0\0\x18ftypheic\0\0", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0", "AVIF"),
        (b"\0\0\0\x20ftypisom....", "an MP4 video"),
        (b"\0\0\0\x14ftypqt  ....", "a QuickTime video"),
        (b"\x1aE\xdf\xa3....", "a WebM video"),
        (b"RIFF\0\0\0\0AVI LIST", "an AVI video"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\1", "PSD"),
        (b"%PDF-1.7", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
        (b"\0\0\1\0\1\0", "an icon (ICO)"),
        (b"PK\3\4", "a ZIP archive"),
        (b"\x1f\x8b\x08", "packed with gzip"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- drawn -->\n<svg/>", "SVG"),
        (b"\n<!DOCTYPE html><html>", "an HTML page"),
        (b"<HTML><svg/>", "an HTML page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (b'{"error": 404}', "a JSON document"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"hello", None),
        (b"", None),
    ],
)
def test_a_format_is_detected_from_its_first_bytes(data: bytes, name: str | None) -> None:
    found = detect_format(data)
    assert (found and found.name) == name
    if name not in {"PNG", "JPEG", "GIF", "WebP", "BMP", "TIFF"}:
        with pytest.raises(UnusablePicture, match="it is "):
            check_input_format(data)
    else:
        check_input_format(data)


@given(st.binary(max_size=64))
def test_nothing_else_is_raised(data: bytes) -> None:
    detect_format(data)
