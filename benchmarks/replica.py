"""ReplicaProcess of a runtime: an agent and its engine, which start again whenever they end."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.processes import AWS_VARIABLES, Process, Server, start, stop
from benchmarks.stub_arguments import comfyui_arguments, stub_arguments
from benchmarks.verdict import COMFYUI_CRASH, WEBUI_CRASH, Disturbance
from stub_webui.journal import JournaledGeneration, read_journal

#: Exit statuses after SIGTERM or SIGKILL, which are recorded when they are sent.
_EXPECTED_EXITS: Final = (0, -signal.SIGKILL)


class ReplicaProcess:
    """Starts at once; `close` ends both processes.

    Args:
        comfyui_checkpoint: Checkpoint of the ComfyUI's folder; without it the engine is an SD Web UI.
    """

    def __init__(
        self,
        number: int,
        *,
        folder: Path,
        variables: Mapping[str, str],
        seconds_per_picture: float,
        comfyui_checkpoint: str | None,
    ) -> None:
        self._number = number
        self._journal = folder / f"generations-{number}.jsonl"
        self._log = folder / f"agent-{number}.log"
        base = folder / f"comfyui-{number}"
        if comfyui_checkpoint:
            checkpoint = base / "models" / "checkpoints" / comfyui_checkpoint
            checkpoint.parent.mkdir(parents=True)
            checkpoint.touch()
            self._engine_arguments = comfyui_arguments(base, self._journal, seconds_per_step=seconds_per_picture)
        else:
            self._engine_arguments = stub_arguments(self._journal, seconds_per_picture=seconds_per_picture)
        self._crash = COMFYUI_CRASH if comfyui_checkpoint else WEBUI_CRASH
        self._engine = Server(self._engine_arguments)
        folders = {f"COMFYUI_{name.upper()}_FOLDER": str(base / name) for name in ("input", "output", "temp")}
        address = (
            {"COMFYUI_URL": self._engine.url, **folders} if comfyui_checkpoint else {"WEBUI_URL": self._engine.url}
        )
        #: Exists while the engine is ready, as the supervisor of a container would have it.
        self._ready_file = folder / f"engine-ready-{number}"
        self._ready_file.touch()
        self._variables = {
            **AWS_VARIABLES,
            **variables,
            **address,
            "ENGINE_READY_FILE": str(self._ready_file),
        }
        #: A second SIGTERM interrupts the running generation.
        self._is_stopping = False
        self._agent = self._start_agent()
        self.disturbances: list[Disturbance] = []

    @property
    def generations(self) -> list[JournaledGeneration]:
        """Everything that its engine was asked to generate."""
        return read_journal(self._journal)

    def send(self, number: signal.Signals) -> None:
        """Send SIGKILL or SIGTERM to the agent."""
        if self._agent.poll() is None:
            is_stop = number == signal.SIGTERM
            self._record("second SIGTERM" if is_stop and self._is_stopping else number.name)
            self._is_stopping = self._is_stopping or is_stop
            self._agent.send_signal(number)

    def crash_engine(self) -> None:
        """Kill the engine, and start another on its port."""
        self._record(self._crash)
        os.kill(self._engine.process.pid, signal.SIGKILL)
        self._ready_file.unlink()
        self._engine.close()
        self._engine = Server([*self._engine_arguments, "--port", str(self._engine.port)])
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
        self._engine.close()

    def _start_agent(self) -> Process:
        self._is_stopping = False
        return start(["-m", "runtime_image.agent"], log_file=self._log, variables=self._variables)

    def _record(self, kind: str) -> None:
        self.disturbances.append(Disturbance(self._number, time.monotonic(), kind))
