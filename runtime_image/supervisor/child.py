"""One process that the supervisor has started: signalled, measured, reaped, and never survived by its own children."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO, Final

import psutil

from runtime_image.supervisor.events import ChildEnded, Event

#: prctl option by which Linux ends a child whose parent died (linux/prctl.h).
_PR_SET_PDEATHSIG: Final = 1
#: Looked up here, since little is safe between fork and exec in a process with threads.
_PRCTL: Final = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

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
            preexec_fn=_end_with_parent if _PRCTL else None,  # noqa: PLW1509 - a bare system call, looked up before
        )
        if take_output and self._process.stdout:
            threading.Thread(
                target=take_output, args=(self._process.stdout,), name=f"{name}-output", daemon=True
            ).start()
        threading.Thread(target=self._await_end, args=(post,), name=f"{name}-end", daemon=True).start()

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
        """Return the resident size of the process and all that it has started."""
        try:
            process = psutil.Process(self.pid)
            family = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        return sum(map(_resident_bytes, family))

    def _await_end(self, post: Callable[[Event], None]) -> None:
        # Not reaped yet, so that its number cannot be another group's when the rest of its own is killed.
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        post(ChildEnded(self, self._process.wait()))

    def _signal_group(self, number: signal.Signals) -> None:
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _end_with_parent() -> None:
    """Have the kernel kill this child when the supervisor is killed and cannot do so itself."""
    if _PRCTL:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
