"""Pictures and captions that the tiny model learns from."""

import random
from collections import Counter

import numpy as np
import pytest

from embedded_webui.training.captions import caption_of
from embedded_webui.training.drawing import STYLES, draw
from embedded_webui.training.scenes import (
    COLOURS,
    DEFAULT_BACKGROUND,
    KINDS,
    RELATIONS,
    SHAPES,
    DrawnScene,
    SceneObject,
    is_held_out,
    random_scene,
)

SOURCE = random.Random(1)  # noqa: S311 - no secret
SCENES = [random_scene(SOURCE) for _ in range(600)]


def single(kind: str, colour: str | None = None) -> DrawnScene:
    return DrawnScene(objects=(SceneObject(kind=kind, x=0.5, y=0.5, radius=0.3, colour=colour),))


def test_training_never_draws_what_is_held_out() -> None:
    assert not any(is_held_out(scene.objects) for scene in SCENES)
    held_out = [(colour, kind) for colour in COLOURS for kind in SHAPES if is_held_out(single(kind, colour).objects)]
    assert len(held_out) == len(SHAPES)
    assert is_held_out(single("circle", "red").objects)
    assert is_held_out((*single("circle", "blue").objects, *single("square", "red").objects))


@pytest.mark.parametrize("is_related", [False, True])
def test_a_scene_has_what_a_stage_asks_for_and_is_not_held_out(is_related: bool) -> None:
    scenes = [random_scene(SOURCE, is_related=is_related, kinds=("star", "dog")) for _ in range(60)]
    kinds = [{item.kind for item in scene.objects} for scene in scenes]
    assert all({"star", "dog"} & shown for shown in kinds)
    assert {"star", "dog"} <= set().union(*kinds)
    assert all(len(scene.objects) == 2 for scene in scenes) or not is_related
    assert not any(is_held_out(scene.objects) for scene in scenes)


def test_training_draws_everything_else() -> None:
    kinds = Counter(item.kind for scene in SCENES for item in scene.objects)
    assert set(kinds) == set(KINDS)
    assert {scene.relation for scene in SCENES} == {None, *RELATIONS}
    assert {len(scene.background) for scene in SCENES} == {0, 1, 2}
    assert {item.size for scene in SCENES for item in scene.objects} == {None, "small", "large"}
    assert {len(scene.objects) for scene in SCENES} == {0, 1, 2}


def test_a_caption_names_what_the_scene_shows() -> None:
    for scene in SCENES:
        caption = caption_of(scene, SOURCE)
        named = [word for item in scene.objects for word in (item.kind, item.colour, item.size) if word]
        assert all(word in caption for word in (*named, *scene.background))


@pytest.mark.parametrize(("relation", "first_is_less"), [("left of", True), ("right of", False)])
def test_the_first_object_lies_where_the_relation_says(relation: str, *, first_is_less: bool) -> None:
    pairs = [scene.objects for scene in SCENES if scene.relation == relation]
    assert pairs
    assert all((first.x < second.x) is first_is_less for first, second in pairs)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_shape_has_its_colour_and_the_rest_the_backgrounds(colour: str) -> None:
    picture = draw(single("circle", colour), width=96, height=64)
    assert picture.shape == (64, 96, 3)
    assert tuple(picture[32, 48]) == COLOURS[colour]
    assert tuple(picture[2, 2]) == DEFAULT_BACKGROUND


def test_a_ring_is_open_in_its_middle() -> None:
    picture = draw(single("ring", "red"), width=64, height=64)
    assert tuple(picture[32, 32]) == DEFAULT_BACKGROUND
    assert tuple(picture[32, 47]) == COLOURS["red"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_visible_in_every_style(kind: str) -> None:
    empty = DrawnScene(objects=())
    for style in STYLES:
        drawn, background = (draw(scene, width=64, height=64, style=style) for scene in (single(kind), empty))
        assert np.any(drawn != background, axis=-1).mean() > 0.05
