"""The command `darkroom doctor`."""

from pathlib import Path
from typing import Any

import click

from cli.session import Session, command


@click.command(short_help="Find what would stop a deployment, or what is wrong with it.")
@click.option("--environment", "name", help="The environment; the same as before the command.")
@click.option("--smoke", is_flag=True, help="Have each runtime make a small picture; starts GPUs if there are none.")
@click.option("--offline", is_flag=True, help="Check the file and this machine alone; needs no AWS account.")
@click.option("--before-destroy", is_flag=True, help="Check what would make `cdk destroy` fail, instead of the rest.")
@click.option(
    "--workflow",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Check the nodes and models of a workflow (API format) instead of the rest.",
)
@click.option("--timeout", "timeout_seconds", default=1200.0, show_default=True, help="Seconds for each smoke test.")
@command
def doctor(session: Session, /, *, name: str | None, **options: Any) -> None:
    """Check an environment before and after its deployment, and before its removal.

    Reads the environment file and asks AWS; changes nothing, but for the tasks of --smoke. Exit code 1 if there is a
    problem.
    """
    from cli.doctor.report import report_findings

    if name is not None:
        session.choose(name)
    report_findings(session, **options)
