"""Names in a request."""

from typing import Any

import pytest

from contract.script_tables import TEXT_TO_IMAGE_AXES
from runtime_image.webui.names.referenced import names_in
from runtime_image.webui.request import IMAGE_TO_IMAGE_PATH, OPTIONS_PATH, TEXT_TO_IMAGE_PATH

Axis = tuple[str, str, list[str]]


def plot(*axes: Axis, as_text: bool = False) -> dict[str, Any]:
    """Return a body with a plot over these axes."""
    places = [part for label, *values in axes for part in (TEXT_TO_IMAGE_AXES.index(label), *values)]
    return {"script_name": "X/Y/Z plot", "script_args": [*places, *[False] * 7, 0, as_text]}


EXTRA = "/sdapi/v1/extra-single-image"


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        pytest.param(TEXT_TO_IMAGE_PATH, {}, [], id="nothing"),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            {"sampler_name": "A", "sampler_index": "B"},
            [("sampler", "A", "sampler_name")],
            id="name",
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            {"sampler_name": "", "sampler_index": "B"},
            [("sampler", "B", "sampler_index")],
            id="index",
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH, {"scheduler": "karras"}, [("scheduler", "karras", "scheduler")], id="scheduler"
        ),
        pytest.param(TEXT_TO_IMAGE_PATH, {"sampler_name": 7, "styles": "noir", "prompt": None}, [], id="wrong types"),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            {"styles": ["noir", 3, "pop"]},
            [("style", "noir", "styles[0]"), ("style", "pop", "styles[2]")],
            id="styles",
        ),
        pytest.param(
            IMAGE_TO_IMAGE_PATH,
            {"script_name": "SD upscale", "alwayson_scripts": {"ControlNet": {}}},
            [("script", "SD upscale", "script_name"), ("script", "ControlNet", "alwayson_scripts")],
            id="scripts",
        ),
        pytest.param(
            IMAGE_TO_IMAGE_PATH,
            {"script_name": "SD upscale", "script_args": ["", 8, "ESRGAN_4x", 2.0]},
            [("script", "SD upscale", "script_name"), ("upscaler", "ESRGAN_4x", "script_args[2]")],
            id="upscaler of SD upscale",
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            plot(("Sampler", "", ["Euler", "DDIM"]), ("Checkpoint name", "", ["m"]), ("Styles", "", ["noir,pop"])),
            [
                ("script", "X/Y/Z plot", "script_name"),
                ("sampler", "Euler", "script_args[2]"),
                ("sampler", "DDIM", "script_args[2]"),
                ("checkpoint", "m", "script_args[5]"),
                ("style", "noir", "script_args[8]"),
                ("style", "pop", "script_args[8]"),
            ],
            id="lists of a plot",
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            plot(
                ("VAE", "None, v", ["unused"]),
                ("Refiner checkpoint", '"r, 2"', []),
                ("Prompt S/R", "<lora:a:1>, <lora:b:1>", []),
                as_text=True,
            ),
            [
                ("script", "X/Y/Z plot", "script_name"),
                ("VAE", "v", "script_args[1]"),
                ("checkpoint", "r, 2", "script_args[4]"),
                ("LoRA", "a", "script_args[7]"),
                ("LoRA", "b", "script_args[7]"),
            ],
            id="texts of a plot",
        ),
        pytest.param(TEXT_TO_IMAGE_PATH, {"refiner_checkpoint": "None"}, [], id="no refiner"),
        pytest.param(
            TEXT_TO_IMAGE_PATH, {"refiner_checkpoint": "r"}, [("checkpoint", "r", "refiner_checkpoint")], id="refiner"
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            {"override_settings": {"sd_vae": "v", "sd_model_checkpoint": "m", "CLIP_stop_at_last_layers": 2}},
            [
                ("checkpoint", "m", "override_settings.sd_model_checkpoint"),
                ("VAE", "v", "override_settings.sd_vae"),
            ],
            id="overrides",
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            {"hr_upscaler": "u", "hr_sampler_name": "s", "hr_prompt": "<lora:a:1>"},
            [],
            id="no second pass",
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            {"enable_hr": True, "hr_upscaler": "Latent", "hr_sampler_name": "Use same sampler", "hr_scheduler": "s"},
            [("upscaler", "Latent", "hr_upscaler"), ("scheduler", "s", "hr_scheduler")],
            id="second pass",
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            {
                "prompt": "<lora:a:0.8> cat <lora:b> <lora:a:1> <lyco:c:1:x=2> <hypernet:h:1> <lora>",
                "negative_prompt": "<lora:n:1>",
            },
            [("LoRA", "a", "prompt"), ("LoRA", "b", "prompt"), ("LoRA", "c", "prompt")],
            id="prompts",
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH, {"prompt": "<lora:a:1>", "disable_extra_networks": True}, [], id="extra networks off"
        ),
        pytest.param(
            TEXT_TO_IMAGE_PATH,
            {
                "disable_extra_networks": True,
                "alwayson_scripts": {
                    "ADetailer": {"args": [True, {"ad_prompt": "a <lora:ink:1>", "ad_negative_prompt": "<lora:n:1>"}]}
                },
            },
            [
                ("script", "ADetailer", "alwayson_scripts"),
                ("LoRA", "ink", "alwayson_scripts.ADetailer.args[1].ad_prompt"),
            ],
            id="prompts of details",
        ),
        pytest.param(
            EXTRA,
            {"upscaler_1": "Lanczos", "upscaler_2": None, "prompt": "<lora:a:1>"},
            [("upscaler", "Lanczos", "upscaler_1")],
            id="upscaling",
        ),
        pytest.param(OPTIONS_PATH, {"sd_vae": "v", "send_seed": True}, [("VAE", "v", "sd_vae")], id="options"),
        pytest.param("/sdapi/v1/png-info", {"sampler_name": "x", "image": "y"}, [], id="other calls"),
    ],
)
def test_names_of_a_request(path: str, body: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    found = [(named.kind.word, named.name, named.field) for named in names_in(path, body, "task.content")]

    assert found == [(word, name, f"task.content.{field}") for word, name, field in expected]


def test_a_long_prompt_is_read_in_no_time() -> None:
    prompt = "<lora:" * 100_000

    assert list(names_in(TEXT_TO_IMAGE_PATH, {"prompt": prompt}, "task.content")) == []
