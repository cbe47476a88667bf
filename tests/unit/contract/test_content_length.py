"""Sizes in headers: plain numbers are read, and everything else counts as no size."""

import pytest

from contract.content_length import content_length


@pytest.mark.parametrize(("value", "size"), [("0", 0), ("5", 5), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_a_plain_number_is_the_size(value: str, size: int) -> None:
    assert content_length(value) == size


@pytest.mark.parametrize(
    "value",
    [None, "", "-5", "+5", " 5", "5 ", "5\n", "5, 5", "5_0", "5.0", "0x5", "\u0665", "\xb2", "9" * 19, "9" * 5000],
    ids=lambda value: repr(value)[:12],
)
def test_everything_else_is_no_size(value: str | None) -> None:
    assert content_length(value) is None
