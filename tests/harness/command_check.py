"""Check of commands that no test may run: their programs, subcommands, options and files exist."""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import botocore.session
import click
from botocore import xform_name

from cli.main import main
from tests.harness.documented_code import PROJECT

_PROGRAMS: Final = Path(sys.executable).parent
#: Options of the AWS command line itself, which every call accepts.
_AWS_OPTIONS: Final = frozenset({"--query", "--output", "--region", "--profile"})
#: Option that the AWS command line adds to a paginated call.
_PAGING_OPTIONS: Final = frozenset({"--max-items", "--page-size", "--starting-token"})
_OPTION: Final = re.compile(r"(?<![\w-])--?[a-zA-Z][a-z-]*")

#: Fails with what is wrong in the words of a command.
Check = Callable[[Sequence[str]], None]


def check_command(words: Sequence[str]) -> None:
    """Fail if the command could not run as it is written."""
    name = Path(words[0]).name
    CHECKS[name](words)


def _aws(words: Sequence[str]) -> None:
    _, service, call, *rest = words
    model = botocore.session.get_session().get_service_model(service)
    calls = {xform_name(name, "-"): name for name in model.operation_names}
    assert call in calls, f"aws {service} has no {call}"
    shape = model.operation_model(calls[call]).input_shape
    members = {xform_name(name, "-"): member.type_name for name, member in (shape.members if shape else {}).items()}
    switched_off = {f"--no-{name}" for name, type_name in members.items() if type_name == "boolean"}
    _check_options(rest, {f"--{name}" for name in members} | switched_off | _AWS_OPTIONS | _PAGING_OPTIONS)


def _cdk(words: Sequence[str]) -> None:
    _check_options(words[2:], _cdk_options(words[1]))


@cache
def _cdk_options(command: str) -> frozenset[str]:
    """Return the options of a command of the pinned CDK; global ones are among them."""
    result = subprocess.run([_PROGRAMS / "cdk", command, "--help"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith(f"cdk {command}"), f"cdk has no {command}"
    return frozenset(_OPTION.findall(result.stdout))


def _darkroom(words: Sequence[str]) -> None:
    command: click.Command = main
    rest = iter(words[1:])
    for word in rest:
        if word.startswith("-"):
            named = [parameter for parameter in command.params if word.partition("=")[0] in parameter.opts]
            assert named, f"there is no option {word}"
            if "=" not in word and isinstance(named[0], click.Option) and not named[0].is_flag:
                next(rest)
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            assert found is not None, f"darkroom has no {word}"
            command = found


def _make(words: Sequence[str]) -> None:
    dry_run = ["/usr/bin/env", "make", "--dry-run", *words[1:]]
    result = subprocess.run(dry_run, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def _program(words: Sequence[str]) -> None:
    """Check a program of the project or of its tests: the files exist, and a program names its options."""
    # Programs make what is in `out` themselves.
    files = [word for word in words[1:] if "/" in word and not word.startswith(("-", "http", "out/"))]
    missing = [name for name in files if not (PROJECT / name.partition("::")[0]).exists()]
    assert not missing, f"there is no {missing[0]}"
    programs = [PROJECT / name for name in files if name.endswith(".py")]
    if words[0] == "python" and programs:
        text = programs[0].read_text(encoding="utf-8")
        assert set(_OPTION.findall(" ".join(words[2:]))) <= set(_OPTION.findall(text.replace('"', " "))), words


def _check_options(words: Sequence[str], known: frozenset[str] | set[str]) -> None:
    for word in words:
        option = word.partition("=")[0]
        assert not option.startswith("-") or option in known, f"there is no option {option}"


def _nothing(_words: Sequence[str]) -> None:
    """Accept a command of the shell."""


CHECKS: Final[Mapping[str, Check]] = {
    "aws": _aws,
    "cdk": _cdk,
    "darkroom": _darkroom,
    "make": _make,
    "python": _program,
    "pytest": _program,
    "source": _nothing,
    "export": _nothing,
    "eval": _nothing,
    "git": _nothing,
    "kubectl": _nothing,
    "cd": _nothing,
    "curl": _nothing,
}
