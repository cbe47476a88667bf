"""Host of one Web UI at a time: it starts the process that the supervisor asks for, and ends it with the connection."""

import queue
import select
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psutil

from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.host_messages import GROUP_PREFIX, LOOPBACK, MAX_LINE_BYTES, START_SECONDS, HostMessage
from runtime_image.process.logs import EventLog
from runtime_image.process.parent_death import adopt_orphans
from runtime_image.process.threads import ThreadFailed
from runtime_image.supervisor.child_process import ChildProcess
from runtime_image.supervisor.events import ChildEnded, Event
from runtime_image.supervisor.managed_process import UNKILLABLE_SECONDS

#: Seconds between two reports of the process's size, and between two looks for a request to stop.
REPORT_SECONDS: Final = 1.0


class SupervisorDisconnected:
    """Event: the supervisor has ended, or wants the process no longer."""


@dataclass(frozen=True)
class SignalRequested:
    """Event: the supervisor sends a signal."""

    number: signal.Signals
    is_for_group: bool


HostEvent = Event | SignalRequested | SupervisorDisconnected


@dataclass(kw_only=True, eq=False)
class ProcessHost:
    """Runs in the main thread, because Linux ends a child with the thread that started it."""

    command: Sequence[str]
    environment: dict[str, str]
    listener: socket.socket
    stopping: threading.Event
    clock: Clock
    event_log: EventLog

    def run(self) -> ExitCode:
        """Serve supervisors until a request to stop. The process of a supervisor that is connected still ends first."""
        adopt_orphans()
        self.listener.settimeout(REPORT_SECONDS)
        while not self.stopping.is_set():
            with suppress(TimeoutError):
                control, _ = self.listener.accept()
                with control:
                    if not self._serve(control):
                        return ExitCode.WEBUI_UNHEALTHY
        return ExitCode.STOPPED

    def _serve(self, control: socket.socket) -> bool:
        """Run one process for one connection. Return False if nothing can end it."""
        events: queue.SimpleQueue[HostEvent] = queue.SimpleQueue()
        control.settimeout(START_SECONDS)
        try:
            child = self._start(control, events.put)
        except OSError as error:
            self.event_log.warning("webui_not_started", reason=str(error))
            with suppress(OSError):
                control.sendall(HostMessage(error=str(error)[: MAX_LINE_BYTES // 2]).line())
            return True
        control.settimeout(None)
        threading.Thread(target=_read_signals, args=(control, events.put), name="signals", daemon=True).start()
        with suppress(OSError):
            control.sendall(HostMessage(pid=child.pid).line())
        try:
            return self._run_until_end(child, control, events)
        finally:
            # It ends the thread that reads the signals, too.
            with suppress(OSError):
                control.shutdown(socket.SHUT_RDWR)

    def _start(self, control: socket.socket, post: Callable[[HostEvent], None]) -> ChildProcess:
        # A supervisor sends nothing before its process runs: what can be read is the end of the connection.
        if select.select([control], [], [], 0)[0]:
            raise ConnectionError("the supervisor has left")
        with socket.create_server((LOOPBACK, 0)) as listener:
            listener.settimeout(START_SECONDS)
            control.sendall(HostMessage(output_port=listener.getsockname()[1]).line())
            output, _ = listener.accept()
        with output:
            child = ChildProcess("webui", self.command, environment=self.environment, post=post, output=output.fileno())
        self.event_log.info("child_started", child=child.name, pid=child.pid)
        return child

    def _run_until_end(
        self, child: ChildProcess, control: socket.socket, events: "queue.SimpleQueue[HostEvent]"
    ) -> bool:
        ends_at = float("inf")
        while self.clock.monotonic() < ends_at:
            try:
                event = events.get(timeout=REPORT_SECONDS)
            except queue.Empty:
                with suppress(OSError):
                    control.sendall(HostMessage(resident_bytes=child.resident_bytes()).line())
                continue
            match event:
                case ChildEnded(_, status):
                    self.event_log.info("child_ended", child=child.name, status=status)
                    self._kill_rest()
                    with suppress(OSError):
                        control.sendall(HostMessage(status=status).line())
                    return True
                case SignalRequested(number, is_for_group):
                    child.send(number, group=is_for_group)
                case SupervisorDisconnected():
                    child.send(signal.SIGKILL)
                    ends_at = self.clock.monotonic() + UNKILLABLE_SECONDS
                case ThreadFailed(name, error):
                    self.event_log.error("thread_failed", error, thread=name)
                    child.send(signal.SIGKILL)
        self.event_log.error("child_unkillable", child=child.name, pid=child.pid)
        return False

    def _kill_rest(self) -> None:
        """End what has left the group of the process, because the next one must start with nothing of it."""
        for _ in range(round(UNKILLABLE_SECONDS / REPORT_SECONDS)):
            rest = psutil.Process().children(recursive=True)
            if not rest:
                return
            self.event_log.warning("orphans_killed", count=len(rest))
            for process in rest:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(rest, timeout=REPORT_SECONDS)


def _read_signals(control: socket.socket, post: Callable[[HostEvent], None]) -> None:
    # A line may be cut off.
    with suppress(OSError, ValueError, KeyError), control.makefile("rb") as lines:
        while line := lines.readline(MAX_LINE_BYTES).decode().rstrip("\n"):
            name = line.removeprefix(GROUP_PREFIX)
            post(SignalRequested(signal.Signals[name], is_for_group=name != line))
    post(SupervisorDisconnected())
