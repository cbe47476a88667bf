"""Report of the doctor: every check with its findings."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from cli.doctor.finding import Clients, DoctorCheck, Finding, Level, ok, unknown
from cli.doctor.images_and_models import any_checkpoint
from cli.doctor.removal import REMOVAL_CHECKS
from cli.doctor.runner import CHECKS, CREDENTIALS, examine
from cli.doctor.smoke import smoke_test
from cli.doctor.workflow import workflow_check
from cli.environment import LOCAL, SystemEndpoints
from cli.environment_file import read_chosen_file, region_of
from cli.errors import Unhealthy, WrongUsage
from cli.session import Session
from darkroom import Client
from stacks.config import Environment

_MARKS: Final = {
    Level.OK: "[green]ok[/]",
    Level.WARNING: "[yellow]warning[/]",
    Level.PROBLEM: "[red]problem[/]",
    Level.UNKNOWN: "[cyan]unknown[/]",
}


def report_findings(
    session: Session,
    *,
    smoke: bool,
    offline: bool,
    before_destroy: bool,
    workflow: Path | None,
    timeout_seconds: float,
) -> None:
    """Print what all checks find; raises Unhealthy if there is a problem."""
    if before_destroy and session.choice.name == LOCAL:
        raise WrongUsage("the local system ends with Ctrl-C; name an environment: darkroom doctor --environment NAME")
    environment = read_chosen_file(session.choice)
    console = Console(stderr=session.as_json, emoji=False)
    findings: dict[str, list[Finding]] = {}
    if workflow:
        sections = _workflow_section(session, environment, workflow)
    elif offline:
        sections = _offline_sections(environment)
    else:
        checks = REMOVAL_CHECKS if before_destroy else CHECKS
        sections = _sections(session, environment, checks, smoke=smoke, timeout_seconds=timeout_seconds)
    for check, found in sections:
        findings[check] = []
        for finding in found:
            if not findings[check]:
                console.print(f"[bold]{check}[/]")
            findings[check].append(finding)
            advice = f"\n           → {escape(finding.advice)}" if finding.advice else ""
            console.print(
                f"  {_MARKS[finding.level]:>16} {escape(finding.message)}{advice}", highlight=False, soft_wrap=True
            )
    session.document({check: [asdict(finding) for finding in found] for check, found in findings.items()})
    problems = sum(finding.level is Level.PROBLEM for found in findings.values() for finding in found)
    if problems:
        raise Unhealthy(f"{problems} problem{'s' if problems > 1 else ''} found")


def _offline_sections(environment: Environment) -> Iterator[tuple[str, Iterator[Finding]]]:
    yield "file", iter([ok(f"environment {environment.name}: the file has no mistake")])
    for check in CHECKS:
        if check.is_offline:
            yield check.name, examine(check, environment, _no_client)


def _no_client(service: str) -> Any:
    raise AssertionError(f"an offline check asked AWS for {service}")


def _sections(
    session: Session,
    environment: Environment,
    checks: Sequence[DoctorCheck],
    *,
    smoke: bool,
    timeout_seconds: float,
) -> Iterator[tuple[str, Iterator[Finding]]]:
    is_local = session.choice.name == LOCAL
    if not is_local:
        clients = _clients(session, environment)
        identity = list(examine(CREDENTIALS, environment, clients))
        yield CREDENTIALS.name, iter(identity)
        if any(finding.level is not Level.OK for finding in identity):
            # The view of another account would mislead.
            return
        for check in checks:
            yield check.name, examine(check, environment, clients)
    if smoke or is_local:
        yield "smoke test", _smoke(session, environment, timeout_seconds)


def _workflow_section(
    session: Session, environment: Environment, workflow: Path
) -> Iterator[tuple[str, Iterator[Finding]]]:
    clients = _clients(session, environment)
    if session.choice.name == LOCAL:
        endpoints = session.environment()
        environment, clients = environment.model_copy(update={"model_bucket": endpoints.model_bucket}), endpoints.client
    check = workflow_check(workflow)
    yield check.name, examine(check, environment, clients)


def _smoke(session: Session, environment: Environment, timeout_seconds: float) -> Iterator[Finding]:
    endpoints = session.environment()
    client = Client(endpoints.http_url, endpoints.api_key)
    for runtime in environment.runtimes:
        checkpoint = None
        if runtime.dynamic_model:
            checkpoint = any_checkpoint(endpoints.model_bucket, endpoints.client)
            if checkpoint is None:
                message = f"{runtime.name}: accepts any checkpoint, but the bucket has none for the smoke test"
                yield unknown(message)
                continue
        yield from smoke_test(
            runtime, checkpoint, client=client, timeout_seconds=timeout_seconds, console=session.console
        )


def _clients(session: Session, environment: Environment) -> Clients:
    place = SystemEndpoints(
        name=environment.name,
        http_url="",
        api_key="",
        key_source="",
        region=region_of(session.choice, environment),
        profile=session.choice.profile,
    )
    return cache(place.client)
