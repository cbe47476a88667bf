"""Links in a request to the Web UI: each text that begins as one, except in fields that are text."""

from collections.abc import Iterator, Mapping
from typing import Any

from contract.errors import FieldError
from contract.request_fields import TEXT_FIELDS
from contract.upload import MAX_LINKS
from contract.webui_values import begins_as_link


def links_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each link in a value, whose own path is `path`."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not (key in TEXT_FIELDS and isinstance(item, str)):
                yield from links_in(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from links_in(item, f"{path}[{index}]")
    elif isinstance(value, str) and begins_as_link(value):
        yield path, value


def check_links(body: Mapping[str, Any], path: str) -> list[FieldError]:
    """Return the error of a request with more links than a replica fetches."""
    links = sum(1 for _ in links_in(body, path))
    if links <= MAX_LINKS:
        return []
    return [FieldError(path, f"holds {links} links; {MAX_LINKS} are accepted", "limit_exceeded")]
