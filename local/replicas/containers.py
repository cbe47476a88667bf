"""Containers of the local system: each replica is a supervisor with its own engine and models."""

import asyncio
import shlex
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from contract.routing import Runtime
from local.command_line import UpOptions
from local.context import LocalContext
from local.processes.process_group import LocalProcess, ProcessFailed
from local.processes.restarting_process import RestartingProcess
from local.replicas.agents import engine_url
from local.replicas.engines import LISTENING_SECONDS, NO_ARGUMENTS, engine_command

_POLL_SECONDS: Final = 0.05


def container_engine_command(runtime: Runtime, variables: Mapping[str, str], options: UpOptions) -> str:
    """Return the command line of the engine inside a container."""
    command = engine_command(
        runtime,
        options,
        port=urlsplit(engine_url(variables)).port or 0,
        folder=Path(variables["STATUS_FILE"]).parent,
        # The supervisor downloads the models meanwhile, and makes a Web UI load one afterwards.
        lazy=True,
    )
    return shlex.join(command)


async def start_container(
    name: str, runtime: Runtime, variables: Mapping[str, str], context: LocalContext
) -> RestartingProcess:
    """Start a container that starts again when it ends. Return when its engine listens."""
    # No variable of this shell may lead the container to another AWS.
    shell = {key: value for key, value in context.processes.environment.items() if not key.startswith("AWS_")}
    command = container_engine_command(runtime, variables, context.options)
    environment = {**shell, **variables, **NO_ARGUMENTS, "WEBUI_COMMAND": command}
    start = partial(
        context.start_process,
        [sys.executable, "-m", "runtime_image.supervisor"],
        name=f"container {name}",
        log_name=f"container-{name}",
        environment=environment,
    )
    process = await start()
    try:
        await asyncio.wait_for(_until_listening(engine_url(variables), process), LISTENING_SECONDS)
    except TimeoutError:
        raise ProcessFailed(f"the engine of {process.name} does not listen{process.log_tail()}") from None
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
