"""The Web UIs of the local system: one embedded one for each runtime, as each runtime has its own on AWS."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from contract.routing import Runtime
from local.console import Console
from local.processes.process_group import LocalProcess, ProcessGroup
from local.processes.restarting_process import RestartingProcess
from local.replicas.checkpoints import link_checkpoints
from local.state_directory import StateDirectory

#: Seconds until an embedded Web UI listens: it imports torch and diffusers first, from a cold disk perhaps.
_LISTENING_SECONDS: Final = 120.0


class WebUis:
    """Starts the Web UIs and knows their URLs; one that ends is started again on the same port."""

    def __init__(self, *, processes: ProcessGroup, state: StateDirectory, project: Path, console: Console) -> None:
        self._processes = processes
        self._state = state
        self._project = project
        self._console = console
        self.urls: dict[str, str] = {}
        self.restarting: list[RestartingProcess] = []

    async def start(self, runtimes: Iterable[Runtime]) -> None:
        """Return when all of them listen."""
        await asyncio.gather(*(self._start(runtime) for runtime in runtimes))

    async def _start(self, runtime: Runtime) -> None:
        models = self._state.runtimes / runtime.name / "models"
        link_checkpoints(runtime, models=self._state.models, folder=models)

        async def start_child(port: int) -> tuple[LocalProcess, int]:
            command = [sys.executable, "-m", "embedded_webui", "--host", "127.0.0.1", "--port", str(port)]
            command += ["--models-folder", str(models)]
            # As on AWS, what was set outlives the process: the agent relies on it for what it has set.
            command += ["--ui-settings-file", str(self._state.path / f"webui-{runtime.name}.json")]
            if runtime.dynamic_model:
                # Which model its first task names is not known; loading any would only slow down the others' start.
                command.append("--lazy")
            child = await self._processes.start(
                command,
                name=f"Web UI of {runtime.name}",
                log_file=self._state.logs / f"webui-{runtime.name}.log",
                folder=self._project,
                reads_output=True,
            )
            return child, await child.listening_port(seconds=_LISTENING_SECONDS)

        child, port = await start_child(0)

        async def start_again() -> LocalProcess:
            return (await start_child(port))[0]

        self.urls[runtime.name] = f"http://127.0.0.1:{port}"
        self.restarting.append(RestartingProcess(child, start=start_again, console=self._console))
