"""Web UIs of the local system: embedded ones, or stubs without a model, one for each runtime as on AWS."""

import asyncio
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from contract.routing import Runtime
from local.command_line import UpOptions
from local.context import LocalContext
from local.processes.process_group import LocalProcess
from local.processes.restarting_process import RestartingProcess
from local.replicas.checkpoints import link_checkpoints
from runtime_image.process.webui_environment import webui_environment

#: Seconds until a Web UI listens. The embedded one imports torch and diffusers first, perhaps from a cold disk.
LISTENING_SECONDS: Final = 300.0


def webui_command(options: UpOptions, *, port: int, models: Path, settings_file: Path, lazy: bool) -> list[str]:
    """Return the command of a Web UI on `port` whose options are kept in `settings_file`, as they are on AWS.

    A lazy one loads no model at its start.
    """
    if options.stub_webui_seconds is None:
        command = [sys.executable, "-m", "embedded_webui", *(["--lazy"] if lazy else [])]
    else:
        command = [sys.executable, "-m", "stub_webui", "--seconds-per-step", str(options.stub_webui_seconds)]
    return [*command, "--port", str(port), "--models-folder", str(models), "--ui-settings-file", str(settings_file)]


def free_webui_url(context: LocalContext) -> str:
    """Return an address whose port only a server that asks for its number gets.

    A bound socket reserves the port until the end of the run, because a Web UI listens many seconds later.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    context.reserved_ports.append(reservation)
    return f"http://127.0.0.1:{reservation.getsockname()[1]}"


class WebUis:
    """Starts Web UIs without a container. One that ends starts again on the same port."""

    def __init__(self, context: LocalContext) -> None:
        self._context = context
        self.urls: dict[str, str] = {}
        self.restarting: list[RestartingProcess] = []

    async def start(self, runtimes: Iterable[Runtime], models: Path) -> None:
        """Return when the Web UI of every runtime listens. `models` is the folder of all checkpoints."""
        await asyncio.gather(*(self._start(runtime, models) for runtime in runtimes))

    async def _start(self, runtime: Runtime, models: Path) -> None:
        state = self._context.state
        folder = state.runtimes / runtime.name / "models"
        link_checkpoints(runtime, models=models, folder=folder)

        async def start(port: int) -> tuple[LocalProcess, int]:
            # The first task of a dynamic runtime names its model, so none is loaded before.
            command = webui_command(
                self._context.options,
                port=port,
                models=folder,
                settings_file=state.path / f"webui-{runtime.name}.json",
                lazy=runtime.dynamic_model,
            )
            process = await self._context.start_process(
                command,
                name=f"Web UI of {runtime.name}",
                log_name=f"webui-{runtime.name}",
                environment=webui_environment(self._context.processes.environment, ()),
                reads_output=True,
            )
            return process, await process.listening_port(seconds=LISTENING_SECONDS)

        process, port = await start(0)

        async def start_again() -> LocalProcess:
            return (await start(port))[0]

        self.urls[runtime.name] = f"http://127.0.0.1:{port}"
        self.restarting.append(RestartingProcess(process, start=start_again, console=self._context.console))
