"""A request costs at most what its runtime allows, whichever of the Web UI's fields asks for the work."""

from typing import Any

import pytest

from contract.content import MAX_LORAS, check_cost
from contract.errors import FieldError
from contract.routing import Limits
from contract.runpod import IMAGE_TO_IMAGE_ENDPOINT, TEXT_TO_IMAGE_ENDPOINT
from contract.script_tables import TEXT_TO_IMAGE_AXES
from contract.work import Size, Sizes, passes

LIMITS = Limits(width=512, height=512, steps=20, batch_size=1, iterations=1, megapixel_steps=50)
EXTRA = "sdapi/v1/extra-single-image"
BATCH = "sdapi/v1/extra-batch-images"


def problems(endpoint: str, body: dict[str, Any], sizes: Sizes | None = None, limits: Limits = LIMITS) -> set[str]:
    errors = check_cost(endpoint, body, limits, "content", sizes)
    assert all(error.message and error.code in {"limit_exceeded", "invalid_field"} for error in errors)
    return {error.field.removeprefix("content.") for error in errors}


def units(name: str, *arguments: object) -> dict[str, Any]:
    return {"steps": 5, "alwayson_scripts": {name: {"args": list(arguments)}}}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"steps": 20}, set()),
        ({}, {"steps"}),
        ({"steps": 5, "enable_hr": True}, {"hr_scale"}),
        ({"steps": 5, "enable_hr": True, "width": 256, "height": 256}, set()),
        ({"steps": 5, "enable_hr": True, "width": 64, "height": 512, "hr_resize_x": 512}, {"hr_resize_x"}),
        ({"steps": 5, "enable_hr": True, "width": 512, "height": 64, "hr_resize_y": 512}, {"hr_resize_y"}),
        (
            {"steps": 5, "enable_hr": True, "width": 8, "height": 512, "hr_resize_x": 512, "hr_resize_y": 8},
            set(),
        ),
        (
            # The picture would be scaled to 512 x 131072 pixels before it is cut.
            {"steps": 5, "enable_hr": True, "width": 2, "height": 512, "hr_resize_x": 512, "hr_resize_y": 8},
            {"hr_resize_x"},
        ),
        ({"steps": 5, "enable_hr": True, "hr_scale": 1, "hr_second_pass_steps": 21}, {"hr_second_pass_steps"}),
        ({"steps": 5, "firstphase_width": 100_000, "firstphase_height": 512}, {"firstphase_width"}),
        ({"steps": 5, "seed_resize_from_w": 1_000_000, "seed_resize_from_h": -1}, {"seed_resize_from_w"}),
        (units("Seed", 1, True, 1, 0, 0, 513), {"alwayson_scripts.Seed.args[5]"}),
        (units("Sampler", 21, "Euler", "Automatic"), {"alwayson_scripts.Sampler.args[0]"}),
        (units("Sampler", 20, "Euler", "Automatic"), set()),
        (units("Sampler", 1) | {"steps": 21}, {"steps"}),
        (
            {"steps": 5, "alwayson_scripts": {"Sampler": {"args": [1]}, "sampler": {"args": [21]}}},
            {"alwayson_scripts.sampler.args[0]"},
        ),
        (units("ControlNet", {"processor_res": 1_000_000}), {"alwayson_scripts.ControlNet.args[0].processor_res"}),
        (units("ControlNet", {"processor_res": 512}, {}), set()),
        (units("ADetailer", True, {"ad_use_steps": True, "ad_steps": 100}), set()),
        (
            units("ADetailer", True, {"ad_use_steps": True, "ad_steps": 150, "ad_mask_k_largest": 9}),
            {"alwayson_scripts.ADetailer.args[1]"},
        ),
        (
            units("ADetailer", {"ad_use_inpaint_width_height": True, "ad_inpaint_width": 2048}),
            {"alwayson_scripts.ADetailer.args[0]"},
        ),
        ({"steps": 20, "prompt": "<lora:a:1>" * MAX_LORAS, "negative_prompt": "<lora:a:1>" * 99}, set()),
        ({"steps": 20, "prompt": "<lora:a:1>" * MAX_LORAS + "<lyco:b:1>"}, {"prompt"}),
        ({"steps": 20, "hr_prompt": "<lora:a:1>" * (MAX_LORAS + 1)}, {"hr_prompt"}),
        (
            {"steps": 20, "alwayson_scripts": {"ADetailer": {"args": [{"ad_prompt": "<lora:a:1>" * (MAX_LORAS + 1)}]}}},
            {"alwayson_scripts.ADetailer.args[0].ad_prompt"},
        ),
        ({"steps": 20, "script_name": "Prompt matrix", "prompt": "a|b"}, set()),
        ({"steps": 20, "script_name": "Prompt matrix", "prompt": "a|b|c|d|e"}, {"prompt"}),
        ({"steps": 20, "script_name": "prompt matrix", "negative_prompt": "|" * 60_000}, {"negative_prompt"}),
    ],
)
def test_the_work_of_text_to_image(body: dict[str, Any], fields: set[str]) -> None:
    assert problems(TEXT_TO_IMAGE_ENDPOINT, body) == fields


@pytest.mark.parametrize(
    ("script", "arguments", "size", "fields"),
    [
        ("loopback", [2, 0.5, "Linear", "None"], None, set()),
        ("Loopback", [40, 0.5, "Linear", "None"], None, {"script_args[0]"}),
        ("img2img alternative test", ["", True, True, "", "", True, 150, True, 1.0, 0.0, False], None, set()),
        ("sd upscale", ["", 64, "None", 2.0], Size(512, 512), set()),
        ("sd upscale", ["", 64, "None", 4.0], Size(1024, 1024), {"script_args[3]"}),
        ("sd upscale", ["", 64, "None", 4.0], Size(8000, 8000), {"script_args[3]"}),
        ("sd upscale", ["", 512, "None", 1.0], Size(512, 512), {"script_args[3]"}),
        ("poor man's outpainting", [64, 4, "fill", ["left"]], Size(512, 512), set()),
        ("poor man's outpainting", [64, 4, "fill", ["left"]], Size(8000, 8000), {"script_args[0]"}),
        ("outpainting mk2", ["", 8, 4, ["left", "up"], 1.0, 0.0], Size(496, 496), set()),
        ("outpainting mk2", ["", 8, 4, ["left"], 1.0, 0.0], Size(256, 8000), {"script_args[3]"}),
        ("outpainting mk2", ["", 8, 4, ["up"] * 40, 1.0, 0.0], None, {"script_args[3]"}),
        (None, [], Size(8000, 8000), set()),
    ],
)
def test_scripts_repeat_and_enlarge(
    script: str | None, arguments: list[Any], size: Size | None, fields: set[str]
) -> None:
    body = {"steps": 5, "script_name": script, "script_args": arguments}
    assert problems(IMAGE_TO_IMAGE_ENDPOINT, body, {"init_images[0]": size} if size else None) == fields


@pytest.mark.parametrize(
    ("endpoint", "body", "sizes", "fields"),
    [
        (EXTRA, {}, {"image": Size(512, 512)}, set()),
        (EXTRA, {"upscaling_resize": 9}, {}, {"upscaling_resize"}),
        (EXTRA, {"upscaling_resize": 8}, {"image": Size(1100, 1100)}, {"upscaling_resize"}),
        (
            EXTRA,
            {"resize_mode": 1, "upscaling_resize_w": 100_000, "upscaling_resize_h": 700},
            {},
            {"upscaling_resize_w"},
        ),
        (EXTRA, {"resize_mode": 1, "upscaling_resize_w": 0}, {}, {"upscaling_resize_w"}),
        (EXTRA, {"resize_mode": 1, "upscaling_resize_w": 512}, {"image": Size(512, 512)}, set()),
        (
            EXTRA,
            {"resize_mode": 1, "upscaling_resize_w": 512, "upscaling_resize_h": 512},
            {"image": Size(100_000, 1)},
            {"upscaling_resize_w"},
        ),
        (BATCH, {"upscaler_1": "a"}, {f"imageList[{n}].data": Size(1000, 1000) for n in range(10)}, set()),
        (
            BATCH,
            {"upscaler_1": "a", "upscaler_2": "b"},
            {f"imageList[{n}].data": Size(1000, 1000) for n in range(10)},
            {"upscaling_resize"},
        ),
    ],
)
def test_upscaled_pictures(endpoint: str, body: dict[str, Any], sizes: Sizes, fields: set[str]) -> None:
    assert problems(endpoint, body, sizes) == fields


def plot(*axes: tuple[int, str]) -> dict[str, Any]:
    """Return a plot over axes of numbers or texts: 0 is nothing, 1 the seed, 4 the steps."""
    three = (*axes, (0, ""), (0, ""), (0, ""))[:3]
    arguments: list[Any] = []
    for label, values in three:
        arguments += [label, values, []]
    return {"steps": 5, "script_name": "X/Y/Z plot", "script_args": [*arguments, *(False,) * 7, 0, False]}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (plot((1, "1, 2, 3")), set()),
        (plot((1, ", ".join(map(str, range(40))))), {"script_args"}),
        (plot((1, "1, 2, 3"), (4, "1, 20")), set()),
        (plot((4, "1, 21")), {"script_args[1]"}),
        (plot((4, "20"), (1, ", ".join(map(str, range(10))))), {"script_args"}),
        (plot((1, "1"), (len(TEXT_TO_IMAGE_AXES) - 1, "64x64, 64 x 513")), {"script_args[4]"}),
        (plot((len(TEXT_TO_IMAGE_AXES) - 1, "64x64, nonsense")), set()),
    ],
)
def test_a_plot_costs_its_pictures(body: dict[str, Any], fields: set[str]) -> None:
    assert problems(TEXT_TO_IMAGE_ENDPOINT, body) == fields


REPLACED = TEXT_TO_IMAGE_AXES.index("Prompt S/R")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"steps": 5, "prompt": "a dog AND a cat, BAND and HAND"}, set()),
        ({"steps": 5, "prompt": "a AND " * 60}, {"prompt"}),
        ({"steps": 5, "negative_prompt": "a AND " * 60}, set()),
        ({"steps": 5, "enable_hr": True, "hr_scale": 1, "hr_prompt": "a AND " * 60}, {"prompt"}),
        (units("ADetailer", {"ad_prompt": "a AND " * 60}), {"prompt"}),
        (plot((REPLACED, "dog, cat")) | {"prompt": "a dog AND a bird"}, set()),
        (plot((REPLACED, "dog, AND")) | {"prompt": "dog " * 60}, {"script_args"}),
        (plot((REPLACED, 'AxND, "AND"')) | {"prompt": "AxND " * 60}, {"script_args"}),
        (plot((REPLACED, f"a, {'b' * 3000}")) | {"prompt": "a" * 60}, {"script_args"}),
    ],
)
def test_the_parts_of_a_prompt_are_work(body: dict[str, Any], fields: set[str]) -> None:
    """The Web UI runs the model once for each part, so 10,000 of them made 10,000 times the work."""
    assert problems(TEXT_TO_IMAGE_ENDPOINT, body) == fields


SMALL = {"width": 64, "height": 64, "steps": 1}


@pytest.mark.parametrize(
    ("endpoint", "body", "fields"),
    [
        (BATCH, {"imageList": [{"data": "…"}] * 256}, set()),
        (BATCH, {"imageList": [{"data": "…"}] * 257}, {"imageList"}),
        (EXTRA, {"image": "…"}, set()),
        (TEXT_TO_IMAGE_ENDPOINT, SMALL | {"script_name": "prompt matrix", "prompt": "a" + "|b" * 8}, set()),
        (TEXT_TO_IMAGE_ENDPOINT, SMALL | {"script_name": "prompt matrix", "prompt": "a" + "|b" * 9}, {"prompt"}),
        (TEXT_TO_IMAGE_ENDPOINT, plot((1, ",".join(map(str, range(256))))) | SMALL, set()),
        (TEXT_TO_IMAGE_ENDPOINT, plot((1, ",".join(map(str, range(257))))) | SMALL, {"script_args"}),
        (
            IMAGE_TO_IMAGE_ENDPOINT,
            SMALL | {"batch_size": 8, "script_name": "loopback", "script_args": [33, 0.5, "Linear", "None"]},
            {"script_args[0]"},
        ),
    ],
)
def test_the_pictures_of_a_task_are_bounded(endpoint: str, body: dict[str, Any], fields: set[str]) -> None:
    """Small pictures are little work, so a legal task made 420, and its callback stopped all others."""
    assert problems(endpoint, body, limits=Limits()) == fields


def test_a_preprocessor_scales_the_shorter_side() -> None:
    body = units("controlnet", {"processor_res": 512, "image": "…"})
    field = "alwayson_scripts.controlnet.args[0]"
    assert problems(TEXT_TO_IMAGE_ENDPOINT, body, {f"{field}.image": Size(2000, 1000)}) == set()
    assert problems(TEXT_TO_IMAGE_ENDPOINT, body, {f"{field}.image": Size(300_000, 100)}) == {f"{field}.processor_res"}


def test_the_work_is_pixels_times_steps_times_pictures() -> None:
    body = {"width": 1000, "height": 1000, "steps": 30, "n_iter": 2, "batch_size": 3, "enable_hr": True}
    assert [each.megapixel_steps for each in passes(TEXT_TO_IMAGE_ENDPOINT, body, {})] == [180, 720]


def test_the_error_says_how_much_is_accepted() -> None:
    body = {"width": 1000, "height": 1000, "steps": 30, "n_iter": 8, "batch_size": 8}
    (error,) = check_cost(TEXT_TO_IMAGE_ENDPOINT, body, Limits(megapixel_steps=1000), "task.content")
    assert error == FieldError(
        "task.content.width",
        "asks for 1920 megapixel steps (pixels x steps x pictures of all passes); this runtime accepts 1000:"
        " write fewer or smaller pictures, or fewer steps",
        "limit_exceeded",
    )
