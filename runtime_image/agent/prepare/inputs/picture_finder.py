"""Finder of the pictures in a task's content: links and base64, except in fields that are text.

The engine itself would fetch some links, past the guards of this agent. So a broken link counts too, and is refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contract.encoded_picture import begins_as_picture
from contract.webui_values import begins_as_link

#: Query and fragment of a URL.
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)
#: Characters of a link that errors and logs show.
MAX_SHOWN: Final = 200


@dataclass(frozen=True)
class FoundPicture:
    """One link or picture, as the sender wrote it, and its path below the body (`init_images[0]`)."""

    field: str
    text: str

    @property
    def is_link(self) -> bool:
        """Return True if it must be fetched."""
        return begins_as_link(self.text)


def shown_link(link: str) -> str:
    """Return a link as errors and logs may show it: without a presigned link's signature and without a password."""
    scheme, _, rest = link.partition("://")
    if scheme.strip().lower() == "s3":
        return link[:MAX_SHOWN]
    if "@" in rest.partition("/")[0]:
        return f"{scheme}://…"
    bare = _QUERY.sub("", link)
    return bare[:MAX_SHOWN] + ("?…" if bare != link else "")


def find_pictures(value: Any, text_fields: frozenset[str], path: str = "") -> Iterator[FoundPicture]:
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
            yield FoundPicture(path, value)


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
