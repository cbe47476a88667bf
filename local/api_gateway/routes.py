"""Routes of the API: the method for the path of a request."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from local.api_gateway.rest_api import Method


@dataclass(frozen=True)
class Match:
    """A method, with the values that the request's path gives to its parameters."""

    method: Method
    path_parameters: dict[str, str]


class Routes:
    """Finds methods; a literal segment wins over a parameter, and a parameter over a greedy one."""

    def __init__(self, methods: Iterable[Method]) -> None:
        self._routes = sorted(
            ((_pattern(method.resource_path), method) for method in methods), key=lambda route: _rank(route[1])
        )

    def find(self, http_method: str, raw_path: str) -> Match | None:
        """Return the method for a percent-encoded path of a URL, or None."""
        path = raw_path.rstrip("/") or "/"
        for pattern, method in self._routes:
            match = pattern.fullmatch(path)
            if match and method.http_method in {http_method, "ANY"}:
                return Match(method, {name: unquote(value) for name, value in _named(method, match)})
        return None


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _pattern(path: str) -> re.Pattern[str]:
    parts = []
    for segment in _segments(path):
        if segment.endswith("+}"):
            parts.append("/(.+)")
        elif segment.startswith("{"):
            parts.append("/([^/]+)")
        else:
            parts.append(f"/{re.escape(segment)}")
    return re.compile("".join(parts) or "/")


def _named(method: Method, match: re.Match[str]) -> Iterable[tuple[str, str]]:
    names = [segment.strip("{}+") for segment in _segments(method.resource_path) if segment.startswith("{")]
    return zip(names, match.groups(), strict=True)


def _rank(method: Method) -> tuple[list[int], bool]:
    kinds = [2 if part.endswith("+}") else int(part.startswith("{")) for part in _segments(method.resource_path)]
    return kinds, method.http_method == "ANY"
