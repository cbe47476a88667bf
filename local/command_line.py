"""The command line of `python -m local up`, checked."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stacks.config import Environment
from stacks.environment_file import InvalidEnvironmentFile, read_environment_file

PROJECT: Final = Path(__file__).parents[1]

_EPILOG: Final = """\
exit codes:
  0  stopped by SIGINT or SIGTERM
  1  the system could not start, or a part of it failed for good
  2  wrong arguments, or a mistake in the environment file
  3  another local system runs with the same state directory
"""


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    environment: Environment
    environment_file: Path
    webui_url: str | None
    agents_per_runtime: int
    state_directory: Path
    authorities_file: Path | None

    @property
    def runs_containers(self) -> bool:
        """True if each replica is a container with a Web UI of its own."""
        return self.webui_url is None and self.agents_per_runtime > 0


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options; prints help or what is wrong, and exits, as argparse does."""
    parser = argparse.ArgumentParser(prog="python -m local", description="The whole of Darkroom on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser(
        "up",
        help="start everything and stay until Ctrl-C",
        description="Start everything, print where it is as JSON, and stay until SIGINT or SIGTERM.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    up.add_argument("--webui-url", metavar="URL", help="use this Web UI for all runtimes instead of embedded ones")
    up.add_argument(
        "--environment",
        metavar="FILE",
        type=Path,
        default=PROJECT / "environments" / "local.yaml",
        help="environment file (default: environments/local.yaml)",
    )
    up.add_argument(
        "--agents", metavar="N", type=_count, default=1, help="agents of each runtime; 0 starts none (default: 1)"
    )
    up.add_argument(
        "--state-dir",
        metavar="DIR",
        type=Path,
        default=Path(".local"),
        help="folder of everything that the run writes, emptied at its start (default: .local)",
    )
    up.add_argument(
        "--ca-file",
        metavar="FILE",
        type=Path,
        help="PEM file of the certificate authorities that vouch for webhooks' endpoints (default: this machine's)",
    )
    parsed = parser.parse_args(arguments)
    if parsed.ca_file and not parsed.ca_file.is_file():
        up.error(f"--ca-file: there is no file {parsed.ca_file}")
    try:
        environment = read_environment_file(parsed.environment).without_engine()
    except InvalidEnvironmentFile as error:
        up.error(str(error))
    return Options(
        environment=environment,
        environment_file=parsed.environment.resolve(),
        webui_url=parsed.webui_url.rstrip("/") if parsed.webui_url else None,
        agents_per_runtime=parsed.agents,
        state_directory=parsed.state_dir,
        authorities_file=parsed.ca_file.resolve() if parsed.ca_file else None,
    )


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number
