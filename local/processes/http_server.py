"""HTTP server inside the event loop of the local system: gateway, Lambda runtime API, callback receiver."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from local.ports import bound_socket

#: Seconds that open requests get when the server stops; a client that waits longer has lost its other side already.
_SHUTDOWN_SECONDS: Final = 1
#: Names of this machine. A page that has another name point here would be of the same origin as these servers.
_HOSTS: Final = ("127.0.0.1", "localhost", "*.localhost")


class HttpServer:
    """Serves `application` on `port` of this machine; for 0, on a free port that is known before the start."""

    def __init__(self, application: ASGIApp, *, port: int = 0) -> None:
        self._socket = bound_socket(port)
        self.port: int = self._socket.getsockname()[1]
        self._server = _Server(
            uvicorn.Config(
                TrustedHostMiddleware(application, allowed_hosts=_HOSTS),
                # Whatever else is installed, one machine answers like the other.
                http="h11",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address as a URL, without a slash at its end."""
        return f"http://{self.address}"

    async def start(self) -> None:
        """Begin to serve; requests are accepted when this returns."""
        self._socket.listen()
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))

    async def stop(self) -> None:
        """Close the port and end open requests."""
        self._server.should_exit = True
        if self._task:
            await self._task
        self._socket.close()


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
