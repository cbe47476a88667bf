import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded_webui.generation.prompt_syntax import (
    ExtraNetwork,
    Weighted,
    prompts_by_step,
    split_extra_networks,
    weighted_pieces,
)


@pytest.mark.parametrize(
    ("prompt", "pieces"),
    [
        ("", [("", 1)]),
        ("a cat", [("a cat", 1)]),
        ("(cat)", [("cat", 1.1)]),
        ("((cat))", [("cat", 1.21)]),
        ("[cat]", [("cat", 1 / 1.1)]),
        ("a (cat:1.5) here", [("a ", 1), ("cat", 1.5), (" here", 1)]),
        ("(a (b:2):0.5)", [("a ", 0.5), ("b", 1)]),
        ("(cat", [("cat", 1.1)]),
        ("cat)", [("cat)", 1)]),
        (r"\(cat\)", [("(cat)", 1)]),
        ("a: b", [("a: b", 1)]),
        ("a BREAK b", [("a", 1), (None, 1), ("b", 1)]),
    ],
)
def test_brackets_are_weights(prompt: str, pieces: list[tuple[str | None, float]]) -> None:
    assert [(piece.text, pytest.approx(piece.weight)) for piece in weighted_pieces(prompt)] == [
        (text, pytest.approx(weight)) for text, weight in pieces
    ]


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a cat", [(10, "a cat")]),
        ("a [cat:dog:0.5]", [(5, "a cat"), (10, "a dog")]),
        ("a [cat:dog:3]", [(3, "a cat"), (10, "a dog")]),
        ("a[, late:0.8]", [(8, "a"), (10, "a, late")]),
        ("a[ early::0.2]", [(2, "a early"), (10, "a")]),
        ("[a [b:c:0.2]:d:0.5]", [(2, "a b"), (5, "a c"), (10, "d")]),
        ("a [weak] word", [(10, "a [weak] word")]),
        ("a [[weak] cat:dog:5]", [(5, "a [weak] cat"), (10, "a dog")]),
        ("a [cat:dog:1.0]", [(10, "a cat")]),
        ("a [cat:dog:1]", [(1, "a cat"), (10, "a dog")]),
        ("a [cat:dog:1.2.3]", [(10, "a [cat:dog:1.2.3]")]),
        ("a [cat:dog:" + 400 * "9" + "]", [(10, "a cat")]),
        ("a ] [[cat:dog:5]", [(5, "a ] [cat"), (10, "a ] [dog")]),
        (r"a \[cat|dog\]", [(10, r"a \[cat|dog\]")]),
        (r"[a\]b:c:2]", [(2, r"a\]b"), (10, "c")]),
        ("\\", [(10, "\\")]),
    ],
)
def test_prompts_change_on_the_way(prompt: str, prompts: list[tuple[int, str]]) -> None:
    expected = [next(text for last, text in prompts if step <= last) for step in range(1, 11)]
    assert prompts_by_step(prompt, 10) == expected


def test_alternatives_take_turns() -> None:
    assert prompts_by_step("[red|blue] sky", 3) == ["red sky", "blue sky", "red sky"]


@pytest.mark.parametrize("prompt", ["[" * 4000 + "a" + "|]" * 4000, "[" * 4000 + "a" + ":1]" * 4000, "[" * 10000])
def test_many_brackets_take_no_time(prompt: str) -> None:
    began_at = time.process_time()
    prompts_by_step(prompt, 10)
    assert time.process_time() - began_at < 1


@given(st.text(alphabet="ab :|()[]\\.0123456789BREAK"), st.integers(1, 30))
def test_any_text_has_a_prompt_for_every_step(prompt: str, steps: int) -> None:
    prompts = prompts_by_step(prompt, steps)
    assert len(prompts) == steps
    for text in prompts:
        pieces = weighted_pieces(text)
        assert pieces
        assert all(math.isfinite(piece.weight) for piece in pieces)


@given(st.text(alphabet="abc ,"))
def test_text_without_syntax_is_itself(prompt: str) -> None:
    assert weighted_pieces(prompt) == [Weighted(prompt)]


@pytest.mark.parametrize(
    ("prompt", "rest", "networks"),
    [
        ("a cat <lora:ink>, b", "a cat , b", [("lora", "ink", (1, 1))]),
        ("a<lora:ink:0.5>", "a", [("lora", "ink", (0.5, 0.5))]),
        ("a<lora:ink:0.5:0.25>", "a", [("lora", "ink", (0.5, 0.25))]),
        ("<lora:ink:1><hypernet:old:2>", "", [("lora", "ink", (1, 1)), ("hypernet", "old", (2, 2))]),
        ("a <lora:ink:strong>", "a ", []),
    ],
)
def test_extra_networks_are_split_off(
    prompt: str, rest: str, networks: list[tuple[str, str, tuple[float, float]]]
) -> None:
    found = [ExtraNetwork(kind=kind, name=name, weights=weights) for kind, name, weights in networks]
    assert split_extra_networks(prompt) == (rest, found)
