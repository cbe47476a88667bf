"""HTTP to an engine on the same machine: a new connection for each request, bounded in time and size.

A kept connection may have been closed meanwhile. A request that fails on it looks like one that was cut while the
engine worked. On the same machine a new connection costs a tenth of a millisecond.
"""

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from runtime_image.process.engine import EngineFailed, EngineNotReached, EngineUnreachable


class EngineResponse(NamedTuple):
    """Status and body of a response."""

    status: int
    body: bytes


class EngineHttp:
    """Sends requests to one base URL. The client of an engine sets its name in messages, its errors and its limit."""

    name = "the engine"
    failed: type[EngineFailed] = EngineFailed
    unreachable: type[EngineUnreachable] = EngineUnreachable
    not_reached: type[EngineNotReached] = EngineNotReached
    #: Bytes of a response, so that a broken engine does not exhaust the memory.
    max_bytes = 16 * 1024 * 1024

    def __init__(self, *, base_url: str) -> None:
        parts = urlsplit(base_url.rstrip("/"))
        self._connection_type = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host = parts.netloc
        self._path = parts.path

    def exchange(self, method: str, path: str, body: bytes | None, *, timeout_seconds: float) -> EngineResponse:
        """Return the response to one request, whatever its status.

        Args:
            method: GET or POST.
            path: Begins with `/`.
            body: JSON.
            timeout_seconds: Longest silence; a generation is silent until it ends.

        Raises:
            EngineNotReached: if the request was not sent.
            EngineUnreachable: if no whole response came.
            EngineFailed: if the response is too large.
        """
        connection = self._connection_type(self._host, timeout=timeout_seconds)
        headers = {"Connection": "close"} | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            connection.connect()
        except OSError as error:
            problem = f"no connection to {self.name} for {method} {path}: {type(error).__name__}: {error}"
            raise self.not_reached(problem) from error
        try:
            connection.request(method, self._path + path, body, headers)
            response = connection.getresponse()
            # Only a read without a limit notices that a body of known length was cut.
            limited = response.length is None or response.length > self.max_bytes
            content = response.read(self.max_bytes + 1) if limited else response.read()
        except (OSError, http.client.HTTPException) as error:
            problem = f"{self.name} gave no answer to {method} {path}: {type(error).__name__}: {error}"
            raise self.unreachable(problem) from error
        finally:
            connection.close()
        if len(content) > self.max_bytes:
            raise self.failed(f"{self.name}'s answer to {method} {path} is too large")
        return EngineResponse(response.status, content)


def json_object(content: bytes) -> Mapping[str, Any]:
    """Return a body that is a JSON object, and an empty one for any other body."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
