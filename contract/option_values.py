"""Checks of option values. The Web UI itself accepts any value, and a wrong type breaks all later requests."""

import difflib
from collections.abc import Mapping
from typing import Any, Final

from contract.errors import FieldError
from contract.json_values import describe

#: Problems in one error.
MAX_PROBLEMS: Final = 10
#: Characters of an unknown key that its error repeats.
MAX_KEY_LENGTH: Final = 100
#: Larger whole numbers are not exact in JSON. Much larger ones do not even fit into the Web UI's responses.
MAX_NUMBER: Final = 2**53
#: Characters of a text; the longest that the Web UI itself shows is a page of explanation.
MAX_TEXT_LENGTH: Final = 10_000
#: Entries of a list.
MAX_ENTRIES: Final = 1000


def option_problems(values: Mapping[str, Any], shown: Mapping[str, Any], field: str) -> list[FieldError]:
    """Return the errors of `values`: unknown keys, and values of another type than the Web UI shows.

    Args:
        values: Options to be set.
        shown: The Web UI's options, as `GET options` shows them.
        field: Path of `values`.
    """
    problems = [_problem(key, value, shown, f"{field}.{key[:MAX_KEY_LENGTH]}") for key, value in values.items()]
    return [problem for problem in problems if problem][:MAX_PROBLEMS]


def _problem(key: str, value: object, shown: Mapping[str, Any], field: str) -> FieldError | None:
    if key not in shown:
        nearest = difflib.get_close_matches(key[:MAX_KEY_LENGTH], shown, n=1)
        suggestion = f"; did you mean {nearest[0]!r}?" if nearest else ""
        return FieldError(field, f"the Web UI has no such option{suggestion}", "unknown_option")
    if not _is_like(value, shown[key]):
        return FieldError(field, f"must be {_kind_of(shown[key])}, not {describe(value)}")
    return None


def _kind_of(now: object) -> str:
    match now:
        case bool():
            return "true or false"
        case int() | float():
            return f"a number from -{MAX_NUMBER} to {MAX_NUMBER}"
        case str():
            return f"text of at most {MAX_TEXT_LENGTH} characters"
        case list():
            return f"a list of at most {MAX_ENTRIES} texts"
        case None:
            return "a name or null"
    return "left alone by tasks"


def _is_like(value: object, now: object) -> bool:
    match now:
        case bool():
            return isinstance(value, bool)
        case int() | float():
            return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) <= MAX_NUMBER
        case str():
            return _is_text(value)
        case list():
            # The Web UI's lists are lists of words.
            return isinstance(value, list) and len(value) <= MAX_ENTRIES and all(map(_is_text, value))
        case None:
            # The option is unset, so its type is unknown. Options that are null by default are names.
            return value is None or _is_text(value)
    return False


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair is legal in JSON's escapes, but with it the Web UI could never again show its options.
        return False
    return True
