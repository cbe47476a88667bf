"""Fields of a form as JSON would have them, for objects and lists of the Web UI's request.

OpenAI's clients take `{"override_settings": {"tiling": true}}` apart for a form: its field is
`override_settings[tiling]`. People who write forms by hand send the object as JSON.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from contract.errors import FieldError, InvalidJson, InvalidTask
from contract.json_values import MAX_DEPTH, parse_json

#: Fields that hold an object or a list.
_STRUCTURED: Final = frozenset(
    {"alwayson_scripts", "comments", "extra_body", "init_images", "override_settings", "script_args", "styles"}
)
_ENTRY: Final = "[]"
_TAKEN_APART: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_KEY: Final = re.compile(r"\[[^\[\]]*\]")


def read_fields(texts: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the fields of a form; of a repeated one the last. Raises InvalidTask with every broken field."""
    fields: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, values in texts.items():
        if taken_apart := _TAKEN_APART.fullmatch(name):
            keys = _KEY.findall(taken_apart[2])
            if len(keys) > MAX_DEPTH or not _put(fields, taken_apart[1], keys, values):
                errors.append(FieldError(name, f"has no clear place; write {taken_apart[1]} as one field of JSON"))
        else:
            fields[name] = _parsed(values[-1]) if name in _STRUCTURED else values[-1]
    if errors:
        raise InvalidTask(errors)
    return fields


def _parsed(text: str) -> Any:
    """Return the value of JSON; another text stays as it is, for the check of the task to name."""
    try:
        return parse_json(text)
    except InvalidJson:
        return text


def _put(place: dict[str, Any], key: str, rest: Sequence[str], values: Sequence[str]) -> bool:
    """Put the values below a key, such as `override_settings` and `[tiling]`; return False if they have no place."""
    if not rest or rest == [_ENTRY]:
        if key in place:
            return False
        place[key] = list(values) if rest else values[-1]
        return True
    inner = place.setdefault(key, {})
    return isinstance(inner, dict) and rest[0] != _ENTRY and _put(inner, rest[0][1:-1], rest[1:], values)
