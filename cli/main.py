"""`darkroom`: submit, watch, cancel and list tasks of a local or a deployed environment, examine it, keep its models.

Standard output has the result, as text for people or with `--json` as one object. Standard error has everything else.
"""

import sys
from io import TextIOWrapper
from typing import Any

import click

from cli.batch_commands import batch
from cli.command_group import CommandGroup
from cli.environment_commands import cost, doctor, env, init
from cli.environment_options import ENVIRONMENT_OPTIONS, accept_after, environment_choice
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


@click.group(
    cls=CommandGroup,
    params=[*ENVIRONMENT_OPTIONS],
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="darkroom", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context, /, **_: Any) -> None:
    """Generate images with the Stable Diffusion Web UI or ComfyUI, asynchronously, on AWS GPUs."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Texts of senders may hold half a surrogate pair, which no encoding has. In JSON it becomes its escape.
            stream.reconfigure(errors="backslashreplace")
    context.obj = Session(choice=environment_choice(context))


for part in (submit, status, cancel, retry, list_tasks, batch, logs, env, mcp, models, doctor, cost, init):
    accept_after(part)
    main.add_command(part)
