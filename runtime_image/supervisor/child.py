"""One process that the supervisor has started: signalled, measured, reaped, and never survived by its own children."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

import psutil

from runtime_image.supervisor.events import ChildEnded, Event, ThreadFailed
from runtime_image.supervisor.parent_death import end_with_parent

TakeOutput = Callable[[IO[bytes]], None]


class Child:
    """A running process with a group of its own. Must be started by the main thread: Linux ends the child with the
    thread that started it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        post: Callable[[Event], None],
        take_output: TakeOutput | None = None,
    ) -> None:
        """Start it; raises OSError if that cannot be done.

        Args:
            name: What the logs call it.
            command: Program and arguments.
            environment: All of its variables.
            post: Is given the event of its end.
            take_output: Reads what it writes, in a thread of its own; without it the output is the supervisor's.
        """
        self.name = name
        self._process = subprocess.Popen(  # noqa: S603 - the command is the operator's own setting
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if take_output else None,
            stderr=subprocess.STDOUT if take_output else None,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - a bare system call, looked up before
        )
        self._post = post
        if take_output and (output := self._process.stdout):
            self._start_thread("output", lambda: take_output(output))
        self._start_thread("end", self._await_end)

    @property
    def pid(self) -> int:
        """The process id, and that of its group."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """False once the process has ended."""
        return self._process.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def terminate(self) -> None:
        """Ask the whole group to end: a shell in front of a program does not pass signals on."""
        self._signal_group(signal.SIGTERM)

    def kill(self) -> None:
        """End the whole group at once."""
        self._signal_group(signal.SIGKILL)

    def resident_bytes(self) -> int:
        """Return the resident size of the process and all that it has started, mapped files left out.

        The kernel takes the pages of those back before memory is short: a checkpoint that is being loaded is no leak.
        """
        try:
            process = psutil.Process(self.pid)
            family = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        return sum(map(_resident_bytes, family))

    def _start_thread(self, purpose: str, run: Callable[[], None]) -> None:
        name = f"{self.name}-{purpose}"

        def watched() -> None:
            try:
                run()
            except Exception as error:  # noqa: BLE001 - a thread's failure is an event, never a dead thread
                # Nobody empties the pipe any more, or nobody learns of the end: the container cannot go on.
                self._post(ThreadFailed(name, error))

        threading.Thread(target=watched, name=name, daemon=True).start()

    def _await_end(self) -> None:
        # Not reaped yet, so that its number cannot be another group's when the rest of its own is killed.
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._post(ChildEnded(self, self._process.wait()))

    def _signal_group(self, number: signal.Signals) -> None:
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def _resident_bytes(process: psutil.Process) -> int:
    try:
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    except psutil.NoSuchProcess:
        return 0
