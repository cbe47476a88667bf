"""Held-out prompts: combinations of colours and shapes that the training of the tiny model never draws.

The training numbers its colours and shapes. It leaves out a single shape whose numbers add up to a multiple of eight.
It leaves out two shapes whose numbers add up to a multiple of five. A test compares this list with that rule.
"""

from collections.abc import Iterator
from typing import Final

from benchmarks.picture_judge.scene import Scene, scene

_SINGLE: Final = (
    *("red circle", "black square", "white triangle", "purple star", "blue heart", "green ring"),
    "yellow cross",
)
#: Wordings of a single shape, with the background that each names.
_WORDINGS: Final = (
    ("{}", ""),
    ("{}, {} background", "blue"),
    ("a photo of {}, detailed, cute, 8k", ""),
    ("{} on a {} background", "green"),
)
#: Background for a shape that has the wording's colour.
_OTHER_BACKGROUND: Final = "yellow"
_PAIRS: Final = (
    "white cross left of green circle",
    "purple triangle right of white triangle",
    "blue circle above orange ring",
    "red triangle below black square",
    "blue circle left of red cross",
    "orange triangle right of yellow circle",
    "black heart above white star",
    "black triangle below white circle",
    "blue circle left of red square",
    "black heart right of orange star",
    "purple star above blue star",
    "purple ring below blue cross",
    "red star left of blue star",
    "purple ring right of red ring",
    "orange circle above white star",
    "orange star below green star",
    "red square left of yellow triangle",
    "green cross right of black heart",
    "black cross above orange cross",
    "red circle below orange heart",
    "red triangle left of purple star",
    "yellow cross right of black ring",
    "orange heart above white heart",
    "green circle below orange square",
    "white circle left of blue ring",
    "black circle right of yellow cross",
    "purple cross above green square",
    "blue triangle below red heart",
    "purple heart left of white circle",
    "orange cross right of green ring",
    "red ring above blue square",
    "black ring below white triangle",
)


def held_out_prompts() -> Iterator[tuple[str, Scene]]:
    """Yield 60 prompts with their scenes: 28 of one shape, 32 of two."""
    for words in _SINGLE:
        described = scene(words)
        (shape,) = described.objects
        for wording, colour in _WORDINGS:
            background = _OTHER_BACKGROUND if colour == shape.colour else colour
            yield wording.format(shape, background), Scene(described.objects, background=background)
    for words in _PAIRS:
        yield scene(words).prompt, scene(words)
