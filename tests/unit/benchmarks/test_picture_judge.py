"""Judge of pictures: it names what hand-drawn pictures show, disturbed ones too, and refuses wrong ones."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from benchmarks.picture_judge.colours import COLOURS
from benchmarks.picture_judge.objects import find_objects
from benchmarks.picture_judge.scene import ExpectedObject, Scene, judge_found, judge_picture, scene
from benchmarks.picture_judge.shapes import SHAPES
from tests.unit.benchmarks.drawn_pictures import (
    DISTURBANCES,
    PAINTS,
    SIDE,
    draw_shape,
    gradient,
    one_shape,
    plain,
)

NAVY = (25, 40, 110)


@pytest.mark.parametrize("disturb", DISTURBANCES.values(), ids=DISTURBANCES)
def test_shapes_are_named(disturb: Callable[[Image.Image], Image.Image]) -> None:
    picture = plain()
    places = [(100 + 155 * (number % 3), 100 + 155 * (number // 3)) for number in range(len(SHAPES))]
    for shape, (x, y), paint in zip(SHAPES, places, PAINTS.values(), strict=False):
        draw_shape(picture, shape, paint, x=x, y=y, radius=58)
    found = {one.colour: one for one in find_objects(disturb(picture)).objects}
    assert {name: one.shape for name, one in found.items()} == dict(zip(PAINTS, SHAPES, strict=False))
    for one, (x, y) in zip((found[name] for name in PAINTS if name in found), places, strict=True):
        assert abs(one.x - x / SIDE) < 0.1
        assert abs(one.y - y / SIDE) < 0.1


@pytest.mark.parametrize("shape", SHAPES)
def test_a_large_shape_is_named(shape: str) -> None:
    assert judge_picture(one_shape(shape, "red"), scene(f"red {shape}")).has_objects


def test_colours_are_named() -> None:
    picture = gradient()
    colours = [colour for colour in COLOURS if colour != "blue"]
    for number, colour in enumerate(colours):
        x, y = 70 + 120 * (number % 4), 100 + 150 * (number // 4)
        draw_shape(picture, "heart", PAINTS[colour], x=x, y=y, radius=45)
    shown = find_objects(picture)
    assert sorted((one.colour, one.shape) for one in shown.objects) == [(name, "heart") for name in sorted(colours)]
    assert shown.background == "blue"


def two_shapes(*, x: float, y: float, radius: float = 70) -> Image.Image:
    """Return a red circle at a point, and a green square in the middle of a gradient."""
    picture = gradient()
    draw_shape(picture, "circle", PAINTS["red"], x=x, y=y, radius=radius)
    draw_shape(picture, "square", PAINTS["green"], x=256, y=256, radius=70)
    return picture


PLACES = {"left of": (90, 280), "right of": (430, 240), "above": (240, 90), "below": (280, 430)}


@pytest.mark.parametrize(("wanted", "place"), PLACES.items())
def test_the_relation_is_that_of_the_centres(wanted: str, place: tuple[int, int]) -> None:
    found = find_objects(two_shapes(x=place[0], y=place[1]))
    for relation in PLACES:
        judgement = judge_found(found, scene(f"red circle {relation} green square"))
        assert judgement.has_objects, judgement.found
        assert judgement.has_relation is (relation == wanted)


@pytest.mark.parametrize(
    "words",
    ["red square", "green circle", "red circle left of green star", "red circle left of blue square", "red circle"],
)
def test_another_scene_is_refused(words: str) -> None:
    assert not judge_picture(two_shapes(x=90, y=256), scene(words)).has_objects


def test_an_object_too_many_is_refused_and_a_speck_is_not() -> None:
    wanted = scene("red circle")
    picture = one_shape("circle", "red", radius=90)
    draw_shape(picture, "circle", PAINTS["yellow"], x=440, y=60, radius=24)
    assert judge_picture(picture, wanted).has_objects
    draw_shape(picture, "circle", PAINTS["yellow"], x=440, y=440, radius=60)
    assert not judge_picture(picture, wanted).has_objects


def test_a_faint_blob_is_texture() -> None:
    picture = one_shape("circle", "red", radius=90, ground=(188, 194, 204))
    picture.paste((243, 241, 243), (20, 380, 200, 490))
    assert judge_picture(picture, scene("red circle")).has_objects
    white = one_shape("circle", "white", radius=90, ground=(188, 194, 204))
    white.paste((243, 241, 243), (20, 380, 200, 490))
    assert not judge_picture(white, scene("white circle")).has_objects


def test_the_named_background_is_wanted() -> None:
    picture = one_shape("star", "yellow", ground=NAVY)
    assert judge_picture(picture, Scene((ExpectedObject("yellow", "star"),), background="blue")).has_objects
    assert not judge_picture(picture, Scene((ExpectedObject("yellow", "star"),), background="green")).has_objects


def beam() -> Image.Image:
    picture = plain()
    picture.paste(PAINTS["red"], (60, 200, 460, 300))
    return picture


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (24, 24, 3), dtype=np.uint8)).resize((SIDE, SIDE))


@pytest.mark.parametrize("picture", [plain(), plain(PAINTS["red"]), gradient(), beam(), noise()])
def test_what_is_no_shape_is_not_named_as_one(picture: Image.Image) -> None:
    found = find_objects(picture)
    for shape in SHAPES:
        assert not judge_found(found, scene(f"red {shape}")).has_objects


def test_a_scene_has_the_words_of_its_description() -> None:
    assert scene("orange ring above blue cross").prompt == "an orange ring above a blue cross"
    assert Scene((ExpectedObject("red", "heart"),), background="white").prompt == "a red heart, white background"
