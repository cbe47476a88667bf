"""Connections to checked addresses: names are resolved here, and only a checked address is connected to."""

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

import httpcore

from guarded_http.addresses import is_public
from guarded_http.errors import LinkRefused, LinkUnavailable

#: Seconds for one address to accept a connection, so that a dead one leaves time for the next.
CONNECT_SECONDS: Final = 5.0
#: Addresses of one name that are tried.
MAX_ADDRESSES_TRIED: Final = 4

#: Bytes that are sent between two checks of the deadline: a record of TLS. httpcore gives each system call of a
#: larger write the same time again, and a peer that reads slowly would stretch it without a limit.
WRITE_BYTES: Final = 16 * 1024

#: Resolves a host and port to addresses; `socket.getaddrinfo` outside tests.
Resolver = Callable[[str, int], list[str]]


class MonotonicClock(Protocol):
    """Clock that measures durations; Python's module `time` is one."""

    def monotonic(self) -> float:
        """Return seconds that never jump."""


class Deadline:
    """Moment at which a request must have ended, however slowly its bytes arrive."""

    def __init__(self, *, clock: MonotonicClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._at = clock.monotonic() + seconds

    def rest_seconds(self) -> float:
        """Return the seconds left; raises LinkUnavailable after the deadline."""
        rest = self._at - self._clock.monotonic()
        if rest <= 0:
            raise LinkUnavailable(f"it took longer than {self._seconds:g} s")
        return rest


class GuardedNetwork(httpcore.NetworkBackend):
    """Connects to public addresses only; `is_allowed(host, port)` names the exceptions of the environment."""

    def __init__(
        self,
        *,
        resolve: Resolver,
        is_allowed: Callable[[str, int], bool],
        deadline: Deadline,
    ) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the interface's; the request has one deadline for all
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to an address of `host` after all of them were checked."""
        addresses = self._addresses(host, port)
        if not self._is_allowed(host, port) and (private := first_private(addresses)):
            raise LinkRefused(f"{host} is not a public address", private_address=private)
        failure: Exception | None = None
        for address in addresses[:MAX_ADDRESSES_TRIED]:
            timeout_seconds = min(CONNECT_SECONDS, self._deadline.rest_seconds())
            try:
                stream = self._backend.connect_tcp(address, port, timeout_seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return DeadlineStream(stream, self._deadline)
        raise LinkUnavailable(f"{host} does not accept connections on port {port}") from failure

    def _addresses(self, host: str, port: int) -> list[str]:
        # The system's resolver knows no deadline, so it is left behind in a thread if it takes too long.
        answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

        def resolve() -> None:
            try:
                answers.put(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                answers.put(error)

        threading.Thread(target=resolve, name="resolve", daemon=True).start()
        try:
            answer = answers.get(timeout=self._deadline.rest_seconds())
        except queue.Empty:
            raise LinkUnavailable(f"the name {host} could not be resolved in time") from None
        if isinstance(answer, Exception):
            raise LinkUnavailable(f"the name {host} cannot be resolved")
        return answer


class DeadlineStream(httpcore.NetworkStream):
    """A stream whose every operation ends with the request's deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline decides
        """Read what has come."""
        return self._stream.read(max_bytes, self._deadline.rest_seconds())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline decides
        """Send all of `buffer`."""
        for start in range(0, len(buffer), WRITE_BYTES):
            self._stream.write(buffer[start : start + WRITE_BYTES], self._deadline.rest_seconds())

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the deadline decides
    ) -> httpcore.NetworkStream:
        """Return the same connection under TLS."""
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.rest_seconds())
        return DeadlineStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows."""
        return self._stream.get_extra_info(info)


def first_private(addresses: Iterable[str]) -> str | None:
    """Return the first address that is not public: with one of them, the name's next answer may hold only that."""
    for text in addresses:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return text
        if not is_public(address):
            return text
    return None


def resolve_with_system(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the system's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
