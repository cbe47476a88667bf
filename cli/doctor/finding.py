"""Findings of the doctor's checks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stacks.config import Environment


class Level(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    #: It works, but not as the environment file promises.
    WARNING = "warning"
    #: The deployment, or the first task, will fail.
    PROBLEM = "problem"
    #: The check could not run.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    level: Level
    message: str
    #: The remedy; empty if no action is needed.
    advice: str = ""


#: Returns a boto3 client by the name of its service.
Clients = Callable[[str], Any]


@dataclass(frozen=True)
class DoctorCheck:
    """One check. A botocore error of `run` becomes a finding of level UNKNOWN."""

    name: str
    run: Callable[[Environment, Clients], Iterator[Finding]]
    #: It asks no AWS, so `--offline` runs it too.
    is_offline: bool = False


def ok(message: str) -> Finding:
    """Return a finding without a problem."""
    return Finding(Level.OK, message)


def warning(message: str, advice: str = "") -> Finding:
    """Return a finding of what works in part."""
    return Finding(Level.WARNING, message, advice)


def problem(message: str, advice: str = "") -> Finding:
    """Return a finding of what will fail."""
    return Finding(Level.PROBLEM, message, advice)


def unknown(message: str, advice: str = "") -> Finding:
    """Return a finding of what could not be checked."""
    return Finding(Level.UNKNOWN, message, advice)
