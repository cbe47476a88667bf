"""The command `darkroom doctor` and its report."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

import click
from rich.console import Console
from rich.markup import escape

from cli.api_client import ApiClient
from cli.doctor.deployed import outputs_of
from cli.doctor.finding import Clients, Finding, Level
from cli.doctor.images_and_models import any_checkpoint
from cli.doctor.runner import CHECKS, CREDENTIALS, examine
from cli.doctor.smoke import smoke_test
from cli.environment import LOCAL
from cli.errors import Refused, Unhealthy
from cli.session import Session, command
from stacks.config import Environment
from stacks.environment_file import InvalidEnvironmentFile, load_environment

_MARKS: Final = {
    Level.OK: "[green]ok[/]",
    Level.WARNING: "[yellow]warning[/]",
    Level.PROBLEM: "[red]problem[/]",
    Level.UNKNOWN: "[cyan]unknown[/]",
}


@click.command()
@click.option("--environment", "name", help="The environment; the same as before the command.")
@click.option("--smoke", is_flag=True, help="Have each runtime make a small picture; starts GPUs if there are none.")
@click.option("--timeout", "timeout_seconds", default=1200.0, show_default=True, help="Seconds for each smoke test.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@command
def doctor(session: Session, name: str | None, smoke: bool, timeout_seconds: float, as_json: bool) -> None:
    """Look for what usually breaks a deployment, before it and after it.

    Reads the environment file and asks AWS; changes nothing, but for the tasks of --smoke. Exit code 1 if there is a
    problem.
    """
    if name is not None:
        session = session.of(name)
    try:
        environment = load_environment(session.environment_name)
    except InvalidEnvironmentFile as error:
        raise Refused(str(error)) from None
    console = Console(stderr=as_json)
    findings: dict[str, list[Finding]] = {}
    for check, found in _sections(session, environment, smoke=smoke, timeout_seconds=timeout_seconds):
        findings[check] = []
        console.print(f"[bold]{check}[/]")
        for finding in found:
            findings[check].append(finding)
            advice = f"\n           → {escape(finding.advice)}" if finding.advice else ""
            console.print(
                f"  {_MARKS[finding.level]:>16} {escape(finding.message)}{advice}", highlight=False, soft_wrap=True
            )
    if as_json:
        click.echo(json.dumps({check: [asdict(finding) for finding in found] for check, found in findings.items()}))
    problems = sum(finding.level is Level.PROBLEM for found in findings.values() for finding in found)
    if problems:
        raise Unhealthy(f"{problems} problem{'s' if problems > 1 else ''} found")


def _sections(
    session: Session, environment: Environment, *, smoke: bool, timeout_seconds: float
) -> Iterator[tuple[str, Iterator[Finding]]]:
    clients = _clients(environment)
    is_local = session.environment_name == LOCAL
    if not is_local:
        identity = list(examine(CREDENTIALS, environment, clients))
        yield CREDENTIALS.name, iter(identity)
        if any(finding.level is not Level.OK for finding in identity):
            # The view of another account would mislead.
            return
        for check in CHECKS:
            yield check.name, examine(check, environment, clients)
    if smoke or is_local:
        yield "smoke test", _smoke(session, environment, None if is_local else clients, timeout_seconds)


def _smoke(
    session: Session, environment: Environment, clients: Clients | None, timeout_seconds: float
) -> Iterator[Finding]:
    with ApiClient(environment=session.environment()) as api:
        for runtime in environment.runtimes:
            checkpoint = None
            if runtime.dynamic_model:
                bucket = clients and (environment.model_bucket or outputs_of(environment, clients)["ModelBucketName"])
                checkpoint = any_checkpoint(bucket, clients) if bucket and clients else None
                if checkpoint is None:
                    message = f"{runtime.name}: accepts any checkpoint, but the bucket has none for the smoke test"
                    yield Finding(Level.UNKNOWN, message)
                    continue
            yield from smoke_test(
                runtime, checkpoint, api=api, timeout_seconds=timeout_seconds, console=session.console
            )


def _clients(environment: Environment) -> Clients:
    import boto3  # noqa: PLC0415 - `--help` need not wait for it

    made: dict[str, Any] = {}
    aws = boto3.Session(region_name=environment.region)

    def client(service: Any) -> Any:
        return made.setdefault(service, aws.client(service))

    return client
