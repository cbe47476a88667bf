"""Parts of a record: the beginning of the prompt that listings show."""

from typing import Any

import pytest

from contract.record import MAX_LISTED_PROMPT, listed_prompt


@pytest.mark.parametrize(
    ("content", "prompt"),
    [
        ({"prompt": "x" * (MAX_LISTED_PROMPT + 1)}, "x" * MAX_LISTED_PROMPT),
        # The escape of half a surrogate pair takes six characters.
        ({"prompt": "x" * (MAX_LISTED_PROMPT - 1) + "\ud800"}, "x" * (MAX_LISTED_PROMPT - 1) + "\\"),
        ({"api": {}, "payload": {"prompt": "a dog"}}, "a dog"),
        ({"prompt": ""}, None),
        # Calls without a prompt pass on whatever they hold.
        ({"api": {}, "payload": {"prompt": ["a dog"]}}, None),
        ({"api": {}, "payload": ["a dog"]}, None),
        ({}, None),
    ],
)
def test_a_listing_shows_the_beginning_of_the_prompt(content: dict[str, Any], prompt: str | None) -> None:
    assert listed_prompt(content) == prompt
