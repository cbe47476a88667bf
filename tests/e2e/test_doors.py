"""Table of doors in the README: each example line runs as it is printed, and its door answers."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.harness.documented_code import PROJECT
from tests.harness.local_system import System

pytestmark = [pytest.mark.xdist_group("local_system")]

_ROW: Final = re.compile(r"^\| ([^|]+) \| [^|]+ \| `(.+)` \|$")
_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")
_TITLES: Final = "| door | program | example line |"
#: Imports of the Python lines, which each reader's program has anyway.
_IMPORTS: Final = (
    "import boto3, darkroom, os, requests, runpod, webuiapi\nfrom comfy_sdk import Comfy\nfrom openai import OpenAI\n"
)
#: Beginning of the lines for a shell.
_SHELL: Final = ("darkroom ", "python -m ")
#: Program in the place of a browser, which `python -m webbrowser` starts with an address.
_BROWSER: Final = "curl -fsSL -o console.html %s"
COMMAND_LINE: Final = Path(sys.executable).parent / "darkroom"
_METADATA: Final = {"runtime": "sdruntime", "tasktype": "text-to-image"}
#: Request of the lines, small enough for a test.
_CONTENT: Final = {"prompt": "A dog", "steps": 2, "width": 64, "height": 64}
_WORKFLOW: Final = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 255}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "blue"}},
}


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield door, page and example line of each row of the table."""
    table = (PROJECT / "README.md").read_text(encoding="utf-8").partition(_TITLES)[2].partition("\n\n")[0]
    for line in table.strip().splitlines()[1:]:
        row = _ROW.fullmatch(line)
        assert row, line
        link = _LINK.search(row[1])
        assert link, f"{line} links no page"
        yield link[1], link[2], row[2]


DOORS: Final = {door: line for door, _, line in rows()}


def test_each_door_has_a_page() -> None:
    assert {"HTTP API", "OpenAI", "RunPod", "SD Web UI"} < set(DOORS)
    missing = [page for _, page, _ in rows() if not (PROJECT / page.partition("#")[0]).exists()]
    assert missing == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the files that the lines name."""
    task = json.dumps({"task": {"metadata": _METADATA, "content": _CONTENT}})
    (tmp_path / "tasks.jsonl").write_text(f"{task}\n{task}\n")
    (tmp_path / "workflow.json").write_text(json.dumps(_WORKFLOW))
    return tmp_path


@pytest.fixture
def variables(system: System) -> dict[str, str]:
    """Return the variables that a reader has after `eval "$(darkroom env)"`, and the body of a task."""
    command = [str(COMMAND_LINE), "--state-dir", str(system.state_directory), "env", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    task = {"metadata": {"id": "by-a-door", **_METADATA}, "content": _CONTENT}
    found: dict[str, str] = json.loads(ended.stdout)
    return found | {"TASK": json.dumps({"task": task})}


def test_the_lines_of_python_run(variables: dict[str, str], folder: Path) -> None:
    """One program runs all of them, because the imports take longer than the lines."""
    lines = {door: line for door, line in DOORS.items() if not line.startswith(_SHELL)}
    program = _IMPORTS + f"globals().update({variables!r}); os.environ.update({variables!r})\n"
    program += "".join(f"{line}\nprint({door!r})\n" for door, line in lines.items())
    ended = subprocess.run(
        [sys.executable, "-"], input=program, cwd=folder, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == list(lines)


def test_the_lines_of_the_shell_run(system: System, variables: dict[str, str], folder: Path) -> None:
    lines = [line for line in DOORS.values() if line.startswith(_SHELL)]
    path = f"{COMMAND_LINE.parent}:{os.environ['PATH']}"
    environment = {**variables, "PATH": path, "DARKROOM_STATE_DIR": str(system.state_directory), "BROWSER": _BROWSER}
    # An assistant that says nothing ends the server of `darkroom mcp`.
    for line in lines:
        ended = subprocess.run(
            ["/bin/bash", "-c", line],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{line}\n{ended.stderr}"
    assert "<html" in (folder / "console.html").read_text()
