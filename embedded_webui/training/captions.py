"""Captions of scenes, in the words that people write in prompts."""

import random
from typing import Final

from embedded_webui.training.scenes import DrawnScene, SceneObject

_OPENINGS: Final = ("", "", "", "", "a photo of ", "a picture of ", "a drawing of ", "an image of ")
_RELATIONS: Final = {
    "left of": ("left of", "to the left of", "on the left of", "left to"),
    "right of": ("right of", "to the right of", "on the right of", "right to"),
    "above": ("above", "over", "on top of"),
    "below": ("below", "under", "beneath"),
}
_OPPOSITES: Final = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
_WEARING: Final = ("{} wizard", "wizard {}", "{} with a wizard hat", "{} in a wizard hat", "{} wearing a wizard hat")
_PLAIN: Final = (", {} background", " on a {} background", " in front of a {} background", " on {}")
_GRADIENTS: Final = (", {} to {} gradient background", ", gradient from {} to {}", ", {} and {} background")
_BACKGROUND_ALONE: Final = ("{} background", "a {} background", "plain {} background")
#: Words that pictures of real models need and that these scenes ignore.
_STYLE_WORDS: Final = (
    *("detailed", "highly detailed", "fantasy", "cute", "adorable", "Pixar", "Disney", "8k", "4k", "masterpiece"),
    *("best quality", "digital art", "sharp focus", "simple", "lord of the rings", "gandalf", "trending", "beautiful"),
)
_STYLED: Final = 0.25
#: Part of the relations that start with the second object, and of the fourth choice of an article that is definite.
_REVERSED: Final = 0.5
_DEFINITE: Final = 0.3
#: Largest number of style words.
_MOST_STYLE_WORDS: Final = 6


def caption_of(scene: DrawnScene, source: random.Random) -> str:
    """Return one of the many captions of a scene."""
    named = [_name(item, source) for item in scene.objects]
    if scene.relation:
        relation = scene.relation
        if source.random() < _REVERSED:
            named.reverse()
            relation = _OPPOSITES[relation]
        named = [f"{named[0]} {source.choice(_RELATIONS[relation])} {named[1]}"]
    caption = source.choice(_OPENINGS) + "".join(named[:1])
    if not named:
        caption = source.choice(_BACKGROUND_ALONE).format(" and ".join(scene.background))
    elif scene.background:
        phrases = _PLAIN if len(scene.background) == 1 else _GRADIENTS
        caption += source.choice(phrases).format(*scene.background)
    if source.random() < _STYLED:
        words = source.sample(_STYLE_WORDS, source.randint(1, _MOST_STYLE_WORDS))
        caption = ", ".join([caption, *words])
    return caption


def _name(item: SceneObject, source: random.Random) -> str:
    noun = source.choice(_WEARING).format(item.kind) if item.wears_hat else item.kind
    words = " ".join(word for word in (item.size, item.colour, noun) if word)
    article = source.choice(("", "a", "a", "the" if source.random() < _DEFINITE else "a"))
    return f"an {words}" if article == "a" and words[0] in "aeiou" else f"{article} {words}".strip()
