"""Effects that a request's fields must have on a picture: guidance, negative prompt, seed, batch, input and mask."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from benchmarks.picture_judge.objects import FoundScene, find_objects
from benchmarks.picture_judge.scene import judge_picture, scene
from benchmarks.webui_pictures import PictureSource, as_base64

SEEDS: Final = (1, 2, 3, 4, 5, 6, 7, 8)
#: Part of the trials that must have an effect that depends on what the model has learnt.
_MOST: Final = 0.75
#: Levels, of 255, by which pictures differ visibly on average, and by which a copy may differ.
_VISIBLE_LEVELS: Final = 3.0
_COPY_LEVELS: Final = 1.0
#: The same for pictures of different styles, whose backgrounds differ as well.
_STYLE_LEVELS: Final = 20.0
#: Parts of the picture's sides by which an object may move although the layout is kept.
_SAME_PLACE: Final = 0.08
#: Part to which its area may shrink; it may grow as much.
_SAME_AREA: Final = 0.5
#: Pixels for which a mask's edge is blurred, and a margin for it.
_MASK_MARGIN: Final = 24
#: Prompts that leave a colour or everything open, so that a negative prompt contradicts none of them.
_OPEN: Final = ("a tree", "the sun", "a fish", "ocean", "", "", "", "") * 3


def measure_effects(webui: PictureSource) -> Iterator[tuple[str, float, float]]:
    """Yield the name of each effect, the part of its trials that had it, and the part that must have it."""
    yield "a seed repeats bytes", _repeats(webui), 1.0
    yield "pictures of a batch differ", _batch_differs(webui), 1.0
    yield "guidance scale has an effect", _guidance(webui), 1.0
    yield "negative prompt takes the named thing away", _negative(webui), _MOST
    yield "denoising 0.3 keeps the layout", _keeps_layout(webui), _MOST
    yield "denoising 0.9 follows the prompt", _follows_prompt(webui), _MOST
    yield "a mask changes its inside", _mask(webui, inside=True), 1.0
    yield "a mask keeps its outside", _mask(webui, inside=False), 1.0


def measure_styles(webui: PictureSource) -> Iterator[tuple[str, float, float]]:
    """Yield the same for the LoRA file and the second checkpoint of the project, which have other styles."""
    prompt = "a blue square"
    plain = webui.draw(prompt)
    inked = webui.draw(f"{prompt} <lora:ink:1>")
    yield "LoRA ink changes the style", float(_levels(plain, inked) > _STYLE_LEVELS), 1.0
    chalk = webui.draw(prompt, override_settings={"sd_model_checkpoint": "chalk.safetensors"})
    yield "checkpoint chalk changes the style", float(_levels(plain, chalk) > _STYLE_LEVELS), 1.0


def _repeats(webui: PictureSource) -> float:
    prompt = "a blue star"
    same = [webui.encoded(prompt, seed=seed) == webui.encoded(prompt, seed=seed) for seed in SEEDS[:2]]
    return float(np.mean(same))


def _batch_differs(webui: PictureSource) -> float:
    pictures = webui.encoded("a blue star", batch_size=3)
    return float(len(set(pictures)) == len(pictures) > 1)


def _guidance(webui: PictureSource) -> float:
    return float(np.mean([_levels(*_guided(webui, seed)) > _VISIBLE_LEVELS for seed in SEEDS]))


def _guided(webui: PictureSource, seed: int) -> tuple[Image.Image, Image.Image]:
    weak, strong = (webui.draw("a purple cross above an orange ring", seed=seed, cfg_scale=scale) for scale in (1, 7))
    return weak, strong


def _negative(webui: PictureSource) -> float:
    """Return the part of the pictures that lose the colour of their largest object when a negative prompt names it."""
    gone = 0
    for number, prompt in enumerate(_OPEN):
        before = find_objects(webui.draw(prompt, seed=number))
        for unwanted in before.objects[:1]:
            named = unwanted.colour if prompt else f"{unwanted.colour} {unwanted.shape or ''}".strip()
            after = find_objects(webui.draw(prompt, seed=number, negative_prompt=named))
            gone += _share(after, unwanted.colour) < _share(before, unwanted.colour) / 2
    return gone / len(_OPEN)


def _share(found: FoundScene, colour: str) -> float:
    """Return the part of the picture that has a colour."""
    objects = sum(one.area for one in found.objects if one.colour == colour)
    covered = sum(one.area for one in found.objects)
    return objects + (1 - covered if found.background == colour else 0)


def _input(webui: PictureSource) -> Image.Image:
    """Return a picture of a red circle at the upper left."""
    picture = Image.new("RGB", (webui.width, webui.height), (190, 195, 205))
    side = min(picture.size)
    ImageDraw.Draw(picture).ellipse((0.12 * side, 0.15 * side, 0.52 * side, 0.55 * side), fill=(215, 35, 40))
    return picture


def _denoised(webui: PictureSource, seed: int, strength: float) -> Image.Image:
    return webui.draw("a blue square", seed=seed, init_images=[as_base64(_input(webui))], denoising_strength=strength)


def _keeps_layout(webui: PictureSource) -> float:
    (before,) = find_objects(_input(webui)).objects
    kept = []
    for seed in SEEDS:
        for after in find_objects(_denoised(webui, seed, 0.3)).objects[:1]:
            is_near = max(abs(after.x - before.x), abs(after.y - before.y)) < _SAME_PLACE
            kept.append(is_near and _SAME_AREA < after.area / before.area < 1 / _SAME_AREA)
    return sum(kept) / len(SEEDS)


def _follows_prompt(webui: PictureSource) -> float:
    wanted = scene("blue square")
    return float(np.mean([judge_picture(_denoised(webui, seed, 0.9), wanted).has_objects for seed in SEEDS]))


def _mask(webui: PictureSource, *, inside: bool) -> float:
    """Return the part of the trials whose masked half changed, or whose other half stayed."""
    before = _input(webui)
    middle = webui.width // 2
    mask = Image.new("L", before.size)
    mask.paste(255, (0, 0, middle, webui.height))
    left, right = (0, middle - _MASK_MARGIN) if inside else (middle + _MASK_MARGIN, webui.width)
    box = (left, 0, right, webui.height)
    trials = []
    for seed in SEEDS[:2]:
        inputs = {"init_images": [as_base64(before)], "mask": as_base64(mask), "denoising_strength": 0.9}
        after = webui.draw("a green heart", seed=seed, **inputs)
        levels = _levels(before.crop(box), after.crop(box))
        trials.append(levels > _VISIBLE_LEVELS if inside else levels < _COPY_LEVELS)
    return float(np.mean(trials))


def _levels(first: Image.Image, second: Image.Image) -> float:
    """Return the mean difference of two pictures, in levels of 255."""
    return float(np.abs(np.asarray(first, dtype=float) - np.asarray(second, dtype=float)).mean())
