"""Scene that a prompt describes, and the verdict on a picture of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from PIL import Image

from benchmarks.picture_judge.objects import FoundObject, FoundScene, find_objects

#: Relations of a first object to a second one.
RELATIONS: Final[Mapping[str, Callable[[FoundObject, FoundObject], bool]]] = {
    "left of": lambda first, second: second.x - first.x > abs(second.y - first.y),
    "right of": lambda first, second: first.x - second.x > abs(second.y - first.y),
    "above": lambda first, second: second.y - first.y > abs(second.x - first.x),
    "below": lambda first, second: first.y - second.y > abs(second.x - first.x),
}
#: Part of the smallest expected object's area from which a further object is one too many, and part of its contrast
#: from which that object needs no shape.
_NEGLIGIBLE_AREA: Final = 0.25
_FAINT: Final = 0.4


@dataclass(frozen=True)
class ExpectedObject:
    """A shape in a colour."""

    colour: str
    shape: str

    def __str__(self) -> str:
        article = "an" if self.colour[0] in "aeiou" else "a"
        return f"{article} {self.colour} {self.shape}"

    def is_shown_by(self, found: FoundObject) -> bool:
        """Return True if colour and shape are these."""
        return (found.colour, found.shape) == (self.colour, self.shape)


@dataclass(frozen=True)
class Scene:
    """One object, or two with the relation of the first to the second."""

    objects: tuple[ExpectedObject, ...]
    relation: str = ""
    background: str = ""

    @property
    def prompt(self) -> str:
        """The prompt that describes the scene."""
        words = f" {self.relation} ".join(map(str, self.objects))
        return f"{words}, {self.background} background" if self.background else words


def scene(words: str) -> Scene:
    """Return the scene of a short description, such as `red circle left of green square`."""
    for relation in RELATIONS:
        first, found, second = words.partition(f" {relation} ")
        if found:
            return Scene((_expected(first), _expected(second)), relation)
    return Scene((_expected(words),))


def _expected(words: str) -> ExpectedObject:
    colour, shape = words.split()
    return ExpectedObject(colour, shape)


@dataclass(frozen=True)
class Judgement:
    """Parts of a scene that a picture shows."""

    has_objects: bool
    has_relation: bool
    found: FoundScene


def judge_picture(picture: Image.Image, expected: Scene) -> Judgement:
    """Compare a picture with the scene: its objects and no others, and how those of its colours lie."""
    return judge_found(find_objects(picture), expected)


def judge_found(found: FoundScene, expected: Scene) -> Judgement:
    """Compare what was found in a picture with the scene."""
    related = _is_related(found, expected)
    count = len(expected.objects)
    for chosen in permutations(found.objects, count):
        if all(one.is_shown_by(thing) for one, thing in zip(expected.objects, chosen, strict=True)):
            alone = not any(_is_one_too_many(thing, chosen) for thing in found.objects if thing not in chosen)
            on_background = expected.background in {"", found.background}
            return Judgement(alone and on_background, related, found)
    return Judgement(has_objects=False, has_relation=related, found=found)


def _is_related(found: FoundScene, expected: Scene) -> bool:
    """Return True if the largest objects of the colours lie as the relation says, whatever their shapes."""
    if not expected.relation:
        return True
    largest = [next((thing for thing in found.objects if thing.colour == one.colour), None) for one in expected.objects]
    first, second = largest
    return first is not None and second is not None and RELATIONS[expected.relation](first, second)


def _is_one_too_many(thing: FoundObject, chosen: Sequence[FoundObject]) -> bool:
    """Return True if a further object is large, and has a shape or a strong contrast: a faint blob is texture."""
    is_large = thing.area > _NEGLIGIBLE_AREA * min(one.area for one in chosen)
    return is_large and (thing.shape is not None or thing.contrast > _FAINT * min(one.contrast for one in chosen))
