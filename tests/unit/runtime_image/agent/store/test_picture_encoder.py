"""Thumbnails and conversions, whatever format and mode the engine's picture has."""

import io
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from contract.output_request import OutputRequest
from contract.picture_formats import detect_format
from runtime_image.agent.store.picture_encoder import PictureEncoder, UnreadablePicture
from runtime_image.process.engine import MadeFile
from runtime_image.process.image_formats import is_whole


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
    made = PictureEncoder().thumbnail(MadeFile(picture(format_, mode, size), "", ""))

    with Image.open(io.BytesIO(made), formats=("WEBP",)) as thumbnail:
        assert thumbnail.size == small


@pytest.mark.parametrize("data", [b"", b"\0\0\0\x18ftypmp42", picture("PNG", "RGB", (64, 64))[:60]])
def test_a_film_or_a_damaged_picture_has_no_thumbnail(data: bytes) -> None:
    with pytest.raises(UnreadablePicture):
        PictureEncoder().thumbnail(MadeFile(data, "", ""))


def test_a_picture_that_needs_too_much_memory_is_not_unpacked() -> None:
    with pytest.raises(UnreadablePicture, match=r"8001 x 8001 pixels.* without `format`"):
        PictureEncoder().thumbnail(MadeFile(picture("PNG", "1", (8001, 8001)), "png", "image/png"))


def engine_picture(
    format_: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (64, 48), **options: Any
) -> MadeFile:
    file = io.BytesIO()
    Image.new(mode, size, (200, 30, 30, 0)[: len(mode)]).save(file, format_, **options)
    kind = detect_format(file.getvalue())
    assert kind
    return MadeFile(file.getvalue(), kind.extension, kind.content_type)


def with_parameters(text: str) -> MadeFile:
    texts = PngInfo()
    texts.add_text("parameters", text)
    texts.add_text("workflow", "secret")
    return engine_picture(pnginfo=texts)


def parameters_in(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as opened:
        found = opened.info.get("parameters")
        comment = opened.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    # As the Web UI reads it: piexif's form of a comment in Unicode.
    return str(found) if found else comment.removeprefix(b"UNICODE\0").decode("utf-16-be")


def data_of(made: MadeFile) -> bytes:
    assert isinstance(made.content, bytes)
    return made.content


PARAMETERS = "a cat, größer 猫\nNegative prompt: dog\nSteps: 20, Seed: 1"


@pytest.mark.parametrize(
    ("wanted", "extension", "content_type"),
    [
        ({"format": "png"}, "png", "image/png"),
        ({"format": "jpeg", "quality": 40}, "jpg", "image/jpeg"),
        ({"format": "webp"}, "webp", "image/webp"),
        ({"format": "avif"}, "avif", "image/avif"),
        ({}, "png", "image/png"),
    ],
)
def test_a_picture_gets_its_format_with_or_without_parameters(
    wanted: dict[str, object], extension: str, content_type: str
) -> None:
    encoder, picture = PictureEncoder(), with_parameters(PARAMETERS)

    kept = encoder.convert(picture, OutputRequest.model_validate(wanted))
    bare = encoder.convert(picture, OutputRequest.model_validate({**wanted, "metadata": False}))

    assert (kept.extension, kept.content_type) == (bare.extension, bare.content_type) == (extension, content_type)
    assert is_whole(data_of(kept), extension)
    assert parameters_in(data_of(kept)) == PARAMETERS
    assert parameters_in(data_of(bare)) == ""
    assert b"secret" not in data_of(bare)
    with Image.open(io.BytesIO(data_of(bare))) as opened:
        assert opened.size == (64, 48)
        red, green, blue = opened.convert("RGB").getpixel((20, 20))  # type: ignore[misc]  # three numbers
        assert red > 180
        assert max(green, blue) < 60


def test_a_grey_picture_of_16_bits_keeps_its_brightness() -> None:
    encoder, file = PictureEncoder(), io.BytesIO()
    Image.new("I;16", (64, 48), 0x8000).save(file, "PNG")
    grey = MadeFile(file.getvalue(), "png", "image/png")

    made = [encoder.thumbnail(grey)]
    made += [
        data_of(encoder.convert(grey, wanted))
        for wanted in (OutputRequest(format="jpeg"), OutputRequest(metadata=False))
    ]

    for data in made:
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.convert("L").getpixel((20, 20)) == pytest.approx(0x80, abs=2)


def test_the_parameters_of_a_jpeg_survive_another_format() -> None:
    encoder = PictureEncoder()
    jpeg = encoder.convert(with_parameters(PARAMETERS), OutputRequest(format="jpeg"))

    assert parameters_in(data_of(encoder.convert(jpeg, OutputRequest(format="png")))) == PARAMETERS


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp", "avif"])
def test_a_picture_keeps_its_colour_profile(format_: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    made = PictureEncoder().convert(
        engine_picture(icc_profile=profile), OutputRequest.model_validate({"format": format_, "metadata": False})
    )

    with Image.open(io.BytesIO(data_of(made))) as opened:
        assert opened.info.get("icc_profile") == profile


def test_the_default_changes_no_byte() -> None:
    picture = with_parameters(PARAMETERS)

    assert PictureEncoder().convert(picture, OutputRequest(thumbnails=False)) is picture


def test_a_jpeg_has_white_where_the_picture_is_transparent() -> None:
    made = PictureEncoder().convert(engine_picture(mode="RGBA"), OutputRequest(format="jpeg", quality=95))

    with Image.open(io.BytesIO(data_of(made))) as opened:
        assert min(opened.getpixel((20, 20))) > 250  # type: ignore[arg-type]  # three numbers


def test_a_lower_quality_has_fewer_bytes() -> None:
    file = io.BytesIO()
    Image.effect_noise((128, 128), 60).convert("RGB").save(file, "PNG")
    noisy = MadeFile(file.getvalue(), "png", "image/png")
    sizes = [
        PictureEncoder().convert(noisy, OutputRequest(format=format_, quality=quality)).size
        for format_ in ("jpeg", "webp", "avif")
        for quality in (10, 90)
    ]
    assert sizes[0] < sizes[1]
    assert sizes[2] < sizes[3]
    assert sizes[4] < sizes[5]


def test_what_a_format_cannot_hold_becomes_a_png_and_loses_nothing() -> None:
    made = PictureEncoder().convert(engine_picture(size=(16_384, 1)), OutputRequest(format="webp"))

    assert made.extension == "png"


def test_parameters_beyond_the_exif_of_a_jpeg_are_left_out() -> None:
    made = PictureEncoder().convert(with_parameters("x" * 40_000), OutputRequest(format="jpeg"))

    assert (made.extension, parameters_in(data_of(made))) == ("jpg", "")


def test_films_and_animations_stay_as_they_are() -> None:
    file = io.BytesIO()
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 255)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    for picture in (MadeFile(file.getvalue(), "gif", "image/gif"), MadeFile(b"film", "mp4", "video/mp4")):
        assert PictureEncoder().convert(picture, OutputRequest(format="jpeg", metadata=False)) is picture


def test_a_damaged_picture_cannot_lose_its_parameters_so_the_task_fails() -> None:
    picture = with_parameters(PARAMETERS)
    damaged = MadeFile(data_of(picture)[:60], "png", "image/png")

    with pytest.raises(UnreadablePicture):
        PictureEncoder().convert(damaged, OutputRequest(metadata=False))
