"""HTTP servers in threads, for as long as a test needs them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TypeVar

#: Seconds between two checks of a server whether it must stop.
POLL_SECONDS = 0.02
AnyServer = TypeVar("AnyServer", bound=HTTPServer)


class QuietHandler(BaseHTTPRequestHandler):
    """Handler without a log line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Log no request."""


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
