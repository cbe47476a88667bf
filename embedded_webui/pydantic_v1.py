"""Validation errors in the words of pydantic 1, because the real Web UI uses it and clients know its errors."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

#: Message and type in pydantic 1, by the prefix of the type in pydantic 2.
_WORDS: Final = {
    "missing": ("field required", "value_error.missing"),
    "int_": ("value is not a valid integer", "type_error.integer"),
    "float_": ("value is not a valid float", "type_error.float"),
    "finite_": ("value is not a valid float", "type_error.float"),
    "string_type": ("str type expected", "type_error.str"),
    "bool_": ("value could not be parsed to a boolean", "type_error.bool"),
    "list_type": ("value is not a valid list", "type_error.list"),
    "dict_type": ("value is not a valid dict", "type_error.dict"),
    "model_": ("value is not a valid dict", "type_error.dict"),
    "literal_error": ("unexpected value; permitted: {expected}", "value_error.const"),
    "greater_than_equal": ("ensure this value is greater than or equal to {ge}", "value_error.number.not_ge"),
    "greater_than": ("ensure this value is greater than {gt}", "value_error.number.not_gt"),
    "less_than_equal": ("ensure this value is less than or equal to {le}", "value_error.number.not_le"),
}


def first_version_of(error: Mapping[str, Any]) -> tuple[str, str]:
    """Return the message and type of pydantic 1 for an error of pydantic 2."""
    for prefix, (message, kind) in _WORDS.items():
        if error["type"].startswith(prefix):
            return message.format(**error.get("ctx", {})), kind
    return error["msg"], f"value_error.{error['type']}"


def detail_of(errors: Sequence[Mapping[str, Any]], body: object) -> list[dict[str, Any]]:
    """Return the `detail` of a 422 response. `body` is the text of a request that is not JSON."""
    return [_broken_json(error, str(body)) if error["type"] == "json_invalid" else _entry(error) for error in errors]


def _entry(error: Mapping[str, Any]) -> dict[str, Any]:
    message, kind = first_version_of(error)
    entry: dict[str, Any] = {"loc": list(error["loc"]), "msg": message, "type": kind}
    limits = [value for name, value in error.get("ctx", {}).items() if name in {"ge", "gt", "le", "lt"}]
    if limits:
        entry["ctx"] = {"limit_value": limits[0]}
    return entry


def _broken_json(found: Mapping[str, Any], text: str) -> dict[str, Any]:
    error = json.JSONDecodeError(found["ctx"]["error"], text, found["loc"][1])
    return {
        "loc": ["body", error.pos],
        "msg": str(error),
        "type": "value_error.jsondecode",
        "ctx": {"msg": error.msg, "doc": text, "pos": error.pos, "lineno": error.lineno, "colno": error.colno},
    }
