from typing import Any

import pytest
from pydantic import BaseModel
from pydantic import ValidationError as Invalid

from embedded_webui.pydantic_v1 import detail_of
from embedded_webui.requests import ExtraSingleImageRequest, ImageToImageRequest, TextToImageRequest


def detail(model: type[BaseModel], body: dict[str, Any]) -> list[dict[str, Any]]:
    with pytest.raises(Invalid) as refusal:
        model.model_validate(body)
    return detail_of(refusal.value.errors(), body)


@pytest.mark.parametrize(
    ("body", "message", "kind"),
    [
        ({"steps": "abc"}, "value is not a valid integer", "type_error.integer"),
        ({"cfg_scale": "abc"}, "value is not a valid float", "type_error.float"),
        ({"prompt": ["a"]}, "str type expected", "type_error.str"),
        ({"tiling": "maybe"}, "value could not be parsed to a boolean", "type_error.bool"),
        ({"script_args": 1}, "value is not a valid list", "type_error.list"),
        ({"override_settings": 1}, "value is not a valid dict", "type_error.dict"),
    ],
)
def test_errors_are_in_the_words_of_pydantic_1(body: dict[str, Any], message: str, kind: str) -> None:
    assert detail(TextToImageRequest, body) == [{"loc": list(body), "msg": message, "type": kind}]


def test_limits_are_named() -> None:
    assert detail(ExtraSingleImageRequest, {"gfpgan_visibility": 2}) == [
        {
            "loc": ["gfpgan_visibility"],
            "msg": "ensure this value is less than or equal to 1.0",
            "type": "value_error.number.not_le",
            "ctx": {"limit_value": 1.0},
        }
    ]


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ({"steps": "3"}, "steps", 3),
        ({"steps": 3.9}, "steps", 3),
        ({"prompt": 5}, "prompt", "5"),
        ({"prompt": None}, "prompt", None),
        ({"cfg_scale": 7}, "cfg_scale", 7.0),
        ({"inpainting_mask_invert": True}, "inpainting_mask_invert", 1),
    ],
)
def test_values_are_read_as_pydantic_1_reads_them(body: dict[str, Any], field: str, value: object) -> None:
    assert getattr(ImageToImageRequest.model_validate(body), field) == value


def test_broken_json_is_located() -> None:
    error = {"type": "json_invalid", "loc": ("body", 10), "ctx": {"error": "Expecting value"}}
    assert detail_of([error], '{"prompt":') == [
        {
            "loc": ["body", 10],
            "msg": "Expecting value: line 1 column 11 (char 10)",
            "type": "value_error.jsondecode",
            "ctx": {"msg": "Expecting value", "doc": '{"prompt":', "pos": 10, "lineno": 1, "colno": 11},
        }
    ]


def test_pictures_are_echoed_only_when_asked_for() -> None:
    request = ImageToImageRequest(init_images=["aaaa"], mask="bbbb")
    assert (request.echo()["init_images"], request.echo()["mask"]) == (None, None)
    request = ImageToImageRequest(init_images=["aaaa"], mask="bbbb", include_init_images=True)
    assert (request.echo()["init_images"], request.echo()["mask"]) == (["aaaa"], "bbbb")
