"""Infotext: the settings of a generation as text inside its image, read by `png-info` and by requests."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from embedded_webui.lists import read_data

#: Version of the SD Web UI whose API this is.
VERSION: Final = "1.10.1"
#: Settings from which on the last line counts as settings rather than as prompt.
_MIN_SETTINGS: Final = 3
_SETTING: Final = re.compile(r'(\w[\w \-/]{1,100}+):\s*+("(?:\\.|[^\\"])++"|[^,]*+)(?:,|$)')
_SIZE: Final = re.compile(r"^(\d+)x(\d+)$")
#: Start of the negative prompt, at the beginning of a line.
_NEGATIVE: Final = re.compile(r"(?:^|\n)Negative prompt:[^\S\n]*")
#: `assumed`: values that `png-info` shows for settings that the text leaves out. `request_fields`: setting of the text
#: by field of a request.
_DATA: Final = read_data("infotext")
#: Names by which the second pass uses what the first one uses.
SAME_AS_FIRST_PASS: Final = frozenset({"Use same checkpoint", "Use same sampler", "Use same scheduler"})


def write(*, prompt: str, negative_prompt: str, settings: Mapping[str, Any]) -> str:
    """Return the text: prompt, negative prompt, and the settings with a value, in their order."""
    line = ", ".join(f"{name}: {_quoted(value)}" for name, value in settings.items() if value is not None)
    negative = f"\nNegative prompt: {negative_prompt}" if negative_prompt else ""
    return f"{prompt}{negative}\n{line}".strip()


def read(text: str) -> dict[str, Any]:
    """Return the settings of a text, with the assumed values of those that it leaves out."""
    *lines, last = text.strip().split("\n")
    settings = _SETTING.findall(last)
    if len(settings) < _MIN_SETTINGS:
        lines, settings = [*lines, last], []
    found: dict[str, Any] = {}
    for name, value in settings:
        unquoted = _unquoted(value)
        size = _SIZE.match(unquoted)
        found.update({f"{name}-1": size[1], f"{name}-2": size[2]} if size else {name: unquoted})
    found["Prompt"], *negative = _NEGATIVE.split("\n".join(line.strip() for line in lines))
    found["Negative prompt"] = "\n".join(negative)
    for name, value in _DATA["assumed"].items():
        found.setdefault(name, value)
    return found


def request_fields(text: str) -> dict[str, Any]:
    """Return the fields of a request that a text sets, as text."""
    settings = read(text)
    return {field: settings[name] for field, name in _DATA["request_fields"].items() if name in settings}


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",\n:") else text


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except json.JSONDecodeError:
            return text
    return text
