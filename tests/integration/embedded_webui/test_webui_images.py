"""Images of the embedded Web UI: what they depend on, and requests beyond those of conformance."""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import ExifTags, Image

from embedded_webui.models.kinds import TINY
from embedded_webui.web_ui import LORA_FOLDER
from tests.integration.embedded_webui.conformance import GENERATION, drawn, encoded, left_half, opened
from tests.integration.embedded_webui.conftest import CHECKPOINTS

pytestmark = [
    pytest.mark.xdist_group("embedded_webui"),
    pytest.mark.usefixtures("first_checkpoint"),
]


NEED_TWO_STEPS = ("DPM++ 2M SDE", "DPM++ 2M SDE Heun", "DPM++ 3M SDE")


def make(web_ui: httpx.Client, route: str = "txt2img", /, **fields: Any) -> dict[str, Any]:
    answer = web_ui.post(f"/{route}", json=GENERATION | {"steps": 2} | fields)
    assert answer.status_code == 200, answer.text[:500]
    body: dict[str, Any] = answer.json()
    body["info"] = json.loads(body["info"])
    return body


def test_the_same_request_gives_the_same_bytes(web_ui: httpx.Client) -> None:
    assert make(web_ui)["images"] == make(web_ui)["images"]


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"prompt": "another"}, {"negative_prompt": "blue"}, {"cfg_scale": 1}, {"tiling": True}]
)
def test_another_request_gives_another_picture(web_ui: httpx.Client, change: dict[str, Any]) -> None:
    assert make(web_ui)["images"] != make(web_ui, **change)["images"]


def test_another_checkpoint_gives_another_picture(web_ui: httpx.Client) -> None:
    first = make(web_ui)
    web_ui.post("/options", json={"sd_model_checkpoint": CHECKPOINTS.second})
    second = make(web_ui)
    assert (first["info"]["sd_model_name"], second["info"]["sd_model_name"]) == (CHECKPOINTS.first, CHECKPOINTS.second)
    assert first["images"] != second["images"]


@pytest.mark.slow
def test_a_checkpoint_in_the_overrides_is_for_one_request(web_ui: httpx.Client) -> None:
    other = make(web_ui, override_settings={"sd_model_checkpoint": f"{CHECKPOINTS.second}.safetensors"})
    assert other["info"]["sd_model_name"] == CHECKPOINTS.second
    assert make(web_ui)["info"]["sd_model_name"] == CHECKPOINTS.first


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"prompt": "a [cat:dog:0.5] in [red|blue] BREAK light"}, (64, 64)),
        ({"prompt": "word " * 60}, (64, 64)),
        ({"subseed": 5, "subseed_strength": 0.3}, (64, 64)),
        ({"enable_hr": True, "denoising_strength": 0.7, "hr_upscaler": "Lanczos", "hr_resize_x": 96}, (96, 96)),
        pytest.param(
            {"enable_hr": True, "denoising_strength": 0.7, "hr_checkpoint_name": CHECKPOINTS.second},
            (128, 128),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_text_to_image(web_ui: httpx.Client, fields: dict[str, Any], size: tuple[int, int]) -> None:
    (picture,) = make(web_ui, **fields)["images"]
    assert opened(picture).size == size


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"resize_mode": 1, "width": 96}, (96, 64)),
        ({"resize_mode": 2, "width": 96}, (96, 64)),
        ({"resize_mode": 3, "width": 96}, (96, 64)),
        ({"batch_size": 2}, (64, 64)),
    ],
)
def test_image_to_image(web_ui: httpx.Client, fields: dict[str, Any], size: tuple[int, int]) -> None:
    body = make(web_ui, "img2img", init_images=[encoded(drawn())], **fields)
    assert opened(body["images"][0]).size == size


def test_image_to_image_keeps_what_it_is_given_as_far_as_it_is_told(web_ui: httpx.Client) -> None:
    def distance(strength: float) -> int:
        body = make(web_ui, "img2img", init_images=[encoded(drawn())], steps=10, denoising_strength=strength)
        made, given = opened(body["images"][0]).convert("RGB").tobytes(), drawn().tobytes()
        return sum(abs(one - other) for one, other in zip(made, given, strict=True))

    assert distance(0.1) < distance(0.9)


@pytest.mark.parametrize(
    ("fill", "only_masked", "inverted"), [(0, True, 0), (1, False, True), (2, True, True), (3, False, 0)]
)
def test_a_mask_changes_only_its_inside(web_ui: httpx.Client, fill: int, only_masked: bool, inverted: int) -> None:
    body = make(
        web_ui,
        "img2img",
        init_images=[encoded(drawn())],
        mask=encoded(left_half()),
        mask_blur=2,
        inpainting_fill=fill,
        inpaint_full_res=only_masked,
        inpainting_mask_invert=inverted,
        denoising_strength=1,
    )
    made = opened(body["images"][0]).convert("RGB")
    assert made.size == (64, 64)
    # The blur of the mask ends before these halves.
    left, right = (0, 0, 24, 64), (40, 0, 64, 64)
    inside, outside = (right, left) if inverted else (left, right)
    assert made.crop(outside).tobytes() == drawn().crop(outside).tobytes()
    before, after = drawn().crop(inside), made.crop(inside)
    assert all(one.histogram() != other.histogram() for one, other in zip(before.split(), after.split(), strict=True))


def test_every_sampler_runs_under_its_name(web_ui: httpx.Client) -> None:
    for sampler in web_ui.get("/samplers").json():
        info = make(web_ui, sampler_name=sampler["name"], width=32, height=32, send_images=False)["info"]
        assert info["sampler_name"] == sampler["name"]


@pytest.mark.slow
def test_every_sampler_runs_with_few_steps_and_from_an_image(web_ui: httpx.Client) -> None:
    for sampler in web_ui.get("/samplers").json():
        for steps in (4,) if sampler["name"] in NEED_TWO_STEPS else (1, 4):
            info = make(web_ui, sampler_name=sampler["name"], steps=steps)["info"]
            assert info["sampler_name"] == sampler["name"]
        picture = encoded(drawn())
        make(web_ui, "img2img", sampler_name=sampler["name"], init_images=[picture], denoising_strength=0.6)


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["Euler", "DPM++ 2M", "DDIM"])
def test_every_schedule_runs(web_ui: httpx.Client, sampler: str) -> None:
    for schedule in web_ui.get("/schedulers").json():
        info = make(web_ui, sampler_name=sampler, scheduler=schedule["label"])["info"]
        assert f"Schedule type: {schedule['label']}" in info["infotexts"][0] or schedule["label"] == "Automatic"


def test_the_picture_carries_its_infotext(web_ui: httpx.Client) -> None:
    body = make(web_ui, batch_size=2)
    for picture, text in zip(body["images"], body["info"]["infotexts"], strict=True):
        assert opened(picture).info["parameters"] == text
        assert web_ui.post("/png-info", json={"image": picture}).json()["info"] == text


@pytest.mark.parametrize(("format_name", "pillow_format"), [("jpg", "JPEG"), ("webp", "WEBP")])
def test_other_formats_carry_it_too(web_ui: httpx.Client, format_name: str, pillow_format: str) -> None:
    web_ui.post("/options", json={"samples_format": "png"})
    body = make(web_ui, override_settings={"samples_format": format_name})
    assert opened(body["images"][0]).format == "PNG", "encoding comes after the options are restored, as in the Web UI"
    web_ui.post("/options", json={"samples_format": format_name})
    try:
        body = make(web_ui)
    finally:
        web_ui.post("/options", json={"samples_format": "png"})
    assert opened(body["images"][0]).format == pillow_format
    answer = web_ui.post("/png-info", json={"image": body["images"][0]}).json()
    assert answer["info"] == body["info"]["infotexts"][0]


def test_interrogate_names_the_main_colours(web_ui: httpx.Client) -> None:
    caption = web_ui.post("/interrogate", json={"image": encoded(drawn())}).json()
    assert caption == {"caption": "a picture in navy and gold"}


def test_deepdanbooru_fails_without_its_weights(web_ui: httpx.Client) -> None:
    refused = web_ui.post("/interrogate", json={"image": encoded(drawn()), "model": "deepdanbooru"})
    assert (refused.status_code, refused.json()["error"]) == (500, "IndexError")
    assert refused.json()["errors"] == "list index out of range"


def test_input_images_are_turned_as_their_exif_data_say(web_ui: httpx.Client) -> None:
    def enlarged(orientation: int) -> Image.Image:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        file = io.BytesIO()
        image = Image.new("RGB", (64, 32), "navy")
        image.paste("gold", (0, 0, 32, 32))
        image.save(file, format="JPEG", exif=exif, quality=95)
        body = {"image": base64.b64encode(file.getvalue()).decode(), "upscaler_1": "None"}
        return opened(web_ui.post("/extra-single-image", json=body).json()["image"]).convert("RGB")

    upright, turned = enlarged(1), enlarged(6)
    assert (upright.size, turned.size) == ((64, 32), (32, 64))
    # A quarter turn to the right brings the left half to the top.
    assert turned.rotate(90, expand=True).tobytes() == upright.tobytes()


@pytest.mark.parametrize("field", ["prompt", "negative_prompt", "steps", "cfg_scale", "width", "batch_size", "n_iter"])
def test_null_is_accepted_and_fails_where_a_value_is_needed(web_ui: httpx.Client, field: str) -> None:
    refused = web_ui.post("/txt2img", json=GENERATION | {field: None})
    assert (refused.status_code, refused.json()["error"]) == (500, "TypeError")


def test_null_is_no_value_elsewhere(web_ui: httpx.Client) -> None:
    nulls = dict.fromkeys(("seed", "subseed", "sampler_name", "styles", "override_settings", "alwayson_scripts", "eta"))
    assert make(web_ui, **nulls)["info"]["sampler_name"] == "Euler a"


@pytest.mark.parametrize(("encoding", "compressed"), [("gzip", True), ("identity", False)])
def test_a_long_answer_is_compressed_for_clients_that_ask(
    web_ui: httpx.Client, encoding: str, compressed: bool
) -> None:
    answer = web_ui.get("/samplers", headers={"accept-encoding": encoding})
    assert (answer.headers.get("content-encoding") == "gzip") is compressed
    assert answer.json()[0]["name"] == "DPM++ 2M"
    assert "content-encoding" not in web_ui.get("/embeddings", headers={"accept-encoding": encoding}).headers


def test_a_second_pass_names_its_upscaler_only_if_the_request_did(web_ui: httpx.Client) -> None:
    hires = {"enable_hr": True, "denoising_strength": 0.7, "width": 32, "height": 32}
    assert "Hires upscaler" not in make(web_ui, **hires)["info"]["infotexts"][0]
    named = make(web_ui, **hires, hr_upscaler="R-ESRGAN 4x+")
    assert "Hires upscaler: R-ESRGAN 4x+" in named["info"]["infotexts"][0]


def test_an_image_of_tiles_counts_its_seeds_tile_by_tile(web_ui: httpx.Client) -> None:
    fields = {"script_name": "SD upscale", "script_args": ["", 8, "Lanczos", 1.5], "batch_size": 2, "n_iter": 2}
    body = make(web_ui, "img2img", init_images=[encoded(drawn())], **fields)
    # Four tiles make two batches. The second image begins one seed after the first.
    assert [opened(image).size for image in body["images"]] == [(96, 96)] * 2
    assert (body["info"]["seed"], body["info"]["all_seeds"]) == (11, [13, 14])
    assert len(set(body["info"]["infotexts"])) == 1
    assert "parameters" not in opened(body["images"][0]).info


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "Mask blur: 4, Inpaint area: Only masked, Masked area padding: 0, Masked content: fill, Version"),
        ({"inpainting_fill": 1, "inpaint_full_res": False, "mask_blur_y": 3}, "Denoising strength: 0.75, Version"),
        ({"inpainting_mask_invert": 1, "mask_blur": 0, "inpainting_fill": 2}, "Mask mode: Inpaint not masked, Inpaint"),
    ],
)
def test_the_infotext_describes_the_mask(web_ui: httpx.Client, fields: dict[str, Any], text: str) -> None:
    images = {"init_images": [encoded(drawn())], "mask": encoded(left_half())}
    assert text in make(web_ui, "img2img", **images, **fields)["info"]["infotexts"][0]


@pytest.mark.parametrize("sampler", NEED_TWO_STEPS)
def test_some_samplers_fail_with_one_step(web_ui: httpx.Client, sampler: str) -> None:
    refused = web_ui.post("/txt2img", json=GENERATION | {"sampler_name": sampler, "steps": 1})
    assert (refused.status_code, refused.json()["error"]) == (500, "UnboundLocalError")
    assert refused.json()["errors"] == "local variable 'h' referenced before assignment"


def test_a_refiner_makes_the_last_steps(web_ui: httpx.Client) -> None:
    def made(**fields: Any) -> tuple[str, str]:
        body = make(web_ui, steps=4, **fields)
        assert body["info"]["sd_model_name"] == CHECKPOINTS.first
        return body["images"][0], body["info"]["infotexts"][0]

    plain, _ = made()
    refined, text = made(refiner_checkpoint=CHECKPOINTS.second, refiner_switch_at=0.5)
    assert re.search(rf"Refiner: {CHECKPOINTS.second} \[[0-9a-f]{{10}}\], Refiner switch at: 0\.5, Version", text)
    assert refined != plain
    assert made(refiner_checkpoint="None", refiner_switch_at=0.5)[0] == plain


@pytest.mark.slow
def test_a_refiner_makes_the_last_steps_of_every_iteration(web_ui: httpx.Client) -> None:
    fields = {"init_images": [encoded(drawn())], "refiner_checkpoint": CHECKPOINTS.second, "steps": 4, "n_iter": 2}
    late, early = (make(web_ui, "img2img", **fields, refiner_switch_at=part) for part in (0.5, None))
    assert len({*late["images"], *early["images"]}) == 4
    for body in (late, early):
        assert all(f"Refiner: {CHECKPOINTS.second}" in text for text in body["info"]["infotexts"])


AXES = {"Nothing": 0, "Seed": 1, "CFG Scale": 6, "Prompt S/R": 7, "Sampler": 9, "Checkpoint name": 11}


def plotted(*axes: tuple[str, str, list[str] | None], cells: bool = False) -> dict[str, Any]:
    arguments: list[Any] = [part for label, *values in axes for part in (AXES[label], *values)]
    return {"script_name": "X/Y/Z plot", "script_args": [*arguments, 0, "", None, True, cells]}


def test_a_plot_is_one_sheet_of_all_combinations(web_ui: httpx.Client) -> None:
    plot = plotted(("Seed", "11, 12", None), ("Sampler", "", ["Euler", "DDIM"]), cells=True)
    body = make(web_ui, **plot, width=32, height=32)
    sheet, *cells = (opened(image) for image in body["images"])
    assert (sheet.size, [cell.size for cell in cells]) == ((64, 64), [(32, 32)] * 4)
    assert [sheet.crop((x, y, x + 32, y + 32)).tobytes() for y in (0, 32) for x in (0, 32)] == [
        cell.tobytes() for cell in cells
    ]
    assert cells[0].tobytes() == opened(make(web_ui, sampler_name="Euler", width=32, height=32)["images"][0]).tobytes()
    texts = body["info"]["infotexts"]
    assert 'Script: X/Y/Z plot, X Type: Seed, X Values: "11, 12", Y Type: Sampler' in texts[0]
    assert "parameters" not in sheet.info
    assert [cell.info["parameters"] for cell in cells] == texts[1:]


@pytest.mark.slow
def test_a_plot_changes_prompts_and_checkpoints(web_ui: httpx.Client) -> None:
    plot = plotted(
        ("Prompt S/R", "example, other", None),
        ("Checkpoint name", "", [CHECKPOINTS.first, CHECKPOINTS.second]),
        cells=True,
    )
    texts = make(web_ui, **plot, width=32, height=32)["info"]["infotexts"][1:]
    assert [(text.partition(" ")[0], f"Model: {CHECKPOINTS.second}" in text) for text in texts] == [
        ("example", False),
        ("other", False),
        ("example", True),
        ("other", True),
    ]
    assert make(web_ui, width=32, height=32)["info"]["sd_model_name"] == CHECKPOINTS.first


@pytest.mark.parametrize(
    ("axis", "error"),
    [
        (("Sampler", "", None), ("Error", "iterable expected, not NoneType")),
        (("Sampler", "", ["NoSuch"]), ("RuntimeError", "Unknown sampler: NoSuch")),
        (
            ("Prompt S/R", "dog, cat", None),
            ("RuntimeError", "Prompt S/R did not find dog in prompt or negative prompt."),
        ),
        (("Seed", "one", None), ("ValueError", "invalid literal for int() with base 10: 'one'")),
    ],
)
def test_a_plot_over_a_broken_axis_fails(
    web_ui: httpx.Client, axis: tuple[str, str, list[str] | None], error: tuple[str, str]
) -> None:
    refused = web_ui.post("/txt2img", json=GENERATION | plotted(axis, ("Nothing", "", None)))
    assert (refused.status_code, refused.json()["error"], refused.json()["errors"]) == (500, *error)


def write_lora(path: Path, names: dict[str, str], *, up: str, down: str) -> None:
    """Write a LoRA of rank 1 that changes these parts of the tiny model, in the layout of one of two programs."""
    import torch  # noqa: PLC0415 - see test_webui_tiny_model
    from safetensors.torch import save_file  # noqa: PLC0415 - see above

    width, text_width = TINY.config("unet")["block_out_channels"][0], TINY.config("text_encoder")["hidden_size"]
    shapes = {"unet": ((1, 4, 3, 3), (width, 1, 1, 1)), "te": ((1, text_width), (text_width, 1))}
    tensors = {}
    for part, name in names.items():
        tensors[f"{name}.{down}.weight"], tensors[f"{name}.{up}.weight"] = map(torch.ones, shapes[part])
    path.parent.mkdir(exist_ok=True)
    save_file(tensors, path, metadata={"ss_output_name": f"{path.stem}-alias"})


def test_a_lora_in_the_prompt_changes_the_picture_and_leaves_the_model_as_it_was(
    web_ui: httpx.Client, models_folder: Path
) -> None:
    kohya = {"unet": "lora_unet_conv_in", "te": "lora_te_text_model_encoder_layers_0_self_attn_v_proj"}
    diffusers = {"unet": "unet.conv_in", "te": "text_encoder.text_model.encoder.layers.0.self_attn.v_proj"}
    folder = models_folder / LORA_FOLDER
    write_lora(folder / "ink.safetensors", kohya, up="lora_up", down="lora_down")
    write_lora(folder / "same.safetensors", diffusers, up="lora_B", down="lora_A")
    write_lora(folder / "text.safetensors", {"te": kohya["te"]}, up="lora_up", down="lora_down")
    (folder / "broken.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0not a header")

    def made(prompt: str) -> str:
        return str(make(web_ui, prompt=f"a cat{prompt}")["images"][0])

    def pixels(prompt: str) -> bytes:
        return opened(made(prompt)).convert("RGB").tobytes()

    listed = [(entry["name"], entry["alias"]) for entry in web_ui.get("/loras").json()]
    names = ("ink", "same", "text")
    assert listed == [("broken", "broken"), *((name, f"{name}-alias") for name in names)]
    before = made("")
    inked = pixels("<lora:ink:1>")
    assert inked == pixels("<lora:ink-alias:1>") == pixels("<lyco:same:1>")
    assert len({inked, pixels(""), pixels("<lora:ink:0.1>"), pixels("<lora:ink:1:0>")}) == 4
    assert pixels("<lora:text:1>") == pixels("<lora:ink:1:0>")
    assert pixels("<lyco:nope:1>") == pixels("<lora:ink:0>") == pixels("<lora:broken:1>") == pixels("")
    info = make(web_ui, prompt="a cat<lora:ink:1>")["info"]
    assert re.search(r'Lora hashes: "ink: [0-9a-f]{12}", Version', info["infotexts"][0])
    assert made("") == before
