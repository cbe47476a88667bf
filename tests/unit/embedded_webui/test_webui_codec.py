import base64
import io

import pytest
from fastapi import HTTPException
from PIL import Image

from embedded_webui.images import codec
from embedded_webui.options import WebUiOptions


@pytest.fixture
def options() -> WebUiOptions:
    return WebUiOptions()


def picture() -> Image.Image:
    return Image.linear_gradient("L").resize((16, 8)).convert("RGB")


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_what_is_encoded_is_decoded(options: WebUiOptions, prefix: str) -> None:
    text = codec.encode(picture(), options, infotext="a cat")
    decoded = codec.decode(prefix + text, options)
    assert decoded.tobytes() == picture().tobytes()
    assert codec.read_text(decoded) == ("a cat", {})


@pytest.mark.parametrize("broken", ["", "zzzz", "not base64!!", None, "data:image/png;base64,", {"a": 1}])
def test_what_is_no_picture_is_refused(options: WebUiOptions, broken: object) -> None:
    with pytest.raises(HTTPException) as refusal:
        codec.decode(broken, options)
    assert (refusal.value.status_code, refusal.value.detail) == (500, "Invalid encoded image")


@pytest.mark.parametrize("link", ["http://127.0.0.1:1/x.png", "https://example.com/x.png", "http://"])
def test_links_are_refused(options: WebUiOptions, link: str) -> None:
    with pytest.raises(HTTPException) as refusal:
        codec.decode(link, options)
    assert refusal.value.detail == "Request to local resource not allowed"


def test_links_can_be_forbidden(options: WebUiOptions) -> None:
    options.set("api_enable_requests", value=False)
    with pytest.raises(HTTPException) as refusal:
        codec.decode("http://127.0.0.1/x.png", options)
    assert refusal.value.detail == "Requests not allowed"


def test_an_unknown_format_is_refused(options: WebUiOptions) -> None:
    options.set("samples_format", "bmp")
    with pytest.raises(HTTPException, match="Invalid image format"):
        codec.encode(picture(), options, infotext=None)


def test_transparency_becomes_the_background() -> None:
    clear = Image.new("RGBA", (1, 1), (255, 0, 0, 0))
    assert codec.flatten(clear, "#0000ff").getpixel((0, 0)) == (0, 0, 255)


@pytest.mark.parametrize(("count", "size"), [(1, (16, 8)), (2, (32, 8)), (4, (32, 16)), (5, (48, 16))])
def test_a_grid_holds_all(count: int, size: tuple[int, int]) -> None:
    assert codec.grid([picture()] * count).size == size


def test_other_texts_are_items(options: WebUiOptions) -> None:
    text = codec.encode(picture(), options, infotext="done", key="postprocessing")
    opened = Image.open(io.BytesIO(base64.b64decode(text)))
    assert codec.read_text(opened) == ("", {"postprocessing": "done"})
