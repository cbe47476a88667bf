"""Routes of the API: the method for the path of a request."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from local.api_gateway.rest_api import Method

#: Parameter in a resource path after `re.escape`. A plus sign marks a greedy one.
_PARAMETER: Final = re.compile(r"\\{(\w+)(\\\+)?\\}")


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
                return Match(method, {name: unquote(value) for name, value in match.groupdict().items()})
        return None


def _pattern(path: str) -> re.Pattern[str]:
    def group(parameter: re.Match[str]) -> str:
        return f"(?P<{parameter[1]}>{'.+' if parameter[2] else '[^/]+'})"

    return re.compile(_PARAMETER.sub(group, re.escape(path)))


def _rank(method: Method) -> tuple[list[int], bool]:
    kinds = [2 if part.endswith("+}") else int(part.startswith("{")) for part in method.resource_path.split("/")]
    return kinds, method.http_method == "ANY"
