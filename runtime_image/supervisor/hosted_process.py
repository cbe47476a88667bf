"""Web UI in another container, started through the host there, as the supervisor's processes are started."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import IO, Final, Self

from pydantic import ValidationError

from runtime_image.process.clock import Clock
from runtime_image.process.host_messages import GROUP_PREFIX, MAX_LINE_BYTES, START_SECONDS, HostMessage
from runtime_image.process.threads import start_thread
from runtime_image.supervisor.events import ChildEnded, Event
from runtime_image.supervisor.managed_process import ProcessUnavailable

#: Status of a process whose host has ended, as after SIGKILL: the kernel ends a container that uses too much memory so.
LOST_STATUS: Final = -int(signal.SIGKILL)


class HostedProcess:
    """Implements `StartedProcess` over one connection to the host. Nothing that the host says is trusted."""

    def __init__(
        self,
        name: str,
        address: tuple[str, int],
        *,
        clock: Clock,
        post: Callable[[Event], None],
        read_output: Callable[[IO[bytes], Self], None],
    ) -> None:
        """Start the process at the host with this address; raises ProcessUnavailable if the host cannot.

        `post` receives the event of its end. `read_output` is as for `ChildProcess`.
        """
        self.name = name
        self.started = threading.Event()
        self._post = post
        self._clock = clock
        self._status: int | None = None
        self._resident_bytes = 0
        with ExitStack() as at_failure:
            try:
                self._control = at_failure.enter_context(socket.create_connection(address, timeout=START_SECONDS))
                port = self._read("output_port")
                output = at_failure.enter_context(socket.create_connection((address[0], port), timeout=START_SECONDS))
                #: Process id in the other container.
                self.pid = self._read("pid")
            except OSError as error:
                raise ProcessUnavailable(f"the host at {address[0]}:{address[1]} starts no process: {error}") from error
            at_failure.pop_all()
        self._control.settimeout(None)
        self._messages = self._control.makefile("rb")
        output.settimeout(None)
        stream = os.fdopen(output.detach(), "rb", buffering=0)
        start_thread(f"{name}-output", lambda: self._read_output(stream, read_output), post)
        start_thread(f"{name}-end", self._await_end, post)

    def is_running(self) -> bool:
        """Return True until the process has ended."""
        return self._status is None

    def send(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to the process and all that it has started, or to the process alone."""
        line = (GROUP_PREFIX if group else "") + number.name
        with suppress(OSError):
            self._control.sendall(line.encode() + b"\n")

    def resident_bytes(self) -> int:
        """Return the resident size of the process and all that it has started, as last reported."""
        return self._resident_bytes

    def _read(self, field: str) -> int:
        message = _message(self._line(field))
        value: object = getattr(message, field) if message else None
        if not isinstance(value, int):
            raise ConnectionError(message.error if message and message.error else f"no {field}")
        return value

    def _line(self, field: str) -> bytes:
        """Return the next line, byte by byte, because a socket's own time limit begins anew with each of them."""
        ends_at = self._clock.monotonic() + START_SECONDS
        line = b""
        while not line.endswith(b"\n") and len(line) < MAX_LINE_BYTES:
            rest_seconds = ends_at - self._clock.monotonic()
            if rest_seconds <= 0:
                raise TimeoutError(f"no {field} within {START_SECONDS:g} s")
            self._control.settimeout(rest_seconds)
            byte = self._control.recv(1)
            if not byte:
                break
            line += byte
        return line

    def _receive(self) -> HostMessage | None:
        """Return the next message; None at the end of the connection, and for a line that is not one."""
        with suppress(OSError):
            return _message(self._messages.readline(MAX_LINE_BYTES))
        return None

    def _await_end(self) -> None:
        status = None
        while status is None and (message := self._receive()):
            self._resident_bytes = message.resident_bytes or self._resident_bytes
            status = message.status
        self._status = LOST_STATUS if status is None else status
        self._messages.close()
        self._control.close()
        self._post(ChildEnded(self, self._status))

    def _read_output(self, stream: IO[bytes], read_output: Callable[[IO[bytes], Self], None]) -> None:
        # The end of the host's container may break the connection.
        with suppress(ConnectionError):
            read_output(stream, self)


def _message(line: bytes) -> HostMessage | None:
    try:
        return HostMessage.model_validate_json(line)
    except ValidationError:
        return None
