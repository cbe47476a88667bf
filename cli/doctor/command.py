"""The command `darkroom doctor`."""

import click

from cli.session import Session, command


@click.command()
@click.option("--environment", "name", help="The environment; the same as before the command.")
@click.option("--smoke", is_flag=True, help="Have each runtime make a small picture; starts GPUs if there are none.")
@click.option("--timeout", "timeout_seconds", default=1200.0, show_default=True, help="Seconds for each smoke test.")
@command
def doctor(session: Session, name: str | None, smoke: bool, timeout_seconds: float) -> None:
    """Check an environment before and after its deployment.

    Reads the environment file and asks AWS; changes nothing, but for the tasks of --smoke. Exit code 1 if there is a
    problem.
    """
    from cli.doctor.report import report_findings

    if name is not None:
        session.choose(name)
    report_findings(session, smoke=smoke, timeout_seconds=timeout_seconds)
