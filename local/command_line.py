"""Command line of `python -m local up`."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.routing import Runtime
from local.ports import DEFAULT_PORT, LARGEST_FIRST_PORT, PORTS_IN_A_ROW, LocalPorts
from stacks.config import Environment
from stacks.environment_file import InvalidEnvironmentFile, environment_path, read_environment_file

_DEFAULT_ENVIRONMENT: Final = Path(__file__).parents[1] / "environments" / "local.yaml"
#: Where the command line looks for `endpoints.json`, too.
DEFAULT_STATE_DIRECTORY: Final = Path(".local")
_EPILOG: Final = """\
exit codes:
  0  stopped by SIGINT or SIGTERM
  1  the system could not start, or a part of it failed for good
  2  wrong arguments, or a mistake in the environment file
  3  another local system runs with the same state directory
  4  another program listens on a port that the system needs
"""


@dataclass(frozen=True)
class UpOptions:
    """The checked options of the command line."""

    environment: Environment
    environment_file: Path
    webui_url: str | None
    comfyui_url: str | None
    #: Folder of input/ and output/ of the ComfyUI of `comfyui_url`, None as long as it is unknown.
    comfyui_directory: Path | None
    #: Seconds that a stub needs for a sampling step; None starts embedded engines.
    stub_webui_seconds: float | None
    agents_per_runtime: int
    state_directory: Path
    assembly_cache: Path | None
    authorities_file: Path | None
    ports: LocalPorts
    #: True if tasks, images and models outlive the run.
    keeps_state: bool
    #: True to open the console in a browser when the system is ready.
    opens_console: bool = False
    #: Models of the engines of `webui_url` and `comfyui_url`, as keys of the model bucket, when they have answered.
    external_models: tuple[str, ...] = ()

    def external_url(self, runtime: Runtime) -> str | None:
        """Return the address of an engine that runs already, None for one that the system starts."""
        return self.comfyui_url if runtime.type == "comfyui" else self.webui_url


def parse_options(arguments: Sequence[str]) -> UpOptions:
    """Return the options. Print the help or the mistake and exit, as argparse does."""
    parser = argparse.ArgumentParser(prog="python -m local", description="Darkroom on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser(
        "up",
        help="start everything and run until Ctrl-C",
        description="Start everything, print addresses, key and commands to try, and run until SIGINT or SIGTERM. "
        "endpoints.json in the state directory has all addresses for programs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    webui = up.add_mutually_exclusive_group()
    webui.add_argument(
        "--webui-url",
        metavar="URL",
        help="use the SD Web UI at this address, which runs with --api, for all its runtimes instead of embedded ones",
    )
    webui.add_argument(
        "--stub-webui",
        metavar="SECONDS",
        type=float,
        help="use stubs instead of embedded Web UIs and ComfyUIs: they draw no pictures and need SECONDS for a step",
    )
    up.add_argument(
        "--comfyui-url",
        metavar="URL",
        help="use the ComfyUI at this address of this machine for all its runtimes instead of embedded ones",
    )
    up.add_argument(
        "--comfyui-directory",
        metavar="DIR",
        type=Path,
        help="folder of input/ and output/ of that ComfyUI (default: the --base-directory with which it was started)",
    )
    up.add_argument(
        "--environment",
        metavar="NAME|FILE",
        type=environment_path,
        default=_DEFAULT_ENVIRONMENT,
        help="environment: a name of environments/ or a .yaml file (default: local)",
    )
    up.add_argument(
        "--agents", metavar="N", type=_count, default=1, help="agents of each runtime; 0 starts none (default: 1)"
    )
    up.add_argument(
        "--state-dir",
        metavar="DIR",
        type=Path,
        default=DEFAULT_STATE_DIRECTORY,
        help="folder of all files that the run writes; it removes those of the run before (default: .local)",
    )
    up.add_argument(
        "--keep",
        action="store_true",
        help="keep tasks, images and models in the state directory, and bring back those of the last run with --keep",
    )
    up.add_argument("--open", action="store_true", help="open the console in a browser when the system is ready")
    up.add_argument(
        "--port",
        metavar="PORT",
        type=_first_port,
        default=DEFAULT_PORT,
        help="port of the HTTP API; AWS, callbacks and function URLs have the next ones; 0 chooses free ports"
        f" (default: {DEFAULT_PORT})",
    )
    up.add_argument(
        "--assembly-cache",
        metavar="DIR",
        type=Path,
        help="folder that keeps synthesized templates for several local systems (default: in the state directory)",
    )
    up.add_argument(
        "--ca-file",
        metavar="FILE",
        type=Path,
        help="PEM file of the certificate authorities of webhook endpoints (default: those of this machine)",
    )
    parsed = parser.parse_args(arguments)
    if parsed.ca_file and not parsed.ca_file.is_file():
        up.error(f"--ca-file: there is no file {parsed.ca_file}")
    if parsed.comfyui_url and parsed.agents > 1:
        up.error(
            "--agents: write 1 with --comfyui-url, because an agent cancels the prompts that others send to its ComfyUI"
        )
    try:
        environment = read_environment_file(parsed.environment).without_engine()
    except InvalidEnvironmentFile as error:
        up.error(str(error))
    return UpOptions(
        environment=environment,
        environment_file=parsed.environment.resolve(),
        webui_url=parsed.webui_url.rstrip("/") if parsed.webui_url else None,
        comfyui_url=parsed.comfyui_url.rstrip("/") if parsed.comfyui_url else None,
        comfyui_directory=parsed.comfyui_directory.resolve() if parsed.comfyui_directory else None,
        stub_webui_seconds=parsed.stub_webui,
        agents_per_runtime=parsed.agents,
        state_directory=parsed.state_dir,
        assembly_cache=parsed.assembly_cache.resolve() if parsed.assembly_cache else None,
        authorities_file=parsed.ca_file.resolve() if parsed.ca_file else None,
        ports=LocalPorts(first=parsed.port),
        keeps_state=parsed.keep,
        opens_console=parsed.open,
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number


def _first_port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= LARGEST_FIRST_PORT:
        raise argparse.ArgumentTypeError(
            f"{number} is not from 0 to {LARGEST_FIRST_PORT}, because the system has {PORTS_IN_A_ROW} ports in a row"
        )
    return number
