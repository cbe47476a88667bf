"""Pictures of every kind: read and used, or refused with the reason, and never left to the Web UI."""

import io
import logging
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from contract.errors import InvalidTask
from contract.picture_formats import UnusablePicture
from contract.routing import Limits
from contract.task import Metadata, Task
from contract.work import Size
from runtime_image.agent.prepare.inputs.picture_reader import PictureReader
from runtime_image.process.engine import InputFile
from runtime_image.process.logs import EventLog
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.engine import WebUiEngine
from tests.harness.parameter_names import name_bytes
from tests.harness.still_clock import StillClock

READER = PictureReader()
SIZE = Size(40, 30)
PICTURE = Image.merge("RGB", [Image.radial_gradient("L").resize(SIZE), *[Image.linear_gradient("L").resize(SIZE)] * 2])
FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"]


def saved(picture: Image.Image = PICTURE, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """Return a PNG whose header claims another size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + saved()[33:]


def animated(kind: str) -> bytes:
    return saved(kind=kind, save_all=True, append_images=[PICTURE.rotate(180)])


def turned(kind: str, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return saved(kind=kind, exif=exif)


@pytest.mark.parametrize(
    "data",
    [
        *(saved(kind=kind) for kind in FORMATS),
        *(saved(kind=kind) + b"what a program adds" for kind in FORMATS),
        *(animated(kind) for kind in ("PNG", "GIF", "WEBP")),
        saved(kind="JPEG", progressive=True),
        saved(PICTURE.convert("CMYK"), "JPEG"),
        saved(PICTURE.convert("CMYK"), "TIFF"),
        *(saved(PICTURE.convert(mode)) for mode in ("1", "L", "LA", "P", "RGBA")),
        saved(PICTURE.quantize(16), transparency=0),
        saved(PICTURE.quantize(16), transparency=bytes(range(16))),
        animated("GIF")[: len(saved(kind="GIF")) + 20],
    ],
    ids=name_bytes,
)
def test_a_picture_is_used_as_it_is(data: bytes) -> None:
    assert READER.read(data) == (data, SIZE)


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, SIZE), (3, SIZE), (6, Size(30, 40)), (8, Size(30, 40)), (99, SIZE)]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_size_is_that_of_the_upright_picture(kind: str, orientation: int, size: Size) -> None:
    assert READER.read(turned(kind, orientation)).size == size


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_keeps_its_upper_eight(kind: str) -> None:
    values = [0, 255, 256, 32_767, 65_280, 65_535]
    grey = Image.new("I;16", (6, 1))
    grey.putdata(values)
    texts = PngInfo()
    texts.add_text("parameters", "a depth map")
    data, size = READER.read(saved(grey, kind, **({"pnginfo": texts} if kind == "PNG" else {})))

    assert size == (6, 1)
    with Image.open(io.BytesIO(data)) as read:
        assert (read.format, read.mode) == ("PNG", "L")
        assert read.tobytes() == bytes(value // 256 for value in values)
        assert read.info.get("parameters") == ("a depth map" if kind == "PNG" else None)


ACCEPTED = "PNG, JPEG, WebP, GIF, BMP and TIFF are accepted"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty$"),
        (b"hello", f"it is not a picture; {ACCEPTED}"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", f"it is HEIC; {ACCEPTED}"),
        *((saved(kind=kind)[: len(saved(kind=kind)) // 2], "it is cut off or damaged") for kind in FORMATS),
        (saved(kind="JPEG")[:-2], "it is cut off or damaged"),
        (saved(kind="JPEG", progressive=True)[:-40], "it is cut off or damaged"),
        (b"BM" + bytes(60), "it is cut off or damaged"),
        (saved(PICTURE.convert("F"), "TIFF"), "more than 16 bits"),
        (saved(PICTURE.convert("L").convert("I"), "TIFF"), "more than 16 bits"),
        (saved(Image.new("1", (12_000, 12_000))), "12000 x 12000 pixels; 64 megapixels are accepted"),
    ],
    ids=name_bytes,
)
def test_what_the_web_ui_could_not_use_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(UnusablePicture, match=reason):
        READER.read(data)


@settings(deadline=None)
@given(st.sampled_from(FORMATS), st.integers(0, 2000), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255))))
def test_what_is_damaged_is_refused_or_can_be_unpacked(
    kind: str, cut_off_bytes: int, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(saved(kind=kind))
    for place, value in changes:
        data[place % len(data)] = value
    del data[len(data) - cut_off_bytes % len(data) :]
    try:
        read, _ = READER.read(bytes(data))
    except UnusablePicture:
        return
    with Image.open(io.BytesIO(read)) as picture:
        picture.load()


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (64_000_001, 1)])
def test_a_picture_that_is_too_large_is_not_unpacked(width: int, height: int) -> None:
    with pytest.raises(UnusablePicture, match=f"{width} x {height} pixels; 64 megapixels are accepted"):
        READER.read(claiming(width, height))


@pytest.mark.parametrize(
    ("length", "at_the_end", "passes"),
    [(9, False, True), (9, True, True), (70_000, False, False), (70_000, True, False)],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_text_in_a_picture_cannot_stop_the_web_ui(
    *, length: int, at_the_end: bool, passes: bool, is_packed: bool
) -> None:
    text, file = PngInfo(), io.BytesIO()
    text.add_text("parameters", "a" * length, zip=is_packed)
    Image.new("RGB", (4, 4)).save(file, "PNG", pnginfo=text)
    data = file.getvalue()
    if at_the_end:
        begin = data.index(b"parameters") - 8
        end = begin + 12 + int.from_bytes(data[begin : begin + 4], "big")
        data = data[:begin] + data[end:-12] + data[begin:end] + data[-12:]
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert picture.info["parameters"] == "a" * length
    if passes:
        assert READER.read(data) == (data, Size(4, 4))
        return
    with pytest.raises(UnusablePicture, match="holds a text"):
        READER.read(data)


@pytest.mark.parametrize("name", ["Comment", "Description"])
def test_a_text_in_a_picture_by_novelai_cannot_stop_the_web_ui(name: str) -> None:
    text, file = PngInfo(), io.BytesIO()
    # With this word the Web UI makes parameters of the other texts.
    text.add_text("Software", "NovelAI")
    text.add_text(name, "a" * 70_000)
    Image.new("RGB", (4, 4)).save(file, "PNG", pnginfo=text)
    with pytest.raises(UnusablePicture, match="holds a text"):
        READER.read(file.getvalue())


@pytest.mark.parametrize(("size", "refused"), [(Size(40, 30), []), (Size(4200, 4200), ["task.content.script_args[3]"])])
def test_the_size_of_a_picture_counts_in_the_work(size: Size, refused: list[str]) -> None:
    engine = WebUiEngine(
        client=WebUiClient(base_url="http://127.0.0.1"),
        allowed_options=(),
        limits=Limits(),
        clock=StillClock(),
        log=EventLog(logging.getLogger("test")),
    )
    content = {"script_name": "SD upscale", "script_args": ["", 64, "None", 2.0], "steps": 50, "init_images": [""]}
    metadata = Metadata.model_validate({"id": "cat", "runtime": "sdruntime", "tasktype": "image-to-image"})
    draft = engine.draft(Task(metadata=metadata, content=content), checkpoint=None)
    if not refused:
        draft.call({"init_images[0]": InputFile(b"", size)})
        return
    with pytest.raises(InvalidTask) as refusal:
        draft.call({"init_images[0]": InputFile(b"", size)})
    assert [detail.field for detail in refusal.value.details] == refused
