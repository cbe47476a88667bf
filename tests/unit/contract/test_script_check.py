"""Scripts of a request: documented uses pass as they are, and the runtime's allowed scripts pass unread."""

from typing import Any

import pytest

from contract.errors import FieldError
from contract.script_check import read_scripts
from embedded_webui.lists import LISTS

PICTURE = "iVBORw0KGgo="
#: A unit with all fields that ControlNet's documents show.
UNIT = {
    "enabled": True,
    "module": "canny",
    "model": "control_v11p_sd15_canny [d14c016b]",
    "weight": 1.0,
    "image": {"image": "https://example.com/a.png", "mask": PICTURE},
    "mask": PICTURE,
    "resize_mode": "Crop and Resize",
    "low_vram": False,
    "processor_res": 512,
    "threshold_a": 100,
    "threshold_b": 200.5,
    "guidance_start": 0,
    "guidance_end": 1,
    "control_mode": "Balanced",
    "pixel_perfect": True,
    "hr_option": "Both",
    "advanced_weighting": [0.5] * 13,
}
DETAILER = {"ad_model": "face_yolov8n.pt", "ad_prompt": "http://is a prompt", "ad_confidence": 0.3, "ad_steps": 28}


def read(
    body: dict[str, Any], *, allowed: tuple[str, ...] = (), with_input: bool = True
) -> tuple[dict[str, Any], list[FieldError]]:
    errors: list[FieldError] = []
    return read_scripts(body, allowed=allowed, with_input=with_input, field="x", errors=errors), errors


@pytest.mark.parametrize(
    "body",
    [
        {"alwayson_scripts": {}},
        {"alwayson_scripts": {"ControlNet": {"args": [UNIT, {"image": [{"image": PICTURE}]}]}}},
        {"alwayson_scripts": {"controlnet": {"args": [{"input_image": PICTURE, "lowvram": True}]}}},
        {"alwayson_scripts": {"ADetailer": {"args": [True, False, DETAILER]}}},
        {"alwayson_scripts": {"Refiner": {"args": [True, "refiner.safetensors", 0.8]}, "Hypertile": {"args": []}}},
        {"alwayson_scripts": {"Seed": {"args": [1, True, 2, 0.5, 0, 0]}, "Sampler": {"args": [20, "Euler"]}}},
        {"alwayson_scripts": {"Soft Inpainting": {"args": [True, 1, 0.5, 4, 0, 0.5, 2]}}},
        {"script_name": "SD upscale", "script_args": ["", 64, "R-ESRGAN 4x+", 2.0]},
        {"script_name": "Loopback", "script_args": [4, 0.5, "Linear", "None"]},
        {"script_name": "Outpainting mk2", "script_args": ["", 128, 8, ["left", "up"], 1.0, 0.05]},
        {"script_name": "Prompt matrix", "script_args": [False, True, "positive", "comma", 0]},
    ],
)
def test_documented_uses_pass_as_they_are(body: dict[str, Any]) -> None:
    found, errors = read(body)
    assert errors == []
    assert found == {key: value for key, value in body.items() if key != "script_name"}


@pytest.mark.parametrize("entry", LISTS["script-info"], ids=lambda entry: f"{entry['name']} {entry['is_img2img']}")
def test_the_arguments_that_script_info_shows_are_accepted(entry: dict[str, Any]) -> None:
    # The Web UI itself refuses the names of axes, which it shows in place of their numbers.
    shown = [0 if argument["value"] in ("Nothing", "Seed") else argument["value"] for argument in entry["args"]]
    if entry["is_alwayson"]:
        body: dict[str, Any] = {"alwayson_scripts": {entry["name"]: {"args": shown}}}
    else:
        body = {"script_name": entry["name"], "script_args": shown}
    allowed = ("prompts from file or textbox",)
    assert read(body, allowed=allowed, with_input=entry["is_img2img"])[1] == []


def test_null_is_an_argument_without_a_value() -> None:
    found, errors = read({"script_name": "SD upscale", "script_args": [None, 64, "Lanczos", 2]})
    assert (found["script_args"], errors) == (["", 64, "Lanczos", 2], [])
    axes = [4, "8,9", None, 0, "", None, 0, "", None]
    found, errors = read({"script_name": "X/Y/Z plot", "script_args": [*axes, *[False] * 7, 0, False]})
    assert errors == []
    assert found["script_args"][8] == []


def test_what_a_page_adds_to_its_payload_is_left_out() -> None:
    scripts = {"Comments": {"args": []}, "ADetailer": {"args": [True, False, DETAILER | {"is_api": True}]}}
    found, errors = read({"alwayson_scripts": scripts})
    assert (found["alwayson_scripts"], errors) == ({"ADetailer": {"args": [True, False, DETAILER]}}, [])
    assert [error.code for error in read({"alwayson_scripts": {"Comments": {"args": [1]}}})[1]] == ["unknown_script"]


def test_arguments_are_read_as_their_script_should_read_them() -> None:
    # No pydantic reads the arguments of a script, so the text "False" would count as true.
    found, errors = read({"alwayson_scripts": {"Refiner": {"args": ["False", "a", "0.5"]}}})
    assert (found["alwayson_scripts"]["Refiner"], errors) == ({"args": [False, "a", 0.5]}, [])


def test_a_runtime_may_allow_more_scripts_but_no_more_arguments_of_known_ones() -> None:
    body = {
        "alwayson_scripts": {"Dynamic Thresholding": {"args": [True, {"anything": 1}]}},
        "script_name": "Ultimate SD upscale",
        "script_args": [None, 512],
    }
    refused = read(body)[1]
    assert {error.code for error in refused} == {"unknown_script"}
    assert all("`allowedScripts` of the runtime" in error.message for error in refused)
    found, errors = read(body, allowed=("dynamic thresholding", "ULTIMATE SD UPSCALE", "controlnet"))
    assert errors == []
    assert found == {key: value for key, value in body.items() if key != "script_name"}
    hostile = {"alwayson_scripts": {"ControlNet": {"args": [{"ipadapter_input": "gASV"}]}}}
    assert read(hostile, allowed=("controlnet",))[1]
    assert read({"alwayson_scripts": {"Dynamic Thresholding": []}}, allowed=("dynamic thresholding",))[1]
