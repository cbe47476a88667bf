"""Finder of links in a task's content: anywhere, except in fields that are text."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from runtime_image.process.engine import InputFields

#: A value that is one whole URL and nothing else.
_WHOLE_URL: Final = re.compile(r"(?:https?|s3)://[^\s]+", re.IGNORECASE)
#: In a field that holds a picture, the engine itself would fetch such a value, past the guards of this agent.
_URL_BEGINNING: Final = re.compile(r"\s*(?:https?|s3)://", re.IGNORECASE)
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


def find_links(body: dict[str, Any], path: str, fields: InputFields) -> list[Link]:
    """Return every link in `body`, whose own path is `path`."""
    return list(_walk(body, path, "", fields))


def replace_links(body: dict[str, Any], replacement: Callable[[str], str], fields: InputFields) -> dict[str, Any]:
    """Return `body` with every link replaced; parts without links are shared, not copied."""
    return {key: _replaced(item, key, replacement, fields) for key, item in body.items()}


def _walk(value: Any, path: str, name: str, fields: InputFields) -> Iterator[Link]:
    if isinstance(value, dict):
        for key, item in value.items():
            if not _is_text_field(key, fields):
                yield from _walk(item, f"{path}.{key}", key, fields)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, f"{path}[{index}]", name, fields)
    elif isinstance(value, str) and _is_link(value, name, fields):
        yield Link(path, value)


def _replaced(value: Any, name: str, replacement: Callable[[str], str], fields: InputFields) -> Any:
    if _is_text_field(name, fields):
        return value
    if isinstance(value, dict):
        return {key: _replaced(item, key, replacement, fields) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, name, replacement, fields) for item in value]
    return replacement(value) if isinstance(value, str) and _is_link(value, name, fields) else value


def _is_link(text: str, name: str, fields: InputFields) -> bool:
    # In a picture's place a broken URL counts as a link, so that it is refused here instead of fetched by the engine.
    return bool(_WHOLE_URL.fullmatch(text)) or (name in fields.pictures and bool(_URL_BEGINNING.match(text)))


def _is_text_field(name: str, fields: InputFields) -> bool:
    # Names that end in `prompt` are text too: extensions bring their own.
    return name in fields.text or name.lower().endswith("prompt")
