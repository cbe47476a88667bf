"""Entry of the Web UI's container: drops every variable that the Web UI must not have, then hosts its process."""

import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Final

from contract.settings import InvalidEnvironment
from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.host_messages import LOOPBACK
from runtime_image.process.logs import configure_logs
from runtime_image.process.webui_environment import webui_environment
from runtime_image.webui_host.process_host import ProcessHost
from runtime_image.webui_host.settings import WebUiHostSettings

#: Argument of the program once its environment is clean.
SERVE: Final = "serve"


def main(arguments: Sequence[str] = sys.argv, environment: Mapping[str, str] = os.environ) -> int:
    """Host Web UIs until SIGTERM. Returns the exit code."""
    try:
        settings = WebUiHostSettings.from_environment(environment)
        allowed = webui_environment(environment, settings.webui_variables)
        if SERVE not in arguments:
            _start_again(environment, allowed)
        listener = _listen(settings.webui_host_port)
    except InvalidEnvironment as error:
        configure_logs("INFO").error("settings_invalid", reason=str(error))
        return ExitCode.INVALID_SETTINGS
    log = configure_logs(settings.log_level).bind(process="webui_host")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    log.info("webui_host_started", port=listener.getsockname()[1])
    host = ProcessHost(
        command=settings.webui_command,
        environment=allowed,
        listener=listener,
        stopping=stopping,
        clock=Clock(),
        event_log=log,
    )
    with listener:
        return host.run()


def _start_again(environment: Mapping[str, str], allowed: Mapping[str, str]) -> None:
    """Replace this program by itself without the other variables, because /proc shows a process's first ones.

    ECS gives every container of a task the address of the role's credentials.
    """
    kept = {**allowed, **{name: environment[name] for name in WebUiHostSettings.variables() if name in environment}}
    tini = shutil.which("tini")
    command = [*([tini, "--"] if tini else []), sys.executable, "-m", "runtime_image.webui_host", SERVE]
    os.execve(command[0], command, kept)  # noqa: S606 - it is this program again


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise InvalidEnvironment(f"WEBUI_HOST_PORT: port {port}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
