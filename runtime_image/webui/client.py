"""HTTP to the Web UI."""

import http.client
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from runtime_image.webui.errors import WebUiFailed, WebUiUnreachable

#: Bytes of an answer: 64 pictures of 2048² as PNG in base64 stay below it. What a broken Web UI sends must not
#: take the container's memory.
MAX_ANSWER_BYTES: Final = 1024 * 1024 * 1024
#: Seconds for calls that only look: the Web UI answers in milliseconds unless it is in trouble.
LOOK_TIMEOUT_SECONDS: Final = 10.0


class Answer(NamedTuple):
    """Status and body of a response."""

    status: int
    body: bytes


class WebUiClient:
    """Calls the Web UI, each time over a connection of its own.

    A kept connection may have been closed meanwhile, and a request that fails on it cannot be told from one that
    was cut while it generated. On the same machine a new connection costs a tenth of a millisecond.
    """

    def __init__(self, *, base_url: str) -> None:
        parts = urlsplit(base_url.rstrip("/"))
        self._connection_type = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host = parts.netloc
        self._path = parts.path

    def call(
        self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = LOOK_TIMEOUT_SECONDS
    ) -> Answer:
        """Return the answer to one request, whatever its status.

        Args:
            method: GET or POST.
            path: Begins with `/`.
            body: JSON.
            timeout_seconds: Longest silence; a generation is silent until it ends.

        Raises:
            WebUiUnreachable: if no whole answer came.
        """
        connection = self._connection_type(self._host, timeout=timeout_seconds)
        headers = {"Connection": "close"} | ({"Content-Type": "application/json"} if body is not None else {})
        try:
            connection.request(method, self._path + path, body, headers)
            response = connection.getresponse()
            # Only a read without a limit notices that a body of known length was cut.
            limited = response.length is None or response.length > MAX_ANSWER_BYTES
            content = response.read(MAX_ANSWER_BYTES + 1) if limited else response.read()
        except (OSError, http.client.HTTPException) as error:
            message = f"the Web UI gave no answer to {method} {path}: {type(error).__name__}: {error}"
            raise WebUiUnreachable(message) from error
        finally:
            connection.close()
        if len(content) > MAX_ANSWER_BYTES:
            raise WebUiFailed(f"the Web UI's answer to {method} {path} is too large")
        return Answer(response.status, content)
