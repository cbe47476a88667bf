"""Strict parser of JSON from strangers, with errors that name the broken place."""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from contract.errors import InvalidJson

#: Levels of nesting that are accepted. Serializers recurse, so a body of a thousand '[' must be refused as the sender's
#: mistake. Otherwise it raises a RecursionError later. The deepest documented request has 6.
MAX_DEPTH: Final = 64


def parse_json_object(body: str | bytes) -> dict[str, Any]:
    """Return the JSON object in `body`; raises InvalidJson with the type that is there instead, or the broken place."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise InvalidJson(f"the body must be a JSON object, not {describe(value)}")
    return value


def parse_json(body: str | bytes) -> Any:
    """Return the JSON value in `body`; raises InvalidJson with the broken place."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite_float)
    except json.JSONDecodeError as error:
        raise InvalidJson(f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except UnicodeDecodeError as error:
        raise InvalidJson(f"the body is not UTF-8 text: byte {error.start} cannot be decoded") from None
    except RecursionError:
        raise InvalidJson(f"the body is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise InvalidJson(f"the body is not JSON: {error}") from None
    check_nested(value)
    return value


def levels(value: object) -> Iterator[list[object]]:
    """Yield the values at each level of nesting, `value` itself first."""
    level = [value]
    while level:
        yield level
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]


def compact_json(value: object) -> str:
    """Return `value` as JSON in pure ASCII without spaces: safe in any message, header, item or log line."""
    return json.dumps(value, separators=(",", ":"))


def canonical_json(value: object) -> str:
    """Return `value` as JSON that does not depend on the order of its keys."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def size_bytes(value: object) -> int:
    """Return the bytes of `value` as compact JSON in UTF-8, as its sender would count them."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate is legal in JSON's escapes but not in UTF-8. It counts as three bytes.
    return len(text.encode(errors="surrogatepass"))


def describe(value: object) -> str:
    """Name the JSON type of `value` for an error message."""
    if value is None:
        return "null"
    names = {bool: "a boolean", dict: "an object", list: "an array", str: "a string"}
    return names.get(type(value), "a number")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON number")


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:40]} is too large")
    return number


def check_nested(value: object) -> None:
    """Raise InvalidJson if a value has too many levels, or a key that is no text."""
    for depth, level in enumerate(levels(value)):
        if depth == MAX_DEPTH:
            raise InvalidJson(f"the body is nested more than {MAX_DEPTH} levels deep")
        for parent in level:
            if isinstance(parent, dict):
                _check_keys(parent)


def _check_keys(parent: dict[str, Any]) -> None:
    for key in parent:
        # JSON's escapes can hold half a surrogate pair, which pydantic cannot serialize as a key.
        if not key.isascii() and any("\ud800" <= character <= "\udfff" for character in key):
            raise InvalidJson(f"the key {key[:40]!r} is not valid Unicode text")


def without_nulls(value: object) -> object:
    """Return an object without its fields that are null, and every other value as it is."""
    return {key: item for key, item in value.items() if item is not None} if isinstance(value, dict) else value
