"""Suggestions for unknown words of a request: the known word that the sender probably meant."""

import difflib
from collections.abc import Iterable
from typing import Final

#: Characters of an unknown word that are compared.
MAX_COMPARED: Final = 100


def nearest(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the known word that is most like `word`, in any spelling of its parts (`cfgScale`, `cfg_scale`).

    `likeness` is the least share of equal letters, from 0 to 1.
    """
    return next(iter(similar(word, known, likeness=likeness, most=1)), None)


def similar(word: str, known: Iterable[str], *, likeness: float = 0.6, most: int = 3) -> list[str]:
    """Return the known words that are most like `word`, the nearest first, as `nearest` compares them."""
    by_letters = {_letters(each): each for each in known}
    found = difflib.get_close_matches(_letters(word[:MAX_COMPARED]), by_letters, n=most, cutoff=likeness)
    return [by_letters[each] for each in found]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of an error message that names the nearest known word; empty without one."""
    found = nearest(word, known)
    return f"; did you mean {found!r}?" if found else ""


def _letters(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
