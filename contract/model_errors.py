"""Words for what a pydantic model refuses: what to write instead, in place of pydantic's own messages."""

from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from contract.errors import FieldError
from contract.webui_values import MAX_SHOWN
from contract.webui_values import shown as shown_value

#: Broken fields that one response names.
MAX_ERRORS: Final = 50
#: Advice for each of pydantic's error types, with the limits that the error contains.
_ADVICE: Final = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "dict_type": "write keys and values",
    "enum": "write {expected}",
    "greater_than_equal": "write {ge} or more",
    "int_from_float": "write a whole number",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "less_than_equal": "write {le} or less",
    "literal_error": "write {expected}",
    "model_type": "write keys and values",
    "string_pattern_mismatch": "write a value that matches {pattern}",
    "string_too_long": "write at most {max_length} characters",
    "string_too_short": "write at least {min_length} character",
    "string_type": "write text, in quotes",
    "too_long": "write at most {max_length} entries",
    "too_short": "write at least {min_length} entry",
    "tuple_type": "write a list",
}


def field_errors(refused: ValidationError, *, unknown: FieldError | None = None, path: str = "") -> list[FieldError]:
    """Return the first broken fields of a request's model, whose path is `path`.

    `unknown` has the message and code for a key that the model does not have.
    """
    return [_field_error(mistake, unknown, path) for mistake in refused.errors(include_url=False)[:MAX_ERRORS]]


def _field_error(mistake: Any, unknown: FieldError | None, path: str) -> FieldError:
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in mistake["loc"])
    field = "".join((path, *parts)).removeprefix(".")
    if unknown and mistake["type"] == "extra_forbidden":
        return replace(unknown, field=field[:MAX_SHOWN])
    return FieldError(field, what_to_write(mistake, shown=shown_value(mistake["input"])))


def what_to_write(mistake: Any, *, shown: str) -> str:
    """Return what is wrong with a value, shortened as `shown`, and what to write instead.

    `mistake` is an entry of `ValidationError.errors()`.
    """
    kind, message = mistake["type"], str(mistake["msg"])
    if kind == "missing":
        return "is required"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return f"is {shown}; {_ADVICE[kind].format(**mistake.get('ctx', {})) if kind in _ADVICE else message}"
