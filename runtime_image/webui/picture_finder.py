"""Finder of the pictures in a task's content: links and base64, except in fields that are text.

The engine itself would fetch some links, past the guards of this agent. So a broken link counts too, and is refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from contract.encoded_picture import begins_as_picture
from contract.webui_values import begins_as_link
from runtime_image.process.engine import InputReference


def find_pictures(value: Any, text_fields: frozenset[str], path: str = "") -> Iterator[InputReference]:
    """Yield every link and picture in `value`, whose own path is `path`."""
    match value:
        case dict():
            for key, item in value.items():
                if not _is_text(item, key, text_fields):
                    yield from find_pictures(item, text_fields, f"{path}.{key}" if path else key)
        case list():
            for index, item in enumerate(value):
                yield from find_pictures(item, text_fields, f"{path}[{index}]")
        case str() if begins_as_link(value) or begins_as_picture(value):
            yield InputReference(path, value)


def replace_pictures(value: Any, replacements: Mapping[str, str], text_fields: frozenset[str]) -> Any:
    """Return `value` with the replacement of each text that has one."""
    match value:
        case dict():
            return {
                key: item if _is_text(item, key, text_fields) else replace_pictures(item, replacements, text_fields)
                for key, item in value.items()
            }
        case list():
            return [replace_pictures(item, replacements, text_fields) for item in value]
        case str():
            return replacements.get(value, value)
    return value


def _is_text(value: object, name: str, text_fields: frozenset[str]) -> bool:
    return name in text_fields and isinstance(value, str)
