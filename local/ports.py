"""Ports of the local system: fixed ones, so that clients keep their addresses after a restart, or free ones."""

import errno
import socket
from typing import Final

import psutil

#: Port of the HTTP API; the next ones belong to no well-known service either.
DEFAULT_PORT: Final = 8350
#: Ports of one local system: HTTP API, AWS, callbacks and four function URLs.
PORTS_IN_A_ROW: Final = 7
#: The largest port number that leaves room for the others.
LARGEST_FIRST_PORT: Final = 65_536 - PORTS_IN_A_ROW


class PortTaken(Exception):
    """Raised when another program listens on a port; the message names the program and the remedy."""


class LocalPorts:
    """Ports of the servers in a row from `first` on. With 0 each server chooses a free port instead."""

    def __init__(self, *, first: int) -> None:
        self._first = first
        self.api, self.aws, self.callbacks = map(self._in_row, range(3))

    def function_url(self, number: int) -> int:
        """Return the port of a function URL, counted from 0."""
        return self._in_row(3 + number)

    def require_free(self) -> None:
        """Raise PortTaken if another program listens on one of the ports."""
        for place in range(PORTS_IN_A_ROW):
            bound_socket(self._in_row(place)).close()

    def _in_row(self, place: int) -> int:
        return self._first + place if self._first else 0


def bound_socket(port: int) -> socket.socket:
    """Return a socket that is bound to `port` of 127.0.0.1, to a free port for 0. Raise PortTaken."""
    # asyncio turns off Nagle's algorithm only for sockets that say they are TCP; with it, every answer that is
    # written in two parts waits 40 ms for the other side's delayed acknowledgement.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Connections of an earlier run may still be closing.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} is used by {_owner(port)}; stop it, or choose other ports with --port, for example"
                f" --port {port + 100}, or --port 0 for free ports"
            ) from None
        raise PortTaken(f"port {port} cannot be used: {error.strerror}; choose other ports with --port") from None
    return bound


def _owner(port: int) -> str:
    try:
        listening = [
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        ]
        for pid in filter(None, listening):
            return f"process {pid} ({' '.join(psutil.Process(pid).cmdline())[:100]})"
    except psutil.Error:
        # The list belongs to root on some systems.
        return "another program"
    return "another program"
