"""Finder of links in a task's content: every text that begins as a link does, except in fields that are text.

The engine itself would fetch some of them, past the guards of this agent. So a broken link counts too, and is refused.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from contract.webui_values import begins_as_link

#: Query and fragment of a URL.
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)
#: Characters of a link that errors and logs show.
MAX_SHOWN: Final = 200


@dataclass(frozen=True)
class Link:
    """One link and its path, as the sender wrote it (`task.content.init_images[0]`)."""

    field: str
    url: str

    @property
    def shown(self) -> str:
        """The link as errors and logs may show it: without a presigned link's signature and without a password."""
        scheme, _, rest = self.url.partition("://")
        if scheme.strip().lower() == "s3":
            return self.url[:MAX_SHOWN]
        if "@" in rest.partition("/")[0]:
            return f"{scheme}://…"
        bare = _QUERY.sub("", self.url)
        return bare[:MAX_SHOWN] + ("?…" if bare != self.url else "")


def find_links(body: dict[str, Any], path: str, text_fields: frozenset[str]) -> list[Link]:
    """Return every link in `body`, whose own path is `path`."""
    return list(_walk(body, path, text_fields))


def replace_links(
    body: dict[str, Any], replacement: Callable[[str], str], text_fields: frozenset[str]
) -> dict[str, Any]:
    """Return `body` with every link replaced."""
    return {
        key: item if _is_text(item, key, text_fields) else _replaced(item, replacement, text_fields)
        for key, item in body.items()
    }


def _walk(value: Any, path: str, text_fields: frozenset[str]) -> Iterator[Link]:
    if isinstance(value, dict):
        for key, item in value.items():
            if not _is_text(item, key, text_fields):
                yield from _walk(item, f"{path}.{key}", text_fields)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]", text_fields)
    elif isinstance(value, str) and begins_as_link(value):
        yield Link(path, value)


def _replaced(value: Any, replacement: Callable[[str], str], text_fields: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return replace_links(value, replacement, text_fields)
    if isinstance(value, list):
        return [_replaced(item, replacement, text_fields) for item in value]
    return replacement(value) if isinstance(value, str) and begins_as_link(value) else value


def _is_text(value: object, name: str, text_fields: frozenset[str]) -> bool:
    return name in text_fields and isinstance(value, str)
