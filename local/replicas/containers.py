"""The containers of the local system: a supervisor for each replica, with an embedded Web UI and models of its own."""

import asyncio
import shlex
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from local.console import Console
from local.processes.process_group import LocalProcess, ProcessFailed, ProcessGroup
from local.processes.restarting_process import RestartingProcess
from local.state_directory import StateDirectory

#: Seconds until a container's Web UI listens: Python starts twice, from a cold disk perhaps.
_LISTENING_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.05


def free_webui_url() -> str:
    """Return an address at which nobody listens yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def webui_command(environment: Mapping[str, str]) -> str:
    """Return the command line of an embedded Web UI that answers at the container's `WEBUI_URL`.

    It loads its model when the supervisor tells it to, since the models are fetched meanwhile.
    """
    command = [sys.executable, "-m", "embedded_webui", "--lazy"]
    command += ["--port", str(urlsplit(environment["WEBUI_URL"]).port)]
    # As on AWS, what was set outlives the process: the agent relies on it for what it has set.
    command += ["--ui-settings-file", str(Path(environment["STATUS_FILE"]).with_name("webui-settings.json"))]
    return shlex.join([*command, "--models-folder", environment["MODELS_DIRECTORY"]])


class Containers:
    """Starts containers; one that ends is started again."""

    def __init__(self, *, processes: ProcessGroup, state: StateDirectory, project: Path, console: Console) -> None:
        self._processes = processes
        self._state = state
        self._project = project
        self._console = console

    async def start(self, name: str, container_environment: Mapping[str, str]) -> RestartingProcess:
        """Start a container and return when its Web UI listens."""
        # Nothing of this shell may lead the container to another AWS.
        shell = {key: value for key, value in self._processes.environment.items() if not key.startswith("AWS_")}
        command = webui_command(container_environment)
        environment = {**shell, **container_environment, "WEBUI_COMMAND": command}

        async def start() -> LocalProcess:
            return await self._processes.start(
                [sys.executable, "-m", "runtime_image.supervisor"],
                name=f"container {name}",
                log_file=self._state.logs / f"container-{name}.log",
                folder=self._project,
                environment=environment,
            )

        child = await start()
        try:
            await asyncio.wait_for(_until_listening(environment["WEBUI_URL"], child), _LISTENING_SECONDS)
        except TimeoutError:
            raise ProcessFailed(f"the Web UI of {child.name} does not listen{child.log_tail()}") from None
        return RestartingProcess(child, start=start, console=self._console)


async def _until_listening(url: str, child: LocalProcess) -> None:
    port = urlsplit(url).port
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if not child.running:
                raise ProcessFailed(f"{child.name} ended with status {await child.wait()}{child.log_tail()}") from None
            await asyncio.sleep(_LOOK_SECONDS)
        else:
            writer.close()
            return
