"""Group of all commands. It explains wrong usage, to people in words and with `--json` to programs as an object."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

#: Name of the note in click's context that a program reads the output.
_AS_JSON: Final = "darkroom.as_json"


class CommandGroup(click.Group):
    """Group whose options belong before the command. An option after the command is refused with the right order."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command."""
        # Click parses the options of a command after those of the group, so nothing knows of `--json` yet.
        ctx.meta[_AS_JSON] = "--json" in args
        with _reported(as_json=ctx.meta[_AS_JSON]):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _reported(as_json=ctx.meta[_AS_JSON]), self._explained():
            return super().invoke(ctx)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except click.NoSuchOption as error:
            known = {option for parameter in self.params for option in parameter.opts}
            if error.option_name not in known or error.ctx is None:
                raise
            program, _, command = error.ctx.command_path.partition(" ")
            message = f"write {error.option_name} before the command: {program} {error.option_name} … {command}"
            raise click.UsageError(message, ctx=error.ctx) from None


@contextmanager
def _reported(*, as_json: bool) -> Iterator[None]:
    """Print click's errors as an object if a program reads the output. Click prints them for people."""
    try:
        yield
    except click.UsageError as error:
        if as_json:
            document = {"error": {"message": error.format_message(), "exit_code": error.exit_code}}
            click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        raise
