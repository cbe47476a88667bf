"""Local system: `python -m local up` runs the whole journey of a task on this machine until Ctrl-C."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from local.cloudformation.errors import TemplateError
from local.command_line import UpOptions, parse_options
from local.console import Console
from local.context import LocalContext
from local.external_engines import with_external_checkpoints, with_external_comfyui
from local.ports import PortTaken
from local.processes.process_group import ProcessFailed, ProcessGroup
from local.state_directory import AlreadyRunning, ForeignDirectory, StateDirectory
from local.system import LocalSystem
from stacks.environment_file import InvalidEnvironmentFile

FAILED: Final = 1
ALREADY_RUNNING: Final = 3
PORT_TAKEN: Final = 4


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Run the local system and return the exit code."""
    options = parse_options(arguments)
    console = Console()
    state = StateDirectory(options.state_directory)
    try:
        with state.lock():
            options.ports.require_free()
            logging.basicConfig(
                filename=state.logs / "system.log",
                level=logging.INFO,
                format="%(asctime)s %(levelname)s %(name)s %(message)s",
            )
            options = with_external_checkpoints(options, file=state.environment, console=console)
            options = with_external_comfyui(options, console=console)
            return _run_to_the_end(options, state, environment, console)
    except AlreadyRunning as error:
        console.print(str(error))
        return ALREADY_RUNNING
    except PortTaken as error:
        console.print(str(error))
        return PORT_TAKEN
    except (ForeignDirectory, InvalidEnvironmentFile) as error:
        console.print(str(error))
        return FAILED


def _run_to_the_end(options: UpOptions, state: StateDirectory, environment: Mapping[str, str], console: Console) -> int:
    code = 0
    try:
        asyncio.run(_run(options, state, environment, console))
    except* (TemplateError, PortTaken, ProcessFailed, ClientError, BotoCoreError) as group:
        for error in _leaves(group):
            console.print(str(error))
        code = FAILED
    console.print("stopped")
    return code


async def _run(options: UpOptions, state: StateDirectory, environment: Mapping[str, str], console: Console) -> None:
    """Run until SIGINT or SIGTERM, which may come at any point of the start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with ProcessGroup(environment=_environment_of_processes(environment)) as processes:
        system = LocalSystem(LocalContext(options, state, processes, console))
        running = asyncio.create_task(system.run())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
        try:
            await running
        except asyncio.CancelledError:
            console.print("stopping the rest")
        finally:
            stopping.cancel()


def _environment_of_processes(environment: Mapping[str, str]) -> dict[str, str]:
    # The processes talk to servers of this machine, which a proxy cannot reach.
    no_proxy = ",".join(filter(None, (environment.get("NO_PROXY"), environment.get("no_proxy"), "127.0.0.1,localhost")))
    return {**environment, "NO_PROXY": no_proxy, "no_proxy": no_proxy, "PYTHONUNBUFFERED": "1"}


def _leaves(group: BaseExceptionGroup[Exception]) -> list[BaseException]:
    return [
        leaf
        for error in group.exceptions
        for leaf in (_leaves(error) if isinstance(error, BaseExceptionGroup) else [error])
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
