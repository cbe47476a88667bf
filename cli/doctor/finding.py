"""What a check has found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stacks.config import Environment


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    #: It works, but not as the environment file promises.
    WARNING = "warning"
    #: The deployment, or the first task, will fail.
    PROBLEM = "problem"
    #: It could not be looked at.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    level: Level
    #: What is so.
    message: str
    #: What to do about it; empty if nothing.
    advice: str = ""


#: Returns a boto3 client by the name of its service.
Clients = Callable[[str], Any]


@dataclass(frozen=True)
class Check:
    """Something to look at. `run` may raise botocore's errors: then it is unknown, with AWS's words."""

    name: str
    run: Callable[[Environment, Clients], Iterator[Finding]]


def ok(message: str) -> Finding:
    """Return a finding that nothing is wrong with."""
    return Finding(Level.OK, message)
