"""Table of attacks in the threat model: the tests try at least as many cases as it says."""

import re

import pytest

from docs.count_attacks import ATTACKS, PAGE, AttackClass, check


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the collection of all tests by one class with three cases."""
    attack = AttackClass("any attack", "the edge", ())
    monkeypatch.setattr("docs.count_attacks.counted", lambda: [(attack, 3)])


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize(
    ("row", "is_true"),
    [
        ("| any attack | the edge | 3 |", True),
        ("| any attack | the edge | 2 |", True),
        ("| any attack | the edge | 4 |", False),
        ("| any attack | the agent | 3 |", False),
        ("| any attack | the edge | 3 |\n| another | the edge | 0 |", False),
    ],
)
def test_a_table_may_not_claim_more_than_is_tried(row: str, is_true: bool) -> None:
    assert (check(f"{row}\n") == "") is is_true


def test_every_class_is_in_the_table() -> None:
    named = re.findall(r"^\| (.+) \| .+ \| \d+ \|$", PAGE.read_text(), re.MULTILINE)
    assert named == [attack.name for attack in ATTACKS]


@pytest.mark.slow
def test_the_table_is_true() -> None:
    assert check(PAGE.read_text()) == ""
