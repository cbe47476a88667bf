"""Host of the Web UI that a hostile task has taken over: the supervisor believes nothing and survives."""

import queue
import socket
import threading
from collections.abc import Iterator
from typing import IO

import pytest

from runtime_image.process.clock import Clock
from runtime_image.process.host_messages import LOOPBACK, HostMessage
from runtime_image.supervisor.events import ChildEnded, Event
from runtime_image.supervisor.hosted_process import LOST_STATUS, HostedProcess
from runtime_image.supervisor.managed_process import ProcessUnavailable
from tests.harness.still_clock import StillClock

PID = HostMessage(pid=1).line()


@pytest.fixture
def output() -> Iterator[socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as listener:
        yield listener


class SlowClock(StillClock):
    """Clock by which each look takes a second."""

    def monotonic(self) -> float:
        self.sleep(1)
        return super().monotonic()


def start(
    output: socket.socket, *lines: bytes, port: bytes = b"", clock: Clock | None = None
) -> "queue.SimpleQueue[Event]":
    """Start a process at a host that answers with these lines. Return the supervisor's events."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    with socket.create_server((LOOPBACK, 0)) as listener:

        def serve() -> None:
            control, _ = listener.accept()
            with control:
                first = port or HostMessage(output_port=output.getsockname()[1]).line()
                control.sendall(first + b"".join(lines))

        threading.Thread(target=serve, daemon=True).start()
        HostedProcess("webui", listener.getsockname(), clock=clock or Clock(), post=events.put, read_output=read)
    return events


def read(stream: IO[bytes], _: HostedProcess) -> None:
    stream.close()


@pytest.mark.parametrize(
    "line",
    [
        b"x" * 100_000,
        b'{"resident_bytes": -1}\n',
        b'{"resident_bytes": 1' + b"0" * 400 + b"}\n",
        b'{"status": "none"}\n',
        b'{"status": 0, "exit": 1}\n',
        b"\xff\xfe\n",
        b"[]\n",
        b"\n",
    ],
    ids=lambda line: repr(line[:40]),
)
def test_a_line_that_is_no_message_ends_the_process(output: socket.socket, line: bytes) -> None:
    event = start(output, PID, line, HostMessage(status=0).line()).get(timeout=60)

    assert isinstance(event, ChildEnded)
    assert event.status == LOST_STATUS


def test_the_end_of_the_connection_ends_the_process(output: socket.socket) -> None:
    event = start(output, PID).get(timeout=60)

    assert isinstance(event, ChildEnded)
    assert event.status == LOST_STATUS


@pytest.mark.parametrize("line", [b"{}\n", b'{"pid": "1"}garbage\n', b'{"error": "no memory"}\n', b""], ids=repr)
def test_a_host_that_names_no_process_has_started_none(output: socket.socket, line: bytes) -> None:
    with pytest.raises(ProcessUnavailable, match="starts no process"):
        start(output, line)


def test_a_port_that_is_none_is_refused(output: socket.socket) -> None:
    with pytest.raises(ProcessUnavailable, match="no output_port"):
        start(output, PID, port=b'{"output_port": 99999999}\n')


def test_a_host_that_sends_a_byte_now_and_then_has_started_none(output: socket.socket) -> None:
    with pytest.raises(ProcessUnavailable, match="no output_port within 5 s"):
        start(output, PID, clock=SlowClock())
