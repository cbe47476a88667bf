"""Session that all commands share: the environment, the output, and the translation of errors for the shell."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import click

from cli.environment import EnvironmentChoice, SystemEndpoints, find_environment
from cli.errors import Aborted, Bug, CommandError, LocalFileFailed, Refused, command_error
from darkroom import Client, Error, KeyNotAccepted

if TYPE_CHECKING:
    from rich.console import Console

P = ParamSpec("P")
#: Exit code of a program that a closed pipe ends: 128 and the number of SIGPIPE.
CLOSED_PIPE_EXIT_CODE = 141
#: Lines of an error that people read: a batch of a wrong file has one for each of a thousand tasks.
MAX_ERROR_LINES = 20


class Session:
    """The environment of a command, and its output.

    Standard output has the result: text for people, or with `--json` one object. Standard error has everything else.
    """

    def __init__(self, *, choice: EnvironmentChoice) -> None:
        self.choice = choice
        self.as_json = False
        self._has_printed = False

    @cached_property
    def console(self) -> "Console":
        """Console of progress bars."""
        from rich.console import Console

        return Console(stderr=True)

    def environment(self) -> SystemEndpoints:
        """Find the environment; raises Unreachable with what to do."""
        return find_environment(self.choice)

    @contextmanager
    def client(self, environment: SystemEndpoints | None = None) -> Iterator[Client]:
        """Lend a client of the environment's HTTP API; a key that is not accepted is named by its source."""
        found = environment or self.environment()
        try:
            yield Client(found.http_url, found.api_key)
        except KeyNotAccepted:
            message = f"{found.http_url} does not accept the key of {found.key_source}; ask its operator for a key"
            raise Refused(message) from None

    def choose(self, environment_name: str) -> None:
        """Choose another environment; a key belongs to the address that it came with."""
        key = None if self.choice.url else self.choice.key
        self.choice = replace(self.choice, name=environment_name, url=None, key=key)

    def line(self, text: str) -> None:
        """Print a part of the result for people."""
        if not self.as_json:
            click.echo(text)

    def document(self, value: Mapping[str, Any]) -> None:
        """Print the whole result for programs."""
        if self.as_json:
            self._has_printed = True
            click.echo(json.dumps(value, indent=2, ensure_ascii=False))

    def hint(self, text: str) -> None:
        """Print a hint or a warning."""
        click.echo(text, err=True)

    def fail(self, error: CommandError) -> None:
        """Print an error, to programs as an object unless they have the result already."""
        if not self._has_printed:
            self.document({"error": {"message": str(error), "exit_code": error.exit_code}})
        lines = f"darkroom: {error}".splitlines()
        if len(lines) > MAX_ERROR_LINES:
            lines[MAX_ERROR_LINES:] = [f"and {len(lines) - MAX_ERROR_LINES} more lines; --json prints all"]
        self.hint("\n".join(lines))


def command(function: Callable[Concatenate[Session, P], None]) -> Callable[P, None]:
    """Give a command its session and the option `--json`, and its failures their message and exit code."""
    option = click.option(
        "--json", is_flag=True, expose_value=False, callback=_choose_json, help="Print one JSON object."
    )
    return option(with_session(function))


def timeout_option(
    seconds: float, help_text: str = "Seconds to wait."
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Give a command the option `--timeout`; `seconds` is its default."""
    return click.option(
        "--timeout",
        "timeout_seconds",
        type=click.FloatRange(min=0),
        default=seconds,
        show_default=True,
        help=help_text,
    )


def with_session(function: Callable[Concatenate[Session, P], None]) -> Callable[P, None]:
    """Give a command its session, and its failures their message and exit code."""

    @wraps(function)
    def run(*arguments: P.args, **options: P.kwargs) -> None:
        session = session_of(click.get_current_context())
        try:
            function(session, *arguments, **options)
        except BrokenPipeError:
            # The interpreter would complain when it flushes the rest at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(CLOSED_PIPE_EXIT_CODE)
        except Exception as error:  # noqa: BLE001 - any exit code but a documented one would mislead scripts
            known = _known(error)
            session.fail(known)
            sys.exit(known.exit_code)
        except KeyboardInterrupt:
            session.fail(Aborted("aborted"))
            sys.exit(Aborted.exit_code)

    return run


def _known(error: Exception) -> CommandError:
    match error:
        case CommandError():
            return error
        case Error():
            return command_error(error)
        case click.Abort():
            return Aborted("aborted")
        case click.ClickException():
            # Click itself knows its exit code.
            raise error
        case OSError():
            return LocalFileFailed(str(error))
    traceback.print_exception(error)
    return Bug(f"this is a bug in Darkroom, please report it: {type(error).__name__}: {error}")


def _choose_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    session_of(context).as_json = value


def session_of(context: click.Context) -> Session:
    """Return the session of a running program."""
    session = context.find_object(Session)
    assert session is not None  # noqa: S101 - the group has just made it
    return session
