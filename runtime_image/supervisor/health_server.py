"""What the orchestrator asks over HTTP: /healthz, /readyz and /metrics."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST

from runtime_image.process.clock import Clock
from runtime_image.supervisor.condition import Condition
from runtime_image.supervisor.metrics import Metrics

#: Seconds for a request to arrive.
_REQUEST_SECONDS: Final = 5.0


class HealthServer:
    """Serves all addresses of the container in threads of its own; raises OSError if the port is taken."""

    def __init__(self, *, port: int, condition: Condition, metrics: Metrics, clock: Clock) -> None:
        class Handler(_Handler):
            def answer_to(self, path: str) -> tuple[int, str, bytes] | None:
                match path:
                    case "/healthz":
                        return _json({"alive": condition.is_alive(clock.monotonic())}, "alive")
                    case "/readyz":
                        reason = condition.not_ready(clock.now_ms() / 1000)
                        return _json({"ready": reason is None} | ({"reason": reason} if reason else {}), "ready")
                    case "/metrics":
                        return 200, CONTENT_TYPE_LATEST, metrics.page()
                return None

        self._server = ThreadingHTTPServer(("", port), Handler)
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


def _json(answer: dict[str, object], key: str) -> tuple[int, str, bytes]:
    return (200 if answer[key] else 503), "application/json", json.dumps(answer).encode()


class _Handler(BaseHTTPRequestHandler):
    timeout = _REQUEST_SECONDS

    def answer_to(self, path: str) -> tuple[int, str, bytes] | None:
        """Return status, type and body, None for an unknown path."""
        raise NotImplementedError

    def do_GET(self) -> None:
        """Answer."""
        status, content_type, body = self.answer_to(self.path.partition("?")[0]) or (404, "text/plain", b"not found\n")
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the orchestrator asks every few seconds."""
