"""The Web UI's prompt language: weights in brackets, prompts that change between steps, and extra networks."""

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

#: Factor of one pair of round brackets on the weight; square ones divide by it.
_BRACKET_WEIGHT: Final = 1.1
#: Word that starts a new chunk of the prompt.
#: A run of spaces is read once, from its beginning; otherwise a prompt of spaces would take quadratic time.
_BREAK: Final = re.compile(r"(?:(?<!\s)\s++)?+\bBREAK\b\s*+")
_EXTRA_NETWORK: Final = re.compile(r"<(\w+):([^<>]+)>")
_TOKENS: Final = re.compile(r"\\[()\[\]\\]|\\|\(|\[|:\s*([+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:")
#: Innermost square brackets; with a colon or a bar inside they are a prompt that changes between steps.
_CHANGING: Final = re.compile(r"\[([^\[\]]*)\]")
_WHEN: Final = re.compile(r"^\s*([.\d]+)\s*$")


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
    joined: list[tuple[str, float]] = []
    for text, weight in pieces:
        if joined and joined[-1][1] == weight:
            joined[-1] = (joined[-1][0] + text, weight)
        else:
            joined.append((text, weight))
    result: list[Weighted] = []
    for text, weight in joined:
        for number, part in enumerate(_BREAK.split(text)):
            if number:
                result.append(Weighted(None))
            if part:
                result.append(Weighted(part, weight))
    return result or [Weighted("")]


def _at_step(prompt: str, step: int, steps: int) -> str:
    """Resolve the changing parts for one step, counted from 1, from the innermost brackets outwards."""
    while True:
        found = _first_change(prompt)
        if not found:
            return prompt
        parts, separator = _parts(found[1])
        if separator == "|":
            chosen = parts[(step - 1) % len(parts)]
        else:
            before, after = parts[:2] if len(parts) == len(("from", "to", "when")) else ("", parts[0])
            chosen = before if step <= _when(parts[-1], steps) else after
        prompt = prompt[: found.start()] + chosen + prompt[found.end() :]


def _first_change(prompt: str) -> re.Match[str] | None:
    return next((found for found in _CHANGING.finditer(prompt) if _parts(found[1])[1]), None)


def _parts(content: str) -> tuple[list[str], str]:
    """Return the alternatives in square brackets and their separator, empty if the brackets are a weight."""
    parts = content.split(":")
    if len(parts) in {2, 3} and _WHEN.match(parts[-1]):
        return parts, ":"
    return (content.split("|"), "|") if "|" in content else ([], "")


def _when(text: str, steps: int) -> int:
    """Return the last step before a change; a number below 1 is a fraction of all steps."""
    try:
        when = float(text)
    except ValueError:
        return steps
    return int(when * steps) if when < 1 or ("." in text and when == 1) else int(when)
