"""Options by which a user chooses an environment and a key. They are accepted before each command and after it."""

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from cli.environment import LOCAL, EnvironmentChoice
from cli.session import session_of
from darkroom.connection import address_problem


class HttpAddress(click.ParamType[str]):
    """Address of an HTTP API."""

    name = "URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address; fail unless it is one."""
        address = str(value).strip()
        if problem := address_problem(address):
            self.fail(problem, param, ctx)
        return address


ENVIRONMENT_OPTIONS: Final = (
    click.Option(
        ["--environment", "name"],
        default=LOCAL,
        envvar="DARKROOM_ENVIRONMENT",
        show_default=True,
        show_envvar=True,
        help="`local`, or the name or file of a deployed environment.",
    ),
    click.Option(
        ["--url"],
        type=HttpAddress(),
        envvar="DARKROOM_URL",
        show_envvar=True,
        help="Address of an HTTP API, instead of an environment; needs no AWS rights.",
    ),
    click.Option(["--key"], envvar="DARKROOM_API_KEY", show_envvar=True, help="Key of the HTTP API."),
    click.Option(["--key-name"], help="Name of one of the environment's keys; by default the first."),
    click.Option(["--region"], help="AWS region; by default the environment file's, and else AWS_REGION."),
    click.Option(["--profile"], help="Profile of the AWS credentials."),
    click.Option(
        ["--state-dir", "state_directory"],
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(".local"),
        envvar="DARKROOM_STATE_DIR",
        show_default=True,
        show_envvar=True,
        help="State directory of the local system.",
    ),
)
_SPELLING: Final = {str(option.name): option.opts[0] for option in ENVIRONMENT_OPTIONS}
_EPILOG: Final = "The options of all commands, such as --environment, are in: darkroom --help"


class OptionAfterCommand(click.Option):
    """One of the options, written after the command. It replaces the one before the command."""

    def __init__(self, option: click.Option) -> None:
        super().__init__(
            [f"{option.name}_after_command", *option.opts],
            type=option.type,
            expose_value=False,
            callback=self._replace,
        )
        self._replaced = str(option.name)

    def get_help_record(self, ctx: click.Context) -> None:
        """Return nothing, because the help of `darkroom` lists the option once for all commands."""

    def _replace(self, context: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None:
            root = context.find_root()
            root.params[self._replaced] = value
            root.set_parameter_source(self._replaced, ParameterSource.COMMANDLINE)
            session_of(context).choice = environment_choice(root)


def accept_after(command: click.Command) -> None:
    """Let a command, and each command of a group, accept the options that it does not define itself."""
    own = {name for parameter in command.params for name in parameter.opts}
    command.params += [OptionAfterCommand(option) for option in ENVIRONMENT_OPTIONS if own.isdisjoint(option.opts)]
    command.epilog = _EPILOG
    if isinstance(command, click.Group):
        for part in command.commands.values():
            accept_after(part)


def environment_choice(root: click.Context) -> EnvironmentChoice:
    """Return the choice of the program's options, without the variables that a typed option contradicts."""
    choice = EnvironmentChoice(**root.params, shell_region=os.environ.get("AWS_REGION"))
    typed = {name for name in root.params if root.get_parameter_source(name) is ParameterSource.COMMANDLINE}
    for one, other in (("name", "url"), ("key", "key_name"), ("url", "key_name")):
        if {one, other} <= typed:
            raise click.UsageError(f"{_SPELLING[one]} and {_SPELLING[other]} exclude each other")
    if choice.url is not None and {"name", "key_name"} & typed:
        # The key of the variables belongs to their address.
        choice = replace(choice, url=None, key=choice.key if "key" in typed else None)
    return replace(choice, key=None) if "key_name" in typed else choice


def program_of(choice: EnvironmentChoice) -> str:
    """Return the start of a command for the same environment. The key is not shown, because others see screens."""
    words = ["darkroom"]
    for name, option in _SPELLING.items():
        value = getattr(choice, name)
        if name != "key" and value != getattr(EnvironmentChoice, name):
            words += [option, str(value)]
    return shlex.join(words)
