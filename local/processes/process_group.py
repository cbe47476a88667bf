"""Processes of the local system: each has a log file, and all end in order, also when their parent dies."""

import asyncio
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from contract.errors import InvalidJson
from contract.json_values import parse_json_object
from runtime_image.process.parent_death import end_with_parent

#: Seconds from SIGTERM to SIGKILL. A slow process loses nothing, because all state ends with the local system.
STOP_SECONDS: Final = 4.0
#: Lines of the log that the report of a failed process repeats.
_TAIL_LINES: Final = 15


class ProcessFailed(Exception):
    """Raised when a process ended unexpectedly or did not start; its message has the end of the log."""


class LocalProcess:
    """One process. Its standard error, and its output unless somebody reads it, go to `log_file`."""

    def __init__(self, process: asyncio.subprocess.Process, *, name: str, log_file: Path) -> None:
        self._process = process
        self._draining: asyncio.Task[None] | None = None
        self.name = name
        self.log_file = log_file

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """False as soon as the process has ended."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Return the exit status, negative for a signal, once the process has ended."""
        return await self._process.wait()

    async def stop(self, *, seconds: float) -> None:
        """End the process: SIGTERM first, SIGKILL after `seconds`."""
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End the process at once."""
        self._signal(signal.SIGKILL)
        await self._process.wait()

    async def listening_port(self, *, seconds: float) -> int:
        """Return the port from the line `{"event": "listening", "port": N}` that the process prints when it serves."""
        try:
            port = await asyncio.wait_for(self._read_port(), seconds)
        except TimeoutError:
            raise ProcessFailed(f"{self.name} did not start within {seconds:g} s{self.log_tail()}") from None
        if port is None:
            status = await self.wait()
            raise ProcessFailed(f"{self.name} ended with status {status} before it listened{self.log_tail()}")
        # A full pipe blocks its writer.
        self._draining = asyncio.create_task(self._drain())
        return port

    def log_tail(self) -> str:
        """Return the end of the log, as the end of a message."""
        lines = self.log_file.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return f"; the end of {self.log_file}:\n" + "\n".join(f"    {line}" for line in lines)

    @property
    def _output(self) -> asyncio.StreamReader:
        if self._process.stdout is None:
            raise ValueError("the process was started without reads_output")
        return self._process.stdout

    async def _read_port(self) -> int | None:
        async for line in self._output:
            with suppress(InvalidJson):
                message = parse_json_object(line)
                if message.get("event") == "listening":
                    return int(message["port"])
        return None

    async def _drain(self) -> None:
        with self.log_file.open("ab") as log:
            while chunk := await self._output.read(65_536):
                log.write(chunk)
                log.flush()

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            try:
                self._process.send_signal(number)
            except ProcessLookupError:
                return


class ProcessGroup:
    """Starts processes and ends all that are left when its block ends.

    `environment` is for every process, `stop_seconds` the time of each from SIGTERM to SIGKILL.
    """

    def __init__(self, *, environment: Mapping[str, str], stop_seconds: float = STOP_SECONDS) -> None:
        self.environment = dict(environment)
        self._stop_seconds = stop_seconds
        self._started: list[LocalProcess] = []

    async def __aenter__(self) -> Self:
        """Begin."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop every process that still runs."""
        await self.stop(self._started)

    async def stop(self, processes: Sequence[LocalProcess]) -> None:
        """End some processes, side by side."""
        await asyncio.gather(*(process.stop(seconds=self._stop_seconds) for process in processes if process.running))

    async def start(
        self,
        command: Sequence[str],
        *,
        name: str,
        log_file: Path,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        reads_output: bool = False,
    ) -> LocalProcess:
        """Start `command` in `folder`; `environment` replaces the common one if it is not None."""
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as log:
            started = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if reads_output else log,
                stderr=log,
                env=self.environment if environment is None else dict(environment),
                cwd=folder,
                # Ctrl-C in a terminal reaches a whole process group; the processes's turn comes in our order.
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        process = LocalProcess(started, name=name, log_file=log_file)
        self._started = [other for other in self._started if other.running]
        self._started.append(process)
        return process
