import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InvalidJson
from contract.json_values import canonical_json, compact_json, parse_json_object, size_bytes

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "Expecting value at line 1 column 1"),
        ('{"a": 1,}', "line 1 column"),
        ('{"a":\n oops}', "line 2 column 2"),
        ("[1, 2]", "must be a JSON object, not an array"),
        ("null", "not null"),
        ("true", "not a boolean"),
        ("3", "not a number"),
        ('"text"', "not a string"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ('{"a": 1e999}', "1e999 is too large"),
        ('{"a": ' + "9" * 5000 + "}", "the body is not JSON"),
        ('{"a":' + "[" * 70 + "]" * 70 + "}", "more than 64 levels"),
        ('{"a":' + "[" * 100_000, "more than 64 levels"),
        ('{"a": [{"\\ud800": 1}]}', "the key .* is not valid Unicode"),
        (b'{"a": "\xff"}', "not UTF-8 text: byte 7"),
    ],
)
def test_what_is_not_a_json_object_is_refused_with_its_place(body: str | bytes, reason: str) -> None:
    with pytest.raises(InvalidJson, match="(?s)" + reason.replace("(", r"\(")) as refusal:
        parse_json_object(body)
    assert len(refusal.value.message) < 200


@given(st.text() | st.binary())
def test_no_body_raises_anything_but_our_error(body: str | bytes) -> None:
    with contextlib.suppress(InvalidJson):
        assert isinstance(parse_json_object(body), dict)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_an_object_comes_back_unchanged(value: dict[str, object]) -> None:
    assert parse_json_object(compact_json(value)) == value
    assert parse_json_object(canonical_json(value)) == value


@given(json_values)
def test_compact_json_is_ascii_and_size_is_that_of_utf8(value: object) -> None:
    assert compact_json(value).isascii()
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    assert size_bytes(value) == len(text.encode(errors="surrogatepass"))


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical_json({"a": 1, "b": {"c": 2, "d": 3}}) == canonical_json({"b": {"d": 3, "c": 2}, "a": 1})
