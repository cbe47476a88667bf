"""ReplicaProcess of a runtime: an agent and its Web UI, which start again whenever they end."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.processes import AWS_VARIABLES, Process, Server, start, stop
from benchmarks.stub_arguments import stub_arguments
from benchmarks.verdict import WEBUI_CRASH, Disturbance
from stub_webui.journal import JournaledGeneration, read_journal

#: Exit statuses after SIGTERM or SIGKILL, which are recorded when they are sent.
_EXPECTED_EXITS: Final = (0, -signal.SIGKILL)


class ReplicaProcess:
    """Starts at once; `close` ends both processes."""

    def __init__(self, number: int, *, folder: Path, variables: Mapping[str, str], seconds_per_picture: float) -> None:
        self._number = number
        self._journal = folder / f"generations-{number}.jsonl"
        self._log = folder / f"agent-{number}.log"
        self._webui_arguments = stub_arguments(self._journal, seconds_per_picture=seconds_per_picture)
        self._webui = Server(self._webui_arguments)
        #: Exists while the Web UI is ready, as the supervisor of a container would have it.
        self._ready_file = folder / f"engine-ready-{number}"
        self._ready_file.touch()
        self._variables = {
            **AWS_VARIABLES,
            **variables,
            "WEBUI_URL": self._webui.url,
            "ENGINE_READY_FILE": str(self._ready_file),
        }
        #: A second SIGTERM interrupts the running generation.
        self._is_stopping = False
        self._agent = self._start_agent()
        self.disturbances: list[Disturbance] = []

    @property
    def generations(self) -> list[JournaledGeneration]:
        """Everything that its Web UI was asked to generate."""
        return read_journal(self._journal)

    def send(self, number: signal.Signals) -> None:
        """Send SIGKILL or SIGTERM to the agent."""
        if self._agent.poll() is None:
            is_stop = number == signal.SIGTERM
            self._record("second SIGTERM" if is_stop and self._is_stopping else number.name)
            self._is_stopping = self._is_stopping or is_stop
            self._agent.send_signal(number)

    def crash_webui(self) -> None:
        """Kill the Web UI, and start another on its port."""
        self._record(WEBUI_CRASH)
        os.kill(self._webui.process.pid, signal.SIGKILL)
        self._ready_file.unlink()
        self._webui.close()
        self._webui = Server([*self._webui_arguments, "--port", str(self._webui.port)])
        self._ready_file.touch()

    def restart_if_ended(self) -> None:
        """Start the agent again if it has ended."""
        if (code := self._agent.poll()) is not None:
            if code not in _EXPECTED_EXITS:
                self._record(f"exit {code}")
            self._agent = self._start_agent()

    def close(self) -> None:
        """End both."""
        stop(self._agent)
        self._webui.close()

    def _start_agent(self) -> Process:
        self._is_stopping = False
        return start(["-m", "runtime_image.agent"], log_file=self._log, variables=self._variables)

    def _record(self, kind: str) -> None:
        self.disturbances.append(Disturbance(self._number, time.monotonic(), kind))
