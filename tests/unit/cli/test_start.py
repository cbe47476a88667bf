"""The start of the command line: what it must not import, its version and its completion."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from tests.unit.cli.fake_api import FakeApi

PROJECT = Path(__file__).parents[3]
#: Modules that cost more processor time than the rest of a start together.
EXPENSIVE = ("asyncio", "boto3", "botocore", "contract", "httpx", "pydantic", "rich", "stacks", "yaml")
PROGRAM = """
import sys
from cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
print(" ".join(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["submit", "--prompt", "A dog"], ["status", "a"], ["env"]])
def test_what_talks_http_waits_for_no_expensive_module(
    state_directory: Path, api: FakeApi, arguments: list[str]
) -> None:
    api.states["a"] = ["IN_QUEUE"]
    command = [sys.executable, "-c", PROGRAM, "--state-dir", str(state_directory), *arguments]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in result.stderr.split()}
    assert not loaded.intersection(EXPENSIVE)


def test_the_version_is_the_projects() -> None:
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert CliRunner().invoke(main, ["--version"], prog_name="darkroom").output == f"darkroom {version}\n"


@pytest.mark.parametrize(("shell", "words"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_shells_get_their_completion(shell: str, words: str) -> None:
    result = CliRunner().invoke(main, prog_name="darkroom", env={"_DARKROOM_COMPLETE": f"{shell}_source"})
    assert result.exit_code == 0
    assert words in result.output
    assert "_DARKROOM_COMPLETE" in result.output
