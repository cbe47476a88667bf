"""Ends of pictures and films, by their bytes."""

import io

import pytest
from PIL import Image, features

from contract.picture_formats import detect_format
from runtime_image.process.image_formats import is_whole

#: What Pillow writes, and the extension that it gets here.
FORMATS = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"} | (
    {"AVIF": "avif"} if features.check("avif") else {}
)


def whole(kind: str) -> bytes:
    file = io.BytesIO()
    picture = Image.radial_gradient("L").resize((64, 48)).convert("RGB")
    picture.save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "extension"), FORMATS.items())
def test_a_picture_is_whole_up_to_its_last_byte_and_not_before(kind: str, extension: str) -> None:
    data = whole(kind)

    found = detect_format(data)
    assert found is not None
    assert (found.extension, found.content_type) == (extension, Image.MIME[kind])
    assert is_whole(data, extension)
    assert [length for length in range(12, len(data)) if is_whole(data[:length], extension)] == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_a_program_has_put_behind_a_picture_does_not_matter(kind: str) -> None:
    assert is_whole(whole(kind) + b"\0 a note", FORMATS[kind])


def box(name: bytes, content: bytes = b"", *, long: bool = False) -> bytes:
    head = b"\0\0\0\x01" + name if long else (8 + len(content)).to_bytes(4, "big") + name
    return head + ((16 + len(content)).to_bytes(8, "big") if long else b"") + content


FILM = box(b"ftyp", b"isom") + box(b"moov", b"x" * 20)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (FILM + box(b"mdat", b"x" * 90), True),
        (FILM + box(b"mdat", b"x" * 90, long=True), True),
        (FILM + b"\0\0\0\0mdat" + b"x" * 90, True),
        (FILM + box(b"mdat", b"x" * 90)[:-1], False),
        (FILM + box(b"mdat", b"x" * 90, long=True)[:-1], False),
        (FILM + box(b"mdat", long=True)[:12], False),
        (FILM + b"\0\0\0\x07mdat", False),
        (FILM, False),
        (box(b"ftyp", b"isom") + box(b"mdat", b"x" * 90), False),
    ],
)
def test_a_film_is_whole_if_all_its_boxes_are(data: bytes, *, expected: bool) -> None:
    assert is_whole(data, "mp4") is expected


def test_a_film_that_may_be_a_stream_is_taken_as_it_is() -> None:
    assert is_whole(b"\x1aE\xdf\xa3....", "webm")
