"""Parts of the local system that every step of its start needs."""

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local.command_line import UpOptions
from local.console import Console
from local.processes.process_group import LocalProcess, ProcessGroup
from local.state_directory import StateDirectory

PROJECT: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class LocalContext:
    """UpOptions of the run, its folder, its processes and its terminal."""

    options: UpOptions
    state: StateDirectory
    processes: ProcessGroup
    console: Console
    #: Working directory of every process.
    project: Path = PROJECT
    #: Bound sockets, which keep the ports of Web UIs from other programs.
    reserved_ports: list[socket.socket] = field(default_factory=list)

    async def start_process(
        self,
        command: Sequence[str],
        *,
        name: str,
        log_name: str,
        environment: Mapping[str, str] | None = None,
        reads_output: bool = False,
    ) -> LocalProcess:
        """Start a process as `ProcessGroup.start` does; its log is `log_name` among the logs of the system."""
        return await self.processes.start(
            command,
            name=name,
            log_file=self.state.logs / f"{log_name}.log",
            folder=self.project,
            environment=environment,
            reads_output=reads_output,
        )
