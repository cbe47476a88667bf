import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudformation.errors import TemplateError
from local.event_sources.filters import read_filters


def matches(event: dict[str, Any], *patterns: object) -> bool:
    return read_filters({"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]})(event)


def change(status: str | None) -> dict[str, Any]:
    image = {"status": {"S": status}} if status else {}
    return {"eventName": "MODIFY", "dynamodb": {"NewImage": image}}


FINAL = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"status": {"S": ["COMPLETED", "FAILED"]}}}}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (change("COMPLETED"), True),
        (change("FAILED"), True),
        (change("IN_QUEUE"), False),
        (change(None), False),
        ({"eventName": "REMOVE", "dynamodb": {"OldImage": {}}}, False),
        ({}, False),
    ],
)
def test_values_by_their_path(event: dict[str, Any], expected: bool) -> None:
    assert matches(event, FINAL) is expected


@pytest.mark.parametrize(
    ("event", "pattern", "expected"),
    [
        ({"a": 1}, {"a": [{"exists": True}]}, True),
        ({}, {"a": [{"exists": True}]}, False),
        ({}, {"a": [{"exists": False}]}, True),
        ({"a": {"b": 1}}, {"a": {"b": [{"exists": False}]}}, False),
        ({}, {"a": {"b": [{"exists": False}]}}, True),
        ({"a": None}, {"a": [None]}, True),
        ({}, {"a": [None]}, False),
        ({"a": True}, {"a": [1]}, False),
        ({"a": "1"}, {"a": [1]}, False),
        ({"a": "x"}, {"a": [{"exists": False}, "x"]}, True),
    ],
)
def test_existence_and_types(event: dict[str, Any], pattern: object, expected: bool) -> None:
    assert matches(event, pattern) is expected


def test_one_pattern_of_several_is_enough_and_none_lets_all_through() -> None:
    assert matches({"a": 2}, {"a": [1]}, {"a": [2]})
    assert read_filters(None)({"anything": 1})


@pytest.mark.parametrize(
    "pattern",
    [
        {"a": [{"prefix": "x"}]},
        {"a": [{"anything-but": ["x"]}]},
        {"a": [{"exists": True, "prefix": "x"}]},
        {"a": "x"},
        {"a": []},
        {"a": {}},
        {"$or": [{"a": ["x"]}]},
    ],
)
def test_what_is_not_understood_is_refused(pattern: object) -> None:
    with pytest.raises(TemplateError, match=r"Pattern\."):
        read_filters({"Filters": [{"Pattern": json.dumps(pattern)}]})


EVENTS = st.dictionaries(
    st.sampled_from("ab"),
    st.recursive(st.none() | st.integers(0, 2), lambda inner: st.dictionaries(st.sampled_from("ab"), inner)),
)


@given(EVENTS)
def test_existence_is_either_or(event: dict[str, Any]) -> None:
    exists, absent = ({"a": {"b": [{"exists": value}]}} for value in (True, False))
    assert matches(event, exists) is not matches(event, absent)
