"""Containers of the local system: each replica is a supervisor with its own Web UI and models."""

import asyncio
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from local.command_line import UpOptions
from local.context import LocalContext
from local.processes.process_group import LocalProcess, ProcessFailed
from local.processes.restarting_process import RestartingProcess
from local.replicas.webuis import LISTENING_SECONDS, webui_command

_POLL_SECONDS: Final = 0.05


def container_webui_command(variables: Mapping[str, str], options: UpOptions) -> str:
    """Return the command line of the Web UI inside a container."""
    command = webui_command(
        options,
        port=urlsplit(variables["WEBUI_URL"]).port or 0,
        models=Path(variables["MODELS_DIRECTORY"]),
        settings_file=Path(variables["STATUS_FILE"]).with_name("webui-settings.json"),
        # The supervisor downloads the models meanwhile, and makes the Web UI load one afterwards.
        lazy=True,
    )
    return shlex.join(command)


async def start_container(name: str, variables: Mapping[str, str], context: LocalContext) -> RestartingProcess:
    """Start a container that starts again when it ends. Return when its Web UI listens."""
    # No variable of this shell may lead the container to another AWS.
    shell = {key: value for key, value in context.processes.environment.items() if not key.startswith("AWS_")}
    environment = {**shell, **variables, "WEBUI_COMMAND": container_webui_command(variables, context.options)}
    start = partial(
        context.start_process,
        [sys.executable, "-m", "runtime_image.supervisor"],
        name=f"container {name}",
        log_name=f"container-{name}",
        environment=environment,
    )
    process = await start()
    try:
        await asyncio.wait_for(_until_listening(environment["WEBUI_URL"], process), LISTENING_SECONDS)
    except TimeoutError:
        raise ProcessFailed(f"the Web UI of {process.name} does not listen{process.log_tail()}") from None
    return RestartingProcess(process, start=start, console=context.console)


async def _until_listening(url: str, process: LocalProcess) -> None:
    port = urlsplit(url).port
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if not process.running:
                status = await process.wait()
                raise ProcessFailed(f"{process.name} ended with status {status}{process.log_tail()}") from None
            await asyncio.sleep(_POLL_SECONDS)
        else:
            writer.close()
            return
