"""The command `darkroom doctor`."""

from pathlib import Path

import click

from cli.errors import WrongUsage
from cli.session import Session, command


@click.command()
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
def doctor(
    session: Session,
    name: str | None,
    smoke: bool,
    offline: bool,
    before_destroy: bool,
    workflow: Path | None,
    timeout_seconds: float,
) -> None:
    """Check an environment before and after its deployment, and before its removal.

    Reads the environment file and asks AWS; changes nothing, but for the tasks of --smoke. Exit code 1 if there is a
    problem.
    """
    from cli.doctor.report import report_findings

    if smoke + offline + before_destroy + bool(workflow) > 1:
        raise WrongUsage("--smoke, --offline, --before-destroy and --workflow exclude each other")

    if name is not None:
        session.choose(name)
    report_findings(
        session,
        smoke=smoke,
        offline=offline,
        before_destroy=before_destroy,
        workflow=workflow,
        timeout_seconds=timeout_seconds,
    )
