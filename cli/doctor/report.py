"""Report of the doctor: every check with its findings."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from cli.doctor.finding import Clients, DoctorCheck, Finding, Level, ok, problem, unknown
from cli.doctor.images_and_models import any_checkpoint
from cli.doctor.removal import REMOVAL_CHECKS
from cli.doctor.runner import CHECKS, CREDENTIALS, examine
from cli.doctor.smoke import smoke_test
from cli.doctor.workflow import workflow_check
from cli.environment import LOCAL, SystemEndpoints
from cli.environment_file import read_chosen_file, region_of
from cli.errors import CommandError, Unhealthy, WrongUsage
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
    if smoke + offline + before_destroy + bool(workflow) > 1:
        raise WrongUsage("--smoke, --offline, --before-destroy and --workflow exclude each other")
    is_local = session.choice.name == LOCAL
    if session.choice.url is not None and not offline:
        raise WrongUsage("the doctor needs AWS rights; name an environment: darkroom doctor --environment NAME")
    if before_destroy and is_local:
        raise WrongUsage("the local system ends with Ctrl-C; name an environment: darkroom doctor --environment NAME")
    environment = read_chosen_file(session.choice)
    clients = _no_client if offline else _clients(session, environment)
    if workflow:
        checks = [workflow_check(workflow)]
        if is_local:
            environment = environment.model_copy(update={"model_bucket": session.environment().model_bucket})
    elif offline:
        checks = [_FILE, *(check for check in CHECKS if check.is_offline)]
    else:
        checks = [] if is_local else [CREDENTIALS, *(REMOVAL_CHECKS if before_destroy else CHECKS)]
        if smoke or is_local:
            checks.append(DoctorCheck("smoke test", partial(_smoke, session, timeout_seconds)))
    console = Console(stderr=session.as_json, emoji=False)
    findings: dict[str, list[Finding]] = {}
    for check in checks:
        findings[check.name] = found = _print(examine(check, environment, clients), check.name, console)
        if check is CREDENTIALS and any(finding.level is not Level.OK for finding in found):
            # The view of another account would mislead.
            break
    session.document({check: [asdict(finding) for finding in found] for check, found in findings.items()})
    problems = sum(finding.level is Level.PROBLEM for found in findings.values() for finding in found)
    if problems:
        raise Unhealthy(f"{problems} problem{'s' if problems > 1 else ''} found")


def _print(findings: Iterator[Finding], name: str, console: Console) -> list[Finding]:
    """Print each finding of a check as it comes, and return them all."""
    found: list[Finding] = []
    for finding in findings:
        if not found:
            console.print(f"[bold]{name}[/]")
        found.append(finding)
        advice = f"\n           → {escape(finding.advice)}" if finding.advice else ""
        console.print(
            f"  {_MARKS[finding.level]:>16} {escape(finding.message)}{advice}", highlight=False, soft_wrap=True
        )
    return found


def _check_file(environment: Environment, _: Clients) -> Iterator[Finding]:
    yield ok(f"environment {environment.name}: the file has no mistake")


_FILE: Final = DoctorCheck("file", _check_file)


def _no_client(service: str) -> Any:
    raise AssertionError(f"an offline check asked AWS for {service}")


def _smoke(session: Session, timeout_seconds: float, environment: Environment, _: Clients) -> Iterator[Finding]:
    try:
        endpoints = session.environment()
    except CommandError as error:
        yield problem(str(error))
        return
    client = Client(endpoints.http_url, endpoints.api_key)
    for runtime in environment.runtimes:
        checkpoint = None
        if runtime.dynamic_model:
            checkpoint = any_checkpoint(endpoints.model_bucket, endpoints.client)
            if checkpoint is None:
                message = f"{runtime.name}: accepts any checkpoint, but the bucket has none for the smoke test"
                yield unknown(message)
                continue
        yield from smoke_test(runtime, checkpoint, client=client, timeout_seconds=timeout_seconds, session=session)


def _clients(session: Session, environment: Environment) -> Clients:
    if session.choice.name == LOCAL:
        return session.environment().client
    region = region_of(session.choice, environment)
    return cache(SystemEndpoints(name=environment.name, region=region, profile=session.choice.profile).client)
