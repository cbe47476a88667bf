"""Readiness of the SD Web UI: the gates that hold requests back while it starts, and the check of its lists.

The Web UI opens its port, and then adds middleware and routes. FastAPI refuses middleware after the first request, so
any request in between ends the Web UI. The routes appear one by one, so an early answer proves nothing.
"""

import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from runtime_image.process.clock import Clock
from runtime_image.webui.client import RequestGate, WebUiClient
from runtime_image.webui.errors import WebUiNotReached
from runtime_image.webui.names.kinds import LIST_PATHS

#: Part of the line of output that ends the start. All routes exist by then.
STARTED_LINE: Final = "Startup time:"
#: Seconds from the opening of the port to the first request, if another program reads the output. Starts of v1.10.1
#: needed 0.2 to 0.3 s on a busy machine of two processors.
SETTLE_SECONDS: Final = 3.0
#: Seconds for a connection on the same machine, or to one next to it.
_CONNECT_TIMEOUT_SECONDS: Final = 2.0


class ReadyFile(RequestGate):
    """Gate that is open while a file exists: the supervisor creates it once the Web UI is ready, and removes it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        #: Identity of the file, another one for each life of the Web UI.
        self._life: tuple[int, int] | None = None

    def check(self) -> None:
        """Raise WebUiNotReached unless the file exists, and once after a restart."""
        try:
            status = self._path.stat()
        except FileNotFoundError as error:
            raise WebUiNotReached("the supervisor has not found the Web UI ready") from error
        life = (status.st_ino, status.st_mtime_ns)
        if self._life is None:
            self._life = life
        if life != self._life:
            # Before the next request passes, because it would rely on what was known of the last Web UI.
            self.on_restart()
            self._life = life
            raise WebUiNotReached("the Web UI was restarted")


class SettledPort(RequestGate):
    """Gate for a Web UI whose output belongs to another program: it opens some seconds after the port."""

    def __init__(self, *, base_url: str, clock: Clock) -> None:
        super().__init__()
        parts = urlsplit(base_url)
        self._address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        self._clock = clock
        #: Monotonic seconds of the first connection since the last failed one.
        self._connected_at: float | None = None
        self._is_settled = False

    def check(self) -> None:
        """Connect without a request. Raise WebUiNotReached until the port has been open for long enough."""
        if self._is_settled:
            return
        try:
            socket.create_connection(self._address, timeout=_CONNECT_TIMEOUT_SECONDS).close()
        except OSError as error:
            self._connected_at = None
            raise WebUiNotReached(f"the Web UI cannot be reached: {error}") from error
        now = self._clock.monotonic()
        if self._connected_at is None:
            self._connected_at = now
        if now - self._connected_at < SETTLE_SECONDS:
            raise WebUiNotReached("the Web UI has just opened its port")
        self._is_settled = True

    def disconnected(self) -> None:
        """Wait again before the next request, because the Web UI may have been restarted."""
        self._is_settled, self._connected_at = False, None


def gate_of(*, base_url: str, ready_file: Path | None, clock: Clock) -> RequestGate:
    """Return the gate for a Web UI: with a file the one of its supervisor."""
    return ReadyFile(ready_file) if ready_file else SettledPort(base_url=base_url, clock=clock)


def check_lists(client: WebUiClient) -> None:
    """Ask for every list that tasks are checked against; raises WebUiFailed if one is missing."""
    for path in LIST_PATHS:
        client.ask("GET", path)
