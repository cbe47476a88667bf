"""Filter criteria of an event source mapping: patterns over the event, of which one must match."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from local.cloudformation.errors import TemplateError

Matches = Callable[[Mapping[str, Any]], bool]


def read_filters(criteria: Mapping[str, Any] | None) -> Matches:
    """Build the predicate of `criteria`. Raise TemplateError if a pattern is neither equality nor existence."""
    patterns = [json.loads(entry["Pattern"]) for entry in (criteria or {}).get("Filters", [])]
    for pattern in patterns:
        _check(pattern, "Pattern")
    if not patterns:
        return lambda _event: True
    return lambda event: any(_object_matches(pattern, event) for pattern in patterns)


def _check(pattern: Any, place: str) -> None:
    if isinstance(pattern, dict) and pattern:
        for key, value in pattern.items():
            _check(value, f"{place}.{key}")
    elif not (isinstance(pattern, list) and pattern and all(_is_known_rule(rule) for rule in pattern)):
        raise TemplateError(
            f"{place}: the local system knows filters by value and by {{'exists': true or false}}, not {pattern!r}"
        )


def _is_known_rule(rule: Any) -> bool:
    match rule:
        case {"exists": bool(), **others}:
            return not others
        case dict() | list():
            return False
    return True


def _object_matches(pattern: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    return all(_field_matches(rules, value, key) for key, rules in pattern.items())


def _field_matches(rules: Any, parent: Mapping[str, Any], key: str) -> bool:
    if isinstance(rules, dict):
        child = parent.get(key)
        # A pattern below a missing object can still match: by {"exists": false} on each of its leaves.
        return _object_matches(rules, child if isinstance(child, Mapping) else {})
    value = parent.get(key)
    is_leaf = key in parent and not isinstance(value, Mapping)
    return any(_rule_matches(rule, value, exists=is_leaf) for rule in rules)


def _rule_matches(rule: Any, value: Any, *, exists: bool) -> bool:
    if isinstance(rule, dict):
        expected: bool = rule["exists"]
        return exists == expected
    # JSON's true is not its 1, although Python's is.
    return exists and type(rule) is type(value) and bool(rule == value)
