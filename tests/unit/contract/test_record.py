"""Parts of a record: its shard of the due index, and the beginning of the prompt that listings show."""

from typing import Any

import pytest

from contract.record import DUE_SHARDS, MAX_LISTED_PROMPT, due_shard, listed_prompt


def test_shards_of_the_due_index_are_all_used() -> None:
    shards = {due_shard(f"task-{number}") for number in range(200)}
    assert shards == {str(number) for number in range(DUE_SHARDS)}


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
