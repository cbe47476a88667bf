"""Benchmark of prompt fidelity: it counts right pictures, and fields without an effect."""

from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image

from benchmarks.generation_effects import measure_effects, measure_styles
from benchmarks.picture_judge.held_out import held_out_prompts
from benchmarks.picture_judge.scene import Scene, judge_picture
from benchmarks.prompt_fidelity import measure_size
from benchmarks.webui_pictures import as_base64
from embedded_webui.training.drawing import draw
from embedded_webui.training.scenes import DrawnScene, SceneObject, is_held_out
from tests.unit.benchmarks.drawn_pictures import PAINTS, draw_shape, plain

PLACES = {"left of": (0.25, 0.5), "right of": (0.75, 0.5), "above": (0.5, 0.25), "below": (0.5, 0.75), "": (0.5, 0.5)}


@dataclass
class Painter:
    """Draws the scene of a held-out prompt, and ignores all fields."""

    width: int = 192
    height: int = 192
    mirrored: bool = False

    def draw(self, prompt: str, **fields: Any) -> Image.Image:
        drawn: Scene | None = dict(held_out_prompts()).get(prompt)
        ground = PAINTS[drawn.background] if drawn and drawn.background else (188, 194, 204)
        picture = plain(ground, size=(self.width, self.height))
        if drawn:
            x, y = PLACES[drawn.relation]
            places = [(x, y), (1 - x, 1 - y)]
            for shape, (x, y) in zip(drawn.objects, reversed(places) if self.mirrored else places, strict=False):
                place = {"x": x * self.width, "y": y * self.height}
                draw_shape(picture, shape.shape, PAINTS[shape.colour], **place, radius=0.16 * self.width)
        return picture

    def encoded(self, prompt: str, **fields: Any) -> list[str]:
        return [as_base64(self.draw(prompt))] * int(fields.get("batch_size", 1))


def test_there_are_sixty_different_prompts() -> None:
    prompts = dict(held_out_prompts())
    assert len(prompts) == 60
    assert sum(bool(described.relation) for described in prompts.values()) == 32


@pytest.mark.parametrize("described", dict(held_out_prompts()).values(), ids=lambda described: described.prompt)
def test_the_training_never_draws_a_prompt(described: Scene) -> None:
    trained = [
        SceneObject(kind=shape.shape, colour=shape.colour, x=0.5, y=0.5, radius=0.3) for shape in described.objects
    ]
    assert is_held_out(tuple(trained))


def test_the_judge_knows_the_drawings_of_the_training() -> None:
    """A judge that missed them would call a perfect model wrong."""
    for prompt, described in list(held_out_prompts())[::3]:
        x, y = PLACES[described.relation]
        objects = [
            SceneObject(kind=shape.shape, colour=shape.colour, x=x, y=y, radius=0.22 if described.relation else 0.35)
            for shape, (x, y) in zip(described.objects, [(x, y), (1 - x, 1 - y)], strict=False)
        ]
        drawn = DrawnScene(objects=tuple(objects), background=tuple(filter(None, [described.background])))
        judged = judge_picture(Image.fromarray(draw(drawn, width=256, height=256)), described)
        assert (judged.has_objects, judged.has_relation) == (True, True), (prompt, judged.found)


@pytest.mark.parametrize(("mirrored", "relations"), [(False, 1), (True, 0)])
def test_right_pictures_are_counted(relations: int, *, mirrored: bool) -> None:
    shares = measure_size(Painter(mirrored=mirrored), every=6, pictures=None)
    assert (shares["objects"], shares["relations"]) == (1, relations)


def test_a_program_that_ignores_the_fields_has_no_effect() -> None:
    effects = (*measure_effects(Painter()), *measure_styles(Painter()))
    shares = {name: share for name, share, _ in effects}
    assert {name for name, share in shares.items() if share} == {"a seed repeats bytes", "a mask changes its inside"}
