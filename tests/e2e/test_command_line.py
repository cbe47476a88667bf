"""The commands of the README, typed against the local system."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.harness.local_system import SLOW, System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "text-to-image.json"
DARKROOM = Path(sys.executable).with_name("darkroom")


def darkroom(system: System, *arguments: str, stdin: str | None = None) -> Result:
    """Run a command in this process, which costs less than another Python."""
    return CliRunner().invoke(main, ["--state-dir", str(system.state_directory), *arguments], input=stdin)


def small(task_id: str, **content: Any) -> str:
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image"}
    return json.dumps({"task": {"metadata": metadata, "content": {"steps": 1, "width": 64, "height": 64} | content}})


def test_submit_wait_and_download(system: System, tmp_path: Path) -> None:
    arguments = "submit", EXAMPLE, "--wait", "--download", tmp_path, "--json"
    command = [str(word) for word in (DARKROOM, "--state-dir", system.state_directory, *arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    task = json.loads(result.stdout)
    assert (task["id"], task["status"]) == ("test-t2i", "COMPLETED")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [Path(name).suffix for name in names] == [".png", ".out"]
    assert (tmp_path / names[0]).read_bytes().startswith(b"\x89PNG")
    again = darkroom(system, "status", "test-t2i", "--json")
    assert json.loads(again.stdout)["id"] == "test-t2i"


def test_submit_through_the_entry_topic_twice(system: System) -> None:
    submitted = []
    for seed in (1, 2):
        result = darkroom(
            system, "submit", "-", "--via", "topic", "--wait", "--json", stdin=small("by-topic", seed=seed)
        )
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
    cancelled = darkroom(system, "cancel", "to-cancel", "--json")
    assert json.loads(cancelled.stdout)["status"] == "CANCELLED"
    listed = darkroom(system, "list", "--status", "CANCELLED", "--json")
    assert "to-cancel" in [task["id"] for task in json.loads(listed.stdout)["tasks"]]


def test_a_refused_task(system: System) -> None:
    result = darkroom(system, "submit", "-", stdin=small("../escape"))
    assert (result.exit_code, "task.metadata.id" in result.stderr) == (3, True)


def test_the_doctor_has_a_picture_made(system: System) -> None:
    result = darkroom(system, "doctor", "--smoke", "--json")
    assert result.exit_code == 0, result.stderr
    made, dynamic, workflow = json.loads(result.stdout)["smoke test"]
    assert made["level"] == "ok"
    assert "sdruntime: made s3://" in made["message"]
    assert dynamic["level"] == "ok", "a checkpoint of the bucket was found and tried"
    assert "comfyui: made s3://" in workflow["message"]


def test_an_input_picture_from_a_prompt_to_the_end_of_its_task(system: System, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(system.object(system.s3_link))
    options = ["--size", "64x64", "--steps", "1", "--id", "from-a-prompt", "--input", str(picture)]
    result = darkroom(system, "submit", "--prompt", "A cat", *options, "--wait")
    assert result.exit_code == 0, result.stderr
    assert "status     COMPLETED" in result.stdout
    expected = {("SubmitTask", "task_accepted"), ("container-sdruntime-1", "task_finished")}

    def has_the_lines() -> bool:
        lines = map(json.loads, darkroom(system, "logs", "from-a-prompt", "--json").stdout.splitlines())
        events = {(line["source"], line["line"].get("event", line["line"].get("message"))) for line in lines}
        return expected | {("Notify", "callback_published")} <= events

    system.eventually(has_the_lines, "the lines of all parts")


def test_another_key_sees_its_own_tasks(system: System) -> None:
    darkroom(system, "submit", "-", stdin=small("of-the-default-key"))
    by_name = darkroom(system, "--key-name", "guest", "status", "of-the-default-key")
    by_key = darkroom(system, "--key", system.api_key("guest"), "status", "of-the-default-key")
    assert by_name.exit_code == by_key.exit_code == 3
    assert "there is no task" in by_name.stderr


def test_env_is_enough_for_boto3(system: System) -> None:
    variables = json.loads(darkroom(system, "env", "--json").stdout)
    program = (
        "import boto3, os; print(boto3.client('sns').get_topic_attributes(TopicArn=os.environ['ENTRY_TOPIC_ARN']))"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, env=kept | variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert variables["ENTRY_TOPIC_ARN"] in result.stdout
