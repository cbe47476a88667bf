"""`darkroom`: submit, watch, cancel and list tasks of a local or a deployed environment, examine it, keep its models.

Standard output has the result, as text for people or with `--json` as one object. Standard error has everything else.
"""

import contextlib
import os
import sys
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from cli.batch_commands import batch
from cli.command_group import CommandGroup
from cli.cost.command import cost
from cli.doctor.command import doctor
from cli.env_command import env
from cli.environment import EnvironmentChoice
from cli.init.command import init
from cli.logs_command import logs
from cli.mcp_command import mcp
from cli.models_command import models
from cli.session import Session
from cli.task_commands import cancel, list_tasks, retry, status, submit

EPILOG = """
\b
Exit codes:
  0    done
  1    the task ended, but not COMPLETED; the doctor found a problem; a stored model is broken
  2    wrong usage
  3    refused: broken fields, wrong key, id in use, no such task
  4    the system cannot be found or does not answer
  5    still active at the end of --timeout
  70   a bug in Darkroom
  74   a file of this machine cannot be read or written
  78   no AWS region, profile or credentials are set
  130  aborted at a question or by Ctrl-C

\b
Completion, for bash (also zsh and fish):
  eval "$(_DARKROOM_COMPLETE=bash_source darkroom)"
"""


def check_url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Return an address of the HTTP API; raise click's error unless it is one."""
    if value is None:
        return None
    with contextlib.suppress(ValueError):
        parts = urlsplit(value)
        if parts.scheme in {"http", "https"} and parts.netloc:
            return value
    raise click.BadParameter(f"is {value!r}; write an address such as https://pictures.example/api")


@click.group(
    cls=CommandGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="darkroom", message="%(prog)s %(version)s")
@click.option(
    "--environment",
    "name",
    default="local",
    envvar="DARKROOM_ENVIRONMENT",
    show_default=True,
    show_envvar=True,
    help="`local`, or the name or file of a deployed environment.",
)
@click.option(
    "--url",
    envvar="DARKROOM_URL",
    show_envvar=True,
    callback=check_url,
    help="Address of an HTTP API, instead of an environment; needs no AWS rights.",
)
@click.option("--key", envvar="DARKROOM_API_KEY", show_envvar=True, help="Key of the HTTP API.")
@click.option("--key-name", help="Name of one of the environment's keys; by default the first.")
@click.option("--region", help="AWS region; by default the environment file's, and else AWS_REGION.")
@click.option("--profile", help="Profile of the AWS credentials.")
@click.option(
    "--state-dir",
    "state_directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".local"),
    envvar="DARKROOM_STATE_DIR",
    show_default=True,
    show_envvar=True,
    help="State directory of the local system.",
)
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Generate images with the Stable Diffusion Web UI or ComfyUI, asynchronously, on AWS GPUs."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Texts of senders may hold half a surrogate pair, which no encoding has. In JSON it becomes its escape.
            stream.reconfigure(errors="backslashreplace")
    choice = EnvironmentChoice(**options, shell_region=os.environ.get("AWS_REGION"))
    context.obj = Session(choice=_without_contradictions(context, choice))


def _without_contradictions(context: click.Context, choice: EnvironmentChoice) -> EnvironmentChoice:
    """Return the choice without the variables that a typed option contradicts."""
    typed = {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    for one, other in (("name", "url"), ("key", "key_name"), ("url", "key_name")):
        if {one, other} <= typed:
            raise click.UsageError(f"{_OPTIONS[one]} and {_OPTIONS[other]} exclude each other")
    if choice.url is not None and {"name", "key_name"} & typed:
        # The key of the variables belongs to their address.
        choice = replace(choice, url=None, key=choice.key if "key" in typed else None)
    return replace(choice, key=None) if "key_name" in typed else choice


_OPTIONS = {"name": "--environment", "url": "--url", "key": "--key", "key_name": "--key-name"}

for part in (submit, status, cancel, retry, list_tasks, batch, logs, env, mcp, models, doctor, cost, init):
    main.add_command(part)
