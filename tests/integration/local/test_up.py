"""`python -m local up` as a process: ready, refused, stopped, and ended when a part of it fails for good."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

PROJECT = Path(__file__).parents[3]
READY_SECONDS = 100
STOP_SECONDS = 20

# One worker for all, so that the templates are synthesized once.
pytestmark = pytest.mark.xdist_group("up")

Up = subprocess.Popen[str]


def start(state: Path, *arguments: str) -> Up:
    command = [sys.executable, "-m", "local", "up", "--state-dir", str(state), *arguments]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(up: Up) -> tuple[int, str, str]:
    try:
        output, errors = up.communicate(timeout=STOP_SECONDS)
    finally:
        up.kill()
    return up.returncode, output, errors


def endpoints(up: Up, state: Path) -> dict[str, Any]:
    deadline = time.monotonic() + READY_SECONDS
    while not (state / "endpoints.json").exists():
        assert up.poll() is None, end(up)
        assert time.monotonic() < deadline
        time.sleep(0.05)
    content: dict[str, Any] = json.loads((state / "endpoints.json").read_text())
    return content


def children_of(pid: int) -> list[int]:
    command = ["pgrep", "-P", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory of all tests of this module, so that the templates are synthesized once."""
    return tmp_path_factory.mktemp("up") / "state"


@pytest.fixture
def run_up(state: Path) -> Iterator[Callable[[], Up]]:
    started: list[Up] = []

    def run() -> Up:
        started.append(start(state, "--webui-url", "http://127.0.0.1:9", "--agents", "0"))
        return started[-1]

    yield run
    for up in started:
        if up.poll() is None:
            up.terminate()
            end(up)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_from_ready_to_a_clean_stop(run_up: Callable[[], Up], state: Path, number: signal.Signals) -> None:
    up = run_up()
    found = endpoints(up, state)
    assert found.keys() >= {
        "aws_endpoint_url",
        "region",
        "http_url",
        "api_key",
        "webhook_secret",
        "entry_topic_arn",
        "task_topic_arn",
        "completion_topic_arn",
        "output_bucket",
        "model_bucket",
        "task_table",
    }
    assert found["runtimes"].keys() == {"sdruntime", "dynamic"}
    runtime = found["runtimes"]["sdruntime"]
    assert runtime.keys() == {
        "queue_url",
        "low_priority_queue_url",
        "dead_letter_queue_url",
        "webui_url",
        "agent_environment",
    }
    assert runtime["agent_environment"]["WEBUI_URL"] == runtime["webui_url"] == "http://127.0.0.1:9"
    assert runtime["agent_environment"]["QUEUE_URL"] == runtime["queue_url"]
    assert httpx.get(f"{found['http_url']}/nowhere").status_code == 404
    assert httpx.get(found["callbacks_url"]).json() == {"callbacks": [], "next": 0}
    processes = children_of(up.pid)
    assert processes
    up.send_signal(number)
    code, output, errors = end(up)
    assert code == 0, errors
    assert json.loads(output) == found
    assert "ready" in errors
    assert not [pid for pid in processes if exists(pid)]
    assert not (state / "endpoints.json").exists()


def test_a_signal_during_the_start_stops_too(run_up: Callable[[], Up], state: Path) -> None:
    log = state / "logs" / "aws.log"
    log.unlink(missing_ok=True)
    up = run_up()
    deadline = time.monotonic() + READY_SECONDS
    while not log.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    up.send_signal(signal.SIGTERM)
    code, _, errors = end(up)
    assert code == 0, errors


def test_one_system_in_a_state_directory(run_up: Callable[[], Up], state: Path) -> None:
    first = run_up()
    endpoints(first, state)
    code, _, errors = end(run_up())
    assert code == 3
    assert f"process {first.pid}" in errors
    assert (state / "endpoints.json").exists()


def test_without_its_aws_the_system_ends(run_up: Callable[[], Up], state: Path) -> None:
    up = run_up()
    endpoints(up, state)
    (aws,) = children_of(up.pid)
    os.kill(aws, signal.SIGKILL)
    code, _, errors = end(up)
    assert code == 1
    assert "AWS (moto server) ended with status -9" in errors


def test_a_mistake_in_the_environment_is_told(tmp_path: Path) -> None:
    environment = tmp_path / "mine.yaml"
    environment.write_text("name: mine\nruntimes: [{name: only, dynamicModels: true}]\n")
    code, _, errors = end(start(tmp_path / "state", "--environment", str(environment)))
    assert code == 2
    assert "dynamicModels" in errors
