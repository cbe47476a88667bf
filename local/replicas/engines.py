"""Engines of the local system: embedded ones, or stubs without a model, one for each runtime as on AWS."""

import socket
import sys
from pathlib import Path
from typing import Final

from contract.routing import Runtime
from local.command_line import UpOptions
from local.context import PROJECT, LocalContext
from local.processes.process_group import LocalProcess
from local.processes.restarting_process import RestartingProcess
from local.replicas.checkpoints import link_checkpoints
from runtime_image.process.webui_environment import webui_environment

#: Seconds until an engine listens. The embedded Web UI imports torch and diffusers first, perhaps from a cold disk.
LISTENING_SECONDS: Final = 300.0
#: The arguments of a real engine mean nothing to those of the local system.
NO_ARGUMENTS: Final = {"COMMANDLINE_ARGS": ""}


def engine_command(runtime: Runtime, options: UpOptions, *, port: int, folder: Path, lazy: bool) -> list[str]:
    """Return the command of an engine on `port` that keeps its models and its state in `folder`.

    A lazy Web UI loads no model at its start.
    """
    models, stub_seconds = str(folder / "models"), options.stub_webui_seconds
    if runtime.type == "comfyui":
        # As in the image: it ends with its worker.
        command = ["runtime_image.launcher.comfyui", str(PROJECT / "embedded_comfyui" / "__main__.py")]
        command += ["--models", models, "--base-directory", str(comfyui_directory(folder))]
        command += [] if stub_seconds is None else ["--stub-seconds", str(stub_seconds)]
    else:
        stub = ["stub_webui", "--seconds-per-step", str(stub_seconds)]
        command = ["embedded_webui", *(["--lazy"] if lazy else [])] if stub_seconds is None else stub
        # Its options outlive its process, as they do on AWS.
        command += ["--models-folder", models, "--ui-settings-file", str(folder / "webui-settings.json")]
    return [sys.executable, "-m", *command, "--port", str(port)]


def comfyui_directory(folder: Path) -> Path:
    """Return the base directory of the ComfyUI of a replica."""
    return folder / "comfyui"


def free_engine_url(context: LocalContext) -> str:
    """Return an address whose port only a server that asks for its number gets.

    A bound socket reserves the port until the end of the run, because an engine listens many seconds later.
    """
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    context.reserved_ports.append(reservation)
    return f"http://127.0.0.1:{reservation.getsockname()[1]}"


async def start_engine(runtime: Runtime, models: Path, context: LocalContext) -> tuple[str, RestartingProcess]:
    """Start the engine of a runtime without a container, and return its URL and its process when it listens.

    If it ends, it starts again on the same port. `models` is the folder of all checkpoints.
    """
    folder = context.state.runtimes / runtime.name
    link_checkpoints(runtime, models=models, folder=folder / "models")

    async def start(port: int) -> tuple[LocalProcess, int]:
        # The first task of a dynamic runtime names its model, so none is loaded before.
        command = engine_command(runtime, context.options, port=port, folder=folder, lazy=runtime.dynamic_model)
        process = await context.start_process(
            command,
            name=f"engine of {runtime.name}",
            log_name=f"engine-{runtime.name}",
            environment=webui_environment(context.processes.environment, ()) | NO_ARGUMENTS,
            reads_output=True,
        )
        return process, await process.listening_port(seconds=LISTENING_SECONDS)

    process, port = await start(0)

    async def start_again() -> LocalProcess:
        return (await start(port))[0]

    restarting = RestartingProcess(process, start=start_again, console=context.console)
    return f"http://127.0.0.1:{port}", restarting
