"""HTTP servers that run in a thread of their own, for as long as a test needs them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TypeVar

#: Seconds between two looks of a server whether it is to end.
POLL_SECONDS = 0.02
AnyServer = TypeVar("AnyServer", bound=HTTPServer)


class QuietHandler(BaseHTTPRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def serving(server: AnyServer) -> Iterator[AnyServer]:
    """Serve until the end, and close the server."""
    thread = threading.Thread(target=server.serve_forever, args=(POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
