"""Prompt matrices: every combination once, escapes, bounds, and errors that name the place."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.prompt_matrix import MatrixError, expand_prompt

#: Text of one choice or between choices, braces included.
TEXTS = st.text(alphabet="ab {|}(,", max_size=6)
CHOICES = st.lists(TEXTS, min_size=2, max_size=3)


def escaped(text: str) -> str:
    return re.sub(r"([{|}\\])", r"\\\1", text)


@given(parts=st.lists(st.one_of(TEXTS, CHOICES), max_size=4))
def test_every_combination_comes_once_in_order(parts: list[str | list[str]]) -> None:
    expected = [""]
    prompt = ""
    for part in parts:
        choices = [part] if isinstance(part, str) else part
        expected = [before + choice for before in expected for choice in choices]
        joined = "|".join(escaped(choice) for choice in choices)
        prompt += joined if isinstance(part, str) else f"{{{joined}}}"
    assert expand_prompt(prompt, limit=81) == expected


def test_the_documented_example() -> None:
    assert expand_prompt("a {red|blue} {circle|star}", limit=4) == [
        "a red circle",
        "a red star",
        "a blue circle",
        "a blue star",
    ]


def test_the_web_uis_own_escapes_stay() -> None:
    assert expand_prompt(r"\(a\) b| c" + "\\", limit=1) == [r"\(a\) b| c" + "\\"]


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("a {red", "has a { without } at character 3"),
        ("a red}", "has a } without { at character 6"),
        ("a {red}", "has one choice only at character 3"),
        ("{a{b|c}|d}", "has a { inside the choice at character 1"),
        ("{a|b}{c|d}{e|f}", "expands to more than 7 prompts"),
        ("{a|b}" * 1000, "expands to more than 7 prompts"),
        ("{a|b}" + "c" * 2_000_000, "expands to prompts of 2000001 characters; 65536 are accepted"),
    ],
    ids=["open", "close", "one", "nested", "many", "very many", "long"],
)
def test_what_cannot_be_expanded_is_explained(prompt: str, message: str) -> None:
    with pytest.raises(MatrixError, match=re.escape(message)):
        expand_prompt(prompt, limit=7)
