"""Pictures in a request obey the limits of linked ones, and their sizes count in the work of the request."""

import base64
import io
import logging
import struct
import zlib
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from contract.errors import InvalidTask
from contract.routing import Limits
from contract.task import Metadata, Task
from contract.work import Size
from guarded_http.errors import LinkRefused
from runtime_image.agent.prepare.inputs.image_check import ImageCheck
from runtime_image.agent.prepare.inputs.picture_sizes import measure_pictures
from runtime_image.process.logs import EventLog
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.engine import WebUiEngine
from tests.harness.still_clock import StillClock


def encoded(kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def claiming(width: int, height: int) -> str:
    """Return a PNG of 4 x 4 pixels whose header claims another size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rest = base64.b64decode(encoded(size=(4, 4)))[33:]
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return base64.b64encode(start + rest).decode()


def measured(body: dict[str, Any]) -> dict[str, Size]:
    return measure_pictures(body, "task.content", ImageCheck().check)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_every_format_of_a_link_is_measured(kind: str) -> None:
    assert measured({"image": encoded(kind)}) == {"image": Size(40, 30)}


def test_pictures_are_found_wherever_they_are() -> None:
    picture = encoded()
    units = [{"image": {"image": picture, "mask": f"data:image/png;base64,{picture}"}}, {"module": "canny"}]
    body = {
        "prompt": "iVBORw0KGgo of a cat",
        "init_images": [picture[:30] + "\n" + picture[30:]],
        "alwayson_scripts": {"ControlNet": {"args": units}},
        "imageList": [{"name": "a", "data": picture}],
    }
    unit = "alwayson_scripts.ControlNet.args[0].image"
    places = {"init_images[0]", f"{unit}.image", f"{unit}.mask", "imageList[0].data"}
    assert measured(body) == dict.fromkeys(places, Size(40, 30))


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (claiming(50_000, 50_000), "50000 x 50000 pixels; 64 megapixels are accepted"),
        (claiming(64_000_001, 1), "64 megapixels are accepted"),
        (encoded()[:60], "picture"),
        (encoded()[:62], "padding"),
    ],
)
def test_a_picture_that_no_link_may_bring_is_refused_with_its_field(picture: str, reason: str) -> None:
    with pytest.raises(InvalidTask) as refusal:
        measured({"init_images": [encoded(), picture]})
    (detail,) = refusal.value.details
    assert detail.field == "task.content.init_images[1]"
    assert reason in detail.message


@pytest.mark.parametrize(
    ("length", "at_the_end", "passes"), [(9, False, True), (9, True, False), (70_000, False, False)]
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
        assert ImageCheck().check(data) == Size(4, 4)
        return
    with pytest.raises(LinkRefused, match="holds a text"):
        ImageCheck().check(data)


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
        draft.call(draft.body, {"init_images[0]": size})
        return
    with pytest.raises(InvalidTask) as refusal:
        draft.call(draft.body, {"init_images[0]": size})
    assert [detail.field for detail in refusal.value.details] == refused
