"""Scenes that the tiny model learns: objects, colours, places and backgrounds, drawn at random."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

#: Colours by the word of the caption, as red, green and blue.
COLOURS: Final = {
    "red": (220, 30, 35),
    "orange": (250, 140, 20),
    "yellow": (250, 225, 40),
    "green": (35, 160, 60),
    "blue": (35, 80, 215),
    "purple": (130, 45, 170),
    "white": (250, 250, 250),
    "black": (15, 15, 15),
}
#: Background of a scene whose caption names none.
DEFAULT_BACKGROUND: Final = (188, 194, 204)
SHAPES: Final = ("circle", "square", "triangle", "star", "heart", "ring", "cross")
THINGS: Final = ("cat", "dog", "wizard hat", "tree", "sun", "house", "boat", "ocean", "flower", "fish")
KINDS: Final = (*SHAPES, *THINGS)
#: Things that can wear a wizard hat.
WEARERS: Final = ("cat", "dog")
SIZES: Final = ("small", "large")
#: Relations of the first object to the second one.
RELATIONS: Final = ("left of", "right of", "above", "below")

#: Parts of the scenes: a background alone, one shape, one thing, and two objects for the rest.
_BACKGROUND_ALONE: Final = 0.04
_ONE_SHAPE: Final = 0.35
_ONE_THING: Final = 0.27
#: Parts of the objects and scenes with an attribute.
_SIZED: Final = 0.25
_COLOURED_THING: Final = 0.35
_WIZARD: Final = 0.25
_PLAIN_BACKGROUND: Final = 0.4
_GRADIENT: Final = 0.12
_SECOND_IS_SHAPE: Final = 0.7
#: Part of the single objects that are small and lie anywhere, as in pictures that people send, and their places.
_ANYWHERE: Final = 0.15
_PLACES: Final = (0.28, 0.72)


@dataclass(frozen=True, kw_only=True)
class SceneObject:
    """One object; its place and radius are parts of the image's sides."""

    kind: str
    x: float
    y: float
    radius: float
    colour: str | None = None
    size: str | None = None
    wears_hat: bool = False


@dataclass(frozen=True, kw_only=True)
class DrawnScene:
    """Objects before a background of no, one or two colours (a gradient from top to bottom)."""

    objects: tuple[SceneObject, ...]
    relation: str | None = None
    background: tuple[str, ...] = ()


def is_held_out(objects: tuple[SceneObject, ...]) -> bool:
    """Return True if training never sees these objects together, so that a benchmark can ask for them.

    A single shape is held out by its colour, two shapes by both colours and both kinds.
    """
    if not objects or any(item.kind not in SHAPES or item.colour is None for item in objects):
        return False
    numbers = [list(COLOURS).index(item.colour) + SHAPES.index(item.kind) for item in objects if item.colour]
    return numbers[0] % len(COLOURS) == 0 if len(numbers) == 1 else sum(numbers) % 5 == 0


def random_scene(source: random.Random, *, is_related: bool = False, kinds: Collection[str] = ()) -> DrawnScene:
    """Return a scene that is not held out: of two objects if it must be related, and with one of the kinds."""
    while True:
        scene = _any_scene(source)
        lacks_kind = kinds and all(item.kind not in kinds for item in scene.objects)
        if not is_held_out(scene.objects) and not lacks_kind and (scene.relation or not is_related):
            return scene


def _any_scene(source: random.Random) -> DrawnScene:
    colours = source.sample(list(COLOURS), len(COLOURS))
    sort = source.random()
    relation = None
    if sort > 1 - _BACKGROUND_ALONE:
        return DrawnScene(objects=(), background=tuple(colours[: source.randint(1, 2)]))
    if sort < _ONE_SHAPE + _ONE_THING:
        kind = source.choice(SHAPES if sort < _ONE_SHAPE else THINGS)
        place, radius = (0.5, 0.5), 0.35
        if source.random() < _ANYWHERE:
            place, radius = (source.uniform(*_PLACES), source.uniform(*_PLACES)), 0.22
        objects: tuple[SceneObject, ...] = (_object(kind, colours.pop(), place, radius, source),)
    else:
        relation = source.choice(RELATIONS)
        first, second = 0.25, 0.75
        places = {"left of": (first, 0.5), "right of": (second, 0.5), "above": (0.5, first), "below": (0.5, second)}
        x, y = places[relation]
        kinds = [source.choice(SHAPES if source.random() < _SECOND_IS_SHAPE else THINGS[:-3]) for _ in range(2)]
        objects = (
            _object(kinds[0], colours.pop(), (x, y), 0.22, source),
            _object(kinds[1], colours.pop(), (1 - x, 1 - y), 0.22, source),
        )
    drawn = source.random()
    count = 1 if drawn < _PLAIN_BACKGROUND else 2 if drawn < _PLAIN_BACKGROUND + _GRADIENT else 0
    return DrawnScene(objects=objects, relation=relation, background=tuple(colours[:count]))


def _object(kind: str, colour: str, place: tuple[float, float], radius: float, source: random.Random) -> SceneObject:
    size = source.choice(SIZES) if source.random() < _SIZED else None
    scale = {"small": 0.55, "large": 1.15, None: 1.0}[size] * source.uniform(0.92, 1.08)
    jitter = 0.15 * radius
    is_coloured = kind in SHAPES or source.random() < _COLOURED_THING
    return SceneObject(
        kind=kind,
        x=place[0] + source.uniform(-jitter, jitter),
        y=place[1] + source.uniform(-jitter, jitter),
        radius=radius * scale,
        colour=colour if is_coloured else None,
        size=size,
        wears_hat=kind in WEARERS and source.random() < _WIZARD,
    )
