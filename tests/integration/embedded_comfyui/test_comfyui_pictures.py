"""Pictures of the embedded ComfyUI with the project's tiny model."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from embedded_webui.models.kinds import TRAINED_MODELS
from tests.integration.embedded_comfyui.conftest import RunningComfyUi, Start
from tests.integration.embedded_comfyui.recordings import WORKFLOW, changed

# One process imports torch for all of them, which takes minutes on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("embedded_comfyui")]

DRAWN = changed(
    WORKFLOW,
    {
        "3": {"inputs": {"seed": 5, "steps": 8}},
        "4": {"inputs": {"ckpt_name": "shapes.safetensors"}},
        "5": {"inputs": {"width": 256, "height": 256}},
        "6": {"inputs": {"text": "a red circle left of a green square"}},
    },
)


@pytest.fixture(scope="module")
def drawing(start_comfyui: Start) -> RunningComfyUi:
    comfyui = start_comfyui("--threads", "1")
    for ours, theirs in (("Stable-diffusion", "checkpoints"), ("Lora", "loras")):
        shutil.copytree(TRAINED_MODELS / ours, comfyui.base / "models" / theirs, dirs_exist_ok=True)
    return comfyui


def picture(comfyui: RunningComfyUi, prompt: dict[str, Any]) -> Image.Image:
    entry = comfyui.finished(comfyui.submit(prompt))
    assert entry["status"]["completed"], entry["status"]["messages"][-1]
    (file,) = entry["outputs"]["9"]["images"]
    with Image.open(comfyui.base / "output" / file["filename"]) as opened:
        return opened.convert("RGB")


def halves(image: Image.Image, is_coloured: Callable[[int, int, int], bool]) -> tuple[int, int]:
    """Return how many pixels of the left and of the right half have a colour."""
    left, right = (image.crop((start, 0, start + 128, 256)).tobytes() for start in (0, 128))
    counts = [
        sum(is_coloured(red, green, blue) for red, green, blue in zip(*[iter(half)] * 3, strict=True))
        for half in (left, right)
    ]
    return counts[0], counts[1]


def is_red(red: int, green: int, blue: int) -> bool:
    return red > 150 and green < 100 and blue < 100


def is_green(red: int, green: int, blue: int) -> bool:
    return green > 100 and red < 100 and blue < 120


def is_blue(red: int, green: int, blue: int) -> bool:
    return blue > 130 and red < 110 and green < 130


def test_text_becomes_a_picture_and_a_picture_another_one(drawing: RunningComfyUi) -> None:
    first = picture(drawing, DRAWN)
    for is_coloured, more, fewer in ((is_red, 0, 1), (is_green, 1, 0)):
        counts = halves(first, is_coloured)
        assert counts[more] > 1000 > 10 * counts[fewer]
    (name,) = (path.name for path in (drawing.base / "output").iterdir())
    again = {
        "3": {"inputs": {"latent_image": ["21", 0], "denoise": 0.6}},
        "6": {"inputs": {"text": "a blue circle left of a green square"}},
        "20": {"class_type": "LoadImage", "inputs": {"image": f"{name} [output]"}},
        "21": {"class_type": "VAEEncode", "inputs": {"pixels": ["20", 0], "vae": ["4", 2]}},
    }
    second = picture(drawing, changed(DRAWN, again))
    assert halves(second, is_blue)[0] > 1000 > 10 * halves(second, is_red)[0]


def test_a_lora_changes_the_picture(drawing: RunningComfyUi) -> None:
    loader = {"model": ["4", 0], "clip": ["4", 1], "lora_name": "ink.safetensors"}
    change = {
        "3": {"inputs": {"model": ["30", 0], "seed": 6}},
        "6": {"inputs": {"clip": ["30", 1]}},
        "30": {"class_type": "LoraLoader", "inputs": {**loader, "strength_model": 0.0, "strength_clip": 0.0}},
    }
    plain = picture(drawing, changed(DRAWN, change))
    inked = picture(drawing, changed(DRAWN, changed(change, {"30": {"inputs": {"strength_model": 1.0}}})))
    assert halves(plain, is_red)[0] > 1000 > 10 * halves(inked, is_red)[0]


def test_a_corrupt_checkpoint_fails_and_the_next_prompt_runs(drawing: RunningComfyUi) -> None:
    (drawing.base / "models" / "checkpoints" / "corrupt.safetensors").write_bytes(b"no model" * 10)
    broken = changed(DRAWN, {"4": {"inputs": {"ckpt_name": "corrupt.safetensors"}}})
    events = dict(drawing.finished(drawing.submit(broken))["status"]["messages"])
    assert events["execution_error"]["exception_type"].endswith("SafetensorError")
    assert halves(picture(drawing, changed(DRAWN, {"3": {"inputs": {"seed": 8}}})), is_red)[0] > 1000


def test_a_batch_becomes_an_animation(drawing: RunningComfyUi) -> None:
    saver = {"fps": 6, "lossless": False, "quality": 80, "method": "default", "filename_prefix": "w"}
    change = {
        "3": {"inputs": {"sampler_name": "dpmpp_2m", "scheduler": "karras", "seed": 18446744073709551615}},
        "5": {"inputs": {"batch_size": 2}},
        "9": {"class_type": "SaveAnimatedWEBP", "inputs": saver},
    }
    entry = drawing.finished(drawing.submit(changed(DRAWN, change)))
    (file,) = entry["outputs"]["9"]["images"]
    with Image.open(drawing.base / "output" / file["filename"]) as opened:
        assert (opened.n_frames, opened.size) == (2, (256, 256))  # type: ignore[attr-defined]  # of animated formats
