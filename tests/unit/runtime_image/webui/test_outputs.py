"""Outputs in a Web UI answer."""

import base64
import json

import pytest

from runtime_image.process.engine import NoPictures
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.outputs import read_outputs
from runtime_image.webui.request import WebUiRequest
from tests.unit.runtime_image.process.test_image_formats import whole

GENERATION = WebUiRequest("POST", "/x", b"{}", takes_lock=True, generates=True, needs_pictures=True)
PNG = whole("PNG")
GIF = whole("GIF")


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_pictures_are_taken_out_and_the_rest_is_kept() -> None:
    answer = {
        "images": [encoded(PNG), f"data:image/gif;base64,{encoded(GIF)}"],
        "parameters": {"prompt": "ä", "init_images": ["AAAA"], "mask": None},
        "info": "{}",
    }

    outputs = read_outputs(GENERATION, answer)

    assert [(picture.content, picture.extension) for picture in outputs.files] == [(PNG, "png"), (GIF, "gif")]
    assert json.loads(outputs.response) == {
        "parameters": {"prompt": "ä", "init_images": None, "mask": None},
        "info": "{}",
    }


@pytest.mark.parametrize(
    "picture",
    [
        encoded(PNG + bytes(60)),
        f"data:image/png;base64,{encoded(PNG + bytes(60))}",
        encoded(b"\xff\xd8\xff\xe0" + bytes(60)),
        encoded(b"BM" + bytes(60)),
        encoded(b"II*\x00" + bytes(60)),
        base64.encodebytes(b"GIF89a" + bytes(60)).decode(),
    ],
)
def test_pictures_that_scripts_were_given_are_blanked_at_any_depth(picture: str) -> None:
    unit = {"enabled": True, "module": "canny", "image": picture, "weights": [1, 2]}
    scripts = {"controlnet": {"args": [unit, picture, {"mask": {"data": [[picture]]}}]}}
    answer = {"images": [encoded(PNG)], "parameters": {"alwayson_scripts": scripts}, "info": "{}"}

    parameters = json.loads(read_outputs(GENERATION, answer).response)["parameters"]

    blanked = {"args": [unit | {"image": None}, None, {"mask": {"data": [[None]]}}]}
    assert parameters["alwayson_scripts"]["controlnet"] == blanked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A dog",
        "Qk",
        "iVBORw0KGgo",
        "BM" * 100,
        "iVBORw0KGgo, a picture of a PNG, drawn with a pen on old paper",
        "ä" * 99,
    ],
)
def test_texts_of_the_request_are_kept(text: str) -> None:
    answer = {"images": [encoded(PNG)], "parameters": {"prompt": text, "styles": [text]}}

    assert json.loads(read_outputs(GENERATION, answer).response)["parameters"] == {"prompt": text, "styles": [text]}


def test_a_single_picture_is_one_too() -> None:
    outputs = read_outputs(GENERATION, {"html_info": "", "image": encoded(PNG)})

    assert len(outputs.files) == 1
    assert json.loads(outputs.response) == {"html_info": ""}


@pytest.mark.parametrize("answer", [None, [], {"caption": "x"}, "text"])
def test_an_answer_that_needs_no_pictures_is_kept_whole(answer: object) -> None:
    outputs = read_outputs(WebUiRequest("GET", "/x", None), answer)

    assert outputs.files == ()
    assert json.loads(outputs.response) == answer


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"images": []},
        {"images": None},
        {"images": "AAAA"},
        {"images": [1]},
        {"images": ["%%%"]},
        {"images": ["ä"]},
        {"images": [""]},
        {"images": [encoded(b"no picture")]},
        {"images": [encoded(PNG), "AAA"]},
        {"images": [encoded(PNG[:8])]},
        {"images": [encoded(PNG), encoded(PNG[:-1])]},
        {"image": encoded(GIF[:-1])},
    ],
)
def test_garbage_is_the_web_uis_failure(answer: object) -> None:
    with pytest.raises(WebUiFailed):
        read_outputs(GENERATION, answer)


def test_a_request_for_no_pictures_is_the_senders_mistake() -> None:
    request = WebUiRequest(
        "POST", "/x", b"{}", takes_lock=True, generates=True, needs_pictures=True, sends_no_pictures=True
    )

    with pytest.raises(NoPictures):
        read_outputs(request, {"images": []})
