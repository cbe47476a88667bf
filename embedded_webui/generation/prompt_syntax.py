"""The Web UI's prompt language: weights in brackets, prompts that change between steps, and extra networks."""

import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Final

#: Factor of one pair of round brackets on the weight; square ones divide by it.
_BRACKET_WEIGHT: Final = 1.1
#: Word that starts a new chunk of the prompt.
#: A run of spaces is read once, from its beginning; otherwise a prompt of spaces would take quadratic time.
_BREAK: Final = re.compile(r"(?:(?<!\s)\s++)?+\bBREAK\b\s*+")
_EXTRA_NETWORK: Final = re.compile(r"<(\w+):([^<>]+)>")
_TOKENS: Final = re.compile(r"\\[()\[\]\\]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:")
#: A square bracket, a character that a backslash escapes, or other text.
_BRACKET_OR_TEXT: Final = re.compile(r"\\.|[\[\]]|[^\[\]\\]+|\\", re.DOTALL)
_WHEN: Final = re.compile(r"\s*+(\d++(?:\.\d*+)?|\.\d++)\s*+")


@dataclass(frozen=True)
class Weighted:
    """A piece of the prompt and its weight; `text` None starts a new chunk."""

    text: str | None
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ExtraNetwork:
    """A file that a prompt names, with a weight for the text encoders and one for the U-Net."""

    kind: str
    name: str
    weights: tuple[float, float]


def split_extra_networks(prompt: str) -> tuple[str, list[ExtraNetwork]]:
    """Return the prompt without its `<lora:name:weight>`, and those; one with a broken weight is ignored."""
    networks = []
    for kind, arguments in _EXTRA_NETWORK.findall(prompt):
        name, *numbers = arguments.split(":")
        with suppress(ValueError):
            text_weight, image_weight, *_ = [*map(float, numbers), *map(float, numbers[-1:]), 1.0, 1.0]
            networks.append(ExtraNetwork(kind=kind, name=name, weights=(text_weight, image_weight)))
    return _EXTRA_NETWORK.sub("", prompt), networks


def prompts_by_step(prompt: str, steps: int) -> list[str]:
    """Return the prompt of each step."""
    return [_at_step(prompt, step, steps) for step in range(1, steps + 1)]


def weighted_pieces(prompt: str) -> list[Weighted]:
    """Return the pieces of a prompt whose brackets are weights: `(a)`, `(a:1.3)`, `[a]`; a backslash escapes one."""
    pieces: list[tuple[str, float]] = []
    open_brackets: list[tuple[str, int]] = []

    def multiply(start: int, factor: float) -> None:
        pieces[start:] = [(text, weight * factor) for text, weight in pieces[start:]]

    for token in _TOKENS.finditer(prompt):
        text, weight = token[0], token[1]
        if text in {"(", "["}:
            open_brackets.append((text, len(pieces)))
        elif weight is not None and open_brackets and open_brackets[-1][0] == "(":
            multiply(open_brackets.pop()[1], float(weight))
        elif text in {")", "]"} and open_brackets and open_brackets[-1][0] == {")": "(", "]": "["}[text]:
            multiply(open_brackets.pop()[1], _BRACKET_WEIGHT if text == ")" else 1 / _BRACKET_WEIGHT)
        else:
            pieces.append((text[1:] if text.startswith("\\") and len(text) > 1 else text, 1.0))
    for bracket, start in reversed(open_brackets):
        multiply(start, _BRACKET_WEIGHT if bracket == "(" else 1 / _BRACKET_WEIGHT)
    return _with_breaks(pieces)


def _with_breaks(pieces: list[tuple[str, float]]) -> list[Weighted]:
    result: list[Weighted] = []
    for weight, group in groupby(pieces, key=itemgetter(1)):
        first, *others = _BREAK.split("".join(text for text, _ in group))
        result.append(Weighted(first, weight))
        for text in others:
            result += [Weighted(None), Weighted(text, weight)]
    return [piece for piece in result if piece.text != ""] or [Weighted("")]


def _at_step(prompt: str, step: int, steps: int) -> str:
    """Resolve the changing parts for one step, counted from 1, from the innermost brackets outwards."""
    # The text before the first bracket, and that after each open one.
    texts = [""]
    for found in _BRACKET_OR_TEXT.finditer(prompt):
        if found[0] == "[":
            texts.append("")
        elif found[0] == "]" and len(texts) > 1:
            content = texts.pop()
            texts[-1] += _resolved(content, step, steps)
        else:
            texts[-1] += found[0]
    return "[".join(texts)


def _resolved(content: str, step: int, steps: int) -> str:
    """Return what a pair of square brackets is at one step: the pair itself if it is a weight."""
    *texts, when = content.split(":")
    if len(texts) in {1, 2} and (number := _WHEN.fullmatch(when)):
        before, after = texts if len(texts) > 1 else ("", texts[0])
        last = float(number[1])
        # A number below 1 is a fraction of all steps, and so is 1 with a point.
        if last < 1 or (last == 1 and "." in when):
            last *= steps
        return before if step <= last else after
    choices = content.split("|")
    return choices[(step - 1) % len(choices)] if len(choices) > 1 else f"[{content}]"
