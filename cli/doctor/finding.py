"""Findings of the doctor's checks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
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


#: Each makes a finding of its level from a message and, except for `ok`, the advice.
ok = partial(Finding, Level.OK)
warning = partial(Finding, Level.WARNING)
problem = partial(Finding, Level.PROBLEM)
unknown = partial(Finding, Level.UNKNOWN)
