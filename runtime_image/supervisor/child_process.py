"""Child process of the supervisor: signalled, measured, and reaped together with its whole process group."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Self

import psutil

from runtime_image.process.parent_death import end_with_parent
from runtime_image.process.threads import start_thread
from runtime_image.supervisor.events import ChildEnded, Event


class ChildProcess:
    """Running process that leads a separate group. Only the main thread may start it, because of `end_with_parent`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        post: Callable[[Event], None],
        read_output: Callable[[IO[bytes], Self], None] | None = None,
        output: int | None = None,
    ) -> None:
        """Start the process; raises OSError if that fails.

        Args:
            name: Name in logs.
            command: Program and arguments.
            environment: All of its variables.
            post: Receives the event of its end.
            read_output: Reads what it writes, in a separate thread, and sets `started` at the end of its start. Without
                this reader the output is the supervisor's.
            output: File descriptor that receives what it writes, unless `read_output` does.
        """
        self.name = name
        self.started = threading.Event()
        self._process = subprocess.Popen(  # noqa: S603 - the command is the operator's own setting
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if read_output else output,
            stderr=None if read_output is None and output is None else subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - a bare system call, found at import
        )
        #: Process id, and that of its group.
        self.pid = self._process.pid
        self._post = post
        # After a failure of either thread the pipe fills up, or the loop never hears of the end.
        if read_output and (pipe := self._process.stdout):
            start_thread(f"{name}-output", lambda: read_output(pipe, self), post)
        start_thread(f"{name}-end", self._await_end, post)

    def is_running(self) -> bool:
        """Return True until the process has ended."""
        return self._process.returncode is None

    def send(self, number: signal.Signals, *, group: bool = True) -> None:
        """Send a signal to the whole group, because a shell in front of a program passes none on, or to the program."""
        with suppress(ProcessLookupError):
            if not group:
                self._process.send_signal(number)
            elif self.is_running():
                os.killpg(self.pid, number)

    def resident_bytes(self) -> int:
        """Return the resident size of the process and all that it has started, mapped files left out.

        The kernel reclaims the pages of mapped files before memory is short: a checkpoint that is being loaded is no
        leak.
        """
        try:
            process = psutil.Process(self.pid)
            family = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        return sum(map(_resident_bytes, family))

    def _await_end(self) -> None:
        # The process is not reaped yet. Otherwise its number could be another group's when the rest is killed.
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._post(ChildEnded(self, self._process.wait()))


def _resident_bytes(process: psutil.Process) -> int:
    try:
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    except psutil.NoSuchProcess:
        return 0
