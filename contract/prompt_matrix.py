"""Prompt matrix: a prompt with choices, such as `a {red|blue} {circle|star}`, and the prompts that it means.

A backslash before `{`, `|`, `}` or another backslash makes it an ordinary character.
"""

import itertools
from typing import Final

_ESCAPABLE: Final = frozenset("{|}\\")


class MatrixError(ValueError):
    """Raised for a prompt whose choices cannot be read; the message says where and what to write."""


def expand_prompt(prompt: str, *, limit: int) -> list[str]:
    """Return the prompts of a matrix, the last choice changing first; raises MatrixError above `limit` prompts."""
    parts = _parts(prompt)
    count = 1
    for choices in parts:
        count *= len(choices)
        if count > limit:
            raise MatrixError(f"expands to more than {limit} prompts; write fewer choices")
    return ["".join(chosen) for chosen in itertools.product(*parts)]


def _parts(prompt: str) -> list[list[str]]:
    """Return the choices of each part of a prompt; plain text has one."""
    parts: list[list[str]] = [[""]]
    opened_at: int | None = None
    characters = iter(enumerate(prompt, start=1))
    for place, character in characters:
        if character == "\\":
            _, following = next(characters, (place, ""))
            # A backslash before an ordinary character is one itself, as in the escapes of the Web UI's own syntax.
            parts[-1][-1] += following if following in _ESCAPABLE else f"\\{following}"
        elif character == "{":
            if opened_at is not None:
                raise MatrixError(f"has a {{ inside the choice at character {opened_at}; write \\{{ for a brace")
            opened_at = place
            parts.append([""])
        elif character == "}":
            if opened_at is None:
                raise MatrixError(f"has a }} without {{ at character {place}; write \\}} for a brace")
            if len(parts[-1]) == 1:
                raise MatrixError(
                    f"has one choice only at character {opened_at}; write {{red|blue}}, and \\{{ for a brace"
                )
            opened_at = None
            parts.append([""])
        elif character == "|" and opened_at is not None:
            parts[-1].append("")
        else:
            parts[-1][-1] += character
    if opened_at is not None:
        raise MatrixError(f"has a {{ without }} at character {opened_at}; write \\{{ for a brace")
    return parts
