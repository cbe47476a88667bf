"""HTTP to an engine on the same machine: a new connection for each request, bounded in time and size.

A kept connection may have been closed meanwhile. A request that fails on it looks like one that was cut while the
engine worked. On the same machine a new connection costs a tenth of a millisecond.
"""

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class NotConnected(Exception):
    """Raised when the request was not sent."""


class NoResponse(Exception):
    """Raised when no whole response came."""


class ResponseTooLarge(Exception):
    """Raised for a response above the limit."""


class EngineResponse(NamedTuple):
    """Status and body of a response."""

    status: int
    body: bytes


class EngineHttp:
    """Sends requests to one base URL."""

    def __init__(self, *, base_url: str) -> None:
        parts = urlsplit(base_url.rstrip("/"))
        self._connection_type = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host = parts.netloc
        self._path = parts.path

    def exchange(
        self, method: str, path: str, body: bytes | None, *, timeout_seconds: float, max_bytes: int
    ) -> EngineResponse:
        """Return the response to one request, whatever its status.

        Args:
            method: GET or POST.
            path: Begins with `/`.
            body: JSON.
            timeout_seconds: Longest silence.
            max_bytes: Limit of the response's body, so that a broken engine does not exhaust the memory.

        Raises:
            NotConnected, NoResponse, ResponseTooLarge: without a whole response.
        """
        connection = self._connection_type(self._host, timeout=timeout_seconds)
        headers = {"Connection": "close"} | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            connection.connect()
        except OSError as error:
            raise NotConnected(f"{type(error).__name__}: {error}") from error
        try:
            connection.request(method, self._path + path, body, headers)
            response = connection.getresponse()
            # Only a read without a limit notices that a body of known length was cut.
            limited = response.length is None or response.length > max_bytes
            content = response.read(max_bytes + 1) if limited else response.read()
        except (OSError, http.client.HTTPException) as error:
            raise NoResponse(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if len(content) > max_bytes:
            raise ResponseTooLarge
        return EngineResponse(response.status, content)


def json_object(content: bytes) -> Mapping[str, Any]:
    """Return a body that is a JSON object, and an empty one for any other body."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
