"""The commands of the README, typed against the local system."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.harness.local_system import SLOW, System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system"), pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "text-to-image.json"
DARKROOM = Path(sys.executable).with_name("darkroom")


def darkroom(system: System, *arguments: str, stdin: str | None = None) -> Result:
    """Run a command in this process, which costs less than another Python."""
    return CliRunner().invoke(main, ["--state-dir", str(system.state_directory), *arguments], input=stdin)


def small(task_id: str, **content: Any) -> str:
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image"}
    return json.dumps({"task": {"metadata": metadata, "content": {"steps": 1, "width": 64, "height": 64} | content}})


def test_submit_wait_and_download(system: System, tmp_path: Path) -> None:
    arguments = "submit", EXAMPLE, "--wait", "--download", tmp_path
    command = [str(word) for word in (DARKROOM, "--state-dir", system.state_directory, *arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    task = json.loads(result.stdout)
    assert (task["id"], task["status"]) == ("test-t2i", "COMPLETED")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [Path(name).suffix for name in names] == [".png", ".out"]
    assert (tmp_path / names[0]).read_bytes().startswith(b"\x89PNG")
    again = darkroom(system, "status", "test-t2i")
    assert json.loads(again.stdout)["id"] == "test-t2i"


def test_submit_through_the_entry_topic_twice(system: System) -> None:
    submitted = []
    for seed in (1, 2):
        result = darkroom(system, "submit", "-", "--via", "topic", "--wait", stdin=small("by-topic", seed=seed))
        assert result.exit_code == 0, result.stderr
        submitted.append(json.loads(result.stdout)["submitted_at"])
    assert submitted[0] < submitted[1], "the second wait is for the second run"


def test_a_task_that_fails(system: System) -> None:
    result = darkroom(system, "submit", "-", "--wait", stdin=small("fails", sampler_name="None such"))
    assert result.exit_code == 1
    assert "fails is FAILED" in result.stderr
    assert "sampler_name" in result.stderr


def test_list_and_cancel(system: System) -> None:
    darkroom(system, "submit", "-", stdin=small("to-cancel", **SLOW))
    cancelled = darkroom(system, "cancel", "to-cancel")
    assert json.loads(cancelled.stdout)["status"] == "CANCELLED"
    listed = darkroom(system, "list", "--status", "CANCELLED", "--json")
    assert "to-cancel" in [task["id"] for task in json.loads(listed.stdout)["tasks"]]


def test_a_refused_task(system: System) -> None:
    result = darkroom(system, "submit", "-", stdin=small("../escape"))
    assert (result.exit_code, "task.metadata.id" in result.stderr) == (3, True)


def test_the_doctor_has_a_picture_made(system: System) -> None:
    result = darkroom(system, "doctor", "--smoke", "--json")
    assert result.exit_code == 0, result.stderr
    made, dynamic = json.loads(result.stdout)["smoke test"]
    assert made["level"] == "ok"
    assert "sdruntime: made s3://" in made["message"]
    assert dynamic["level"] == "unknown"
