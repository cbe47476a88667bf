"""HTTP server of the stub: one thread for each connection, on 127.0.0.1."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from stub_webui.service import failure
from stub_webui.web_ui import LINKS, StubWebUi

#: Requests whose answers `broken_answers` breaks off.
_GENERATIONS: Final = frozenset({"/sdapi/v1/txt2img", "/sdapi/v1/img2img"})
#: Bytes of an answer from which on a client gets it compressed, if it asks for that.
_MIN_COMPRESSED_BYTES: Final = 1000
#: The fastest level, because a benchmark measures the agent and not this machine's processor.
_COMPRESSION_LEVEL: Final = 1
#: Seconds between two checks of a server whether it must stop.
_POLL_SECONDS: Final = 0.02


class StubServer(ThreadingHTTPServer):
    """Serves one stub. Agents are killed on purpose, so it reports no broken connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, webui: StubWebUi, port: int = 0) -> None:
        self.webui = webui
        super().__init__(("127.0.0.1", port), _StubHandler)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore the failure of one connection."""


class _StubHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StubServer

    def setup(self) -> None:
        super().setup()
        self.server.webui.connections.add(self.connection)

    def finish(self) -> None:
        self.server.webui.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        self._reply("GET")

    def do_POST(self) -> None:
        self._reply("POST")

    def log_message(self, *_: object) -> None:
        pass

    def _reply(self, method: str) -> None:
        webui = self.server.webui
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, answer = webui.answer(method, self.path, json.loads(content) if content else {})
        except Exception as error:  # noqa: BLE001 - see below
            # The real Web UI checks every field and refuses a wrong one. The stub checks few, so a field that it cannot
            # use counts as one of a wrong type. A cut connection would look like a Web UI that has crashed.
            status, answer = failure("TypeError", repr(error))
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        is_compressed = len(data) >= _MIN_COMPRESSED_BYTES and "gzip" in (self.headers.get("Accept-Encoding") or "")
        if is_compressed:
            data = gzip.compress(data, _COMPRESSION_LEVEL)
        try:
            self.send_response(status)
            if is_compressed:
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Type", "image/png" if self.path.startswith(LINKS) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if webui.broken_answers and self.path in _GENERATIONS:
                webui.broken_answers -= 1
                data, self.close_connection = data[: len(data) // 2], True
            self.wfile.write(data)
        except OSError:
            # The agent was killed or timed out. The real Web UI goes on as well.
            self.close_connection = True


@contextmanager
def serve_stub(webui: StubWebUi, port: int = 0) -> Iterator[str]:
    """Serve the stub from a thread and return its base URL."""
    with StubServer(webui, port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()
