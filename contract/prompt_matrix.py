"""Prompt matrix: a prompt with choices, such as `a {red|blue} {circle|star}`, and the prompts that it means.

A backslash before `{`, `|`, `}` or another backslash makes it an ordinary character.
"""

import itertools
import re
from typing import Final

from contract.script_tables import MAX_PROMPT_LENGTH

#: Plain text, or one of the four characters with or without a backslash.
_WORD: Final = re.compile(r"[^\\{|}]++|\\?[\\{|}]")


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
    # All of them together would not fit into the memory of a function.
    longest = sum(max(map(len, choices)) for choices in parts)
    if longest > MAX_PROMPT_LENGTH:
        raise MatrixError(f"expands to prompts of {longest} characters; {MAX_PROMPT_LENGTH} are accepted")
    return ["".join(chosen) for chosen in itertools.product(*parts)]


def _parts(prompt: str) -> list[list[str]]:
    """Return the choices of each part of a prompt; plain text has one."""
    parts: list[list[list[str]]] = [[[]]]
    opened_at: int | None = None
    for found in _WORD.finditer(prompt):
        place, word = found.start() + 1, found[0]
        if word == "{":
            if opened_at is not None:
                raise MatrixError(f"has a {{ inside the choice at character {opened_at}; write \\{{ for a brace")
            opened_at = place
            parts.append([[]])
        elif word == "}":
            if opened_at is None:
                raise MatrixError(f"has a }} without {{ at character {place}; write \\}} for a brace")
            if len(parts[-1]) == 1:
                raise MatrixError(
                    f"has one choice only at character {opened_at}; write {{red|blue}}, and \\{{ for a brace"
                )
            opened_at = None
            parts.append([[]])
        elif word == "|" and opened_at is not None:
            parts[-1].append([])
        else:
            # A backslash before an ordinary character is one itself, as in the escapes of the Web UI's own syntax.
            parts[-1][-1].append(word[1:] if len(word) > 1 and word[0] == "\\" else word)
    if opened_at is not None:
        raise MatrixError(f"has a {{ without }} at character {opened_at}; write \\{{ for a brace")
    return [["".join(words) for words in choices] for choices in parts]
