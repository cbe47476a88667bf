"""Thumbnails are small WebP files, whatever format and mode the engine's picture has."""

import io

import pytest
from PIL import Image

from runtime_image.agent.store.picture_encoder import PictureEncoder, UnreadablePicture


def picture(format_: str, mode: str, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, format_)
    return file.getvalue()


@pytest.mark.parametrize(
    ("format_", "mode", "size", "small"),
    [
        ("PNG", "RGB", (512, 256), (256, 128)),
        ("PNG", "RGBA", (64, 64), (64, 64)),
        ("PNG", "P", (300, 900), (85, 256)),
        ("PNG", "LA", (257, 257), (256, 256)),
        ("JPEG", "L", (1024, 16), (256, 4)),
        ("WEBP", "RGB", (600, 600), (256, 256)),
        ("AVIF", "RGB", (300, 300), (256, 256)),
        ("GIF", "P", (300, 300), (256, 256)),
    ],
)
def test_a_thumbnail_is_a_webp_within_256_pixels(
    format_: str, mode: str, size: tuple[int, int], small: tuple[int, int]
) -> None:
    made = PictureEncoder().thumbnail(picture(format_, mode, size))

    with Image.open(io.BytesIO(made), formats=("WEBP",)) as thumbnail:
        assert thumbnail.size == small


@pytest.mark.parametrize("data", [b"", b"\0\0\0\x18ftypmp42", picture("PNG", "RGB", (64, 64))[:60]])
def test_a_film_or_a_damaged_picture_has_no_thumbnail(data: bytes) -> None:
    with pytest.raises(UnreadablePicture):
        PictureEncoder().thumbnail(data)


def test_a_picture_that_needs_too_much_memory_is_not_unpacked() -> None:
    with pytest.raises(UnreadablePicture, match="8001 x 8001 pixels"):
        PictureEncoder().thumbnail(picture("PNG", "1", (8001, 8001)))
