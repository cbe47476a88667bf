"""Group of all commands. It explains wrong usage, to people in words and with `--json` to programs as an object."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

#: Name of the note in click's context that a program reads the output.
_AS_JSON: Final = "darkroom.as_json"


class CommandGroup(click.Group):
    """Group that reports wrong usage also as an object."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command."""
        # Click parses the options of a command after those of the group, so nothing knows of `--json` yet.
        ctx.meta[_AS_JSON] = "--json" in args
        with _reported(as_json=ctx.meta[_AS_JSON]):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _reported(as_json=ctx.meta[_AS_JSON]):
            return super().invoke(ctx)


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
