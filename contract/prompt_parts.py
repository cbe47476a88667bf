"""Parts of a prompt that `AND` joins: at every step the Web UI runs the model once for each of them."""

import re
from collections.abc import Sequence
from typing import Final

_AND: Final = re.compile(r"\bAND\b")
#: Characters of a prompt after the replacements of a plot, beyond which its parts are not counted.
MAX_REPLACED_LENGTH: Final = 65_536


def parts_of(prompt: str) -> int:
    """Return the number of parts of a prompt."""
    return len(_AND.findall(prompt)) + 1


def most_parts(prompt: str, replacements: Sequence[Sequence[str]]) -> int:
    """Return the most parts of a prompt in the cells of a plot, whose axes replace the first value by each other one.

    A prompt that becomes too long counts as many parts, because the Web UI would need hours to read it.
    """
    prompts = [prompt]
    for values in replacements:
        first, longest = values[0], max(map(len, values))
        if any(len(each) + each.count(first) * longest > MAX_REPLACED_LENGTH for each in prompts):
            return MAX_REPLACED_LENGTH
        prompts = [each.replace(first, value) for each in prompts for value in values]
    return max(map(parts_of, prompts))
