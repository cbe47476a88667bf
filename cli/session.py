"""Session that all commands share, and the translation of their errors for the shell."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec

import click
from rich.console import Console

from cli.environment import SystemEndpoints, environment
from cli.errors import CommandError

P = ParamSpec("P")


class Session:
    """The environment and the console of a command."""

    def __init__(self, *, environment_name: str, state_directory: Path) -> None:
        self.environment_name = environment_name
        self._state_directory = state_directory
        self.console = Console(stderr=True)

    def environment(self) -> SystemEndpoints:
        """Find the environment; raises Unreachable with what to do."""
        return environment(self.environment_name, state_directory=self._state_directory)

    def of(self, environment_name: str) -> "Session":
        """Return a session of another environment."""
        return Session(environment_name=environment_name, state_directory=self._state_directory)


def command(function: Callable[Concatenate[Session, P], None]) -> Callable[P, None]:
    """Give a command its session, and its failures their message and exit code."""

    @wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        session = click.get_current_context().find_object(Session)
        assert session is not None  # noqa: S101 - the group below has just made it
        try:
            function(session, *arguments, **options)
        except CommandError as error:
            click.echo(f"darkroom: {error}", err=True)
            sys.exit(error.exit_code)

    return run
