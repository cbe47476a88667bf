"""Health server of the container: /healthz and /readyz for the orchestrator, /metrics for Prometheus."""

import json
import threading
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from runtime_image.process.clock import Clock
from runtime_image.supervisor.container_metrics import ContainerMetrics
from runtime_image.supervisor.container_status import ContainerStatus


class HealthServer:
    """Serves all addresses of the container in separate threads; raises OSError if the port is in use."""

    def __init__(self, *, port: int, status: ContainerStatus, metrics: ContainerMetrics, clock: Clock) -> None:
        def page(path: str) -> tuple[int, str, bytes]:
            match path:
                case "/healthz":
                    return _json_page({"alive": status.is_alive(clock.monotonic())})
                case "/readyz":
                    reason = status.not_ready_reason()
                    return _json_page({"ready": reason is None} | ({"reason": reason} if reason else {}))
                case "/metrics":
                    return 200, CONTENT_TYPE_LATEST, metrics.page()
            return 404, "text/plain", b"not found\n"

        self._server = ThreadingHTTPServer(("", port), partial(_HealthHandler, page))
        self.port: int = self._server.server_port
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


def _json_page(content: dict[str, object]) -> tuple[int, str, bytes]:
    return (503 if False in content.values() else 200), "application/json", json.dumps(content).encode()


class _HealthHandler(BaseHTTPRequestHandler):
    #: Seconds for a request to arrive.
    timeout = 5.0

    def __init__(self, page: Callable[[str], tuple[int, str, bytes]], *arguments: Any) -> None:
        self._page = page
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Send status, type and body of the path's page."""
        status, content_type, body = self._page(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Log no request, because the orchestrator sends one every few seconds."""
