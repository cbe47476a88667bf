"""`python -m local up` as a process: ready, refused, stopped, and ended when a part of it fails for good."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.harness.local_system import PROJECT, environment_file, read_endpoints, up_command

#: Seconds for a start that fails, or for a stop. Only a failing test waits for so long.
STOP_SECONDS = 120
# One worker for all, so that a system starts after another has stopped.
pytestmark = [pytest.mark.xdist_group("up")]

Up = subprocess.Popen[str]


def start(state: Path, environment: Path, *arguments: str) -> Up:
    command = [*up_command(state), "--environment", str(environment), *arguments]
    return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(up: Up) -> tuple[int, str, str]:
    try:
        output, errors = up.communicate(timeout=STOP_SECONDS)
    finally:
        up.kill()
    return up.returncode, output, errors


def port_of(url: str) -> str:
    return str(urlsplit(url).port)


def processes_of(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children()]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run_up(state: Path, tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Start a system without agents; it stops at the end of the test."""
    started: list[Up] = []

    def run(*arguments: str) -> Up:
        started.append(start(state, environment_file(tmp_path / "local.yaml"), "--agents", "0", *arguments))
        return started[-1]

    yield run
    for up in started:
        if up.poll() is None:
            up.terminate()
            end(up)


def test_a_system_names_its_endpoints_locks_its_state_and_stops_cleanly(run_up: Callable[..., Up], state: Path) -> None:
    up = run_up("--stub-webui", "0.01")
    found = read_endpoints(up, state)
    assert found.keys() == {
        *("aws_endpoint_url", "region", "http_url", "function_urls", "api_key", "webhook_secret", "callbacks_url"),
        *("entry_topic_arn", "task_topic_arn", "completion_topic_arn", "output_bucket", "model_bucket"),
        *("task_bucket", "task_table", "runtimes", "api_key_secret_arns", "console_url"),
    }
    assert found["runtimes"].keys() == {"sdruntime", "dynamic", "comfyui"}
    runtime = found["runtimes"]["sdruntime"]
    assert runtime.keys() == {
        "queue_url",
        "low_priority_queue_url",
        "dead_letter_queue_url",
        "engine_url",
        "agent_environment",
    }
    assert runtime["agent_environment"]["WEBUI_URL"] == runtime["engine_url"]
    assert runtime["agent_environment"]["QUEUE_URL"] == runtime["queue_url"]
    (model,) = httpx.get(f"{runtime['engine_url']}/sdapi/v1/sd-models", timeout=60).json()
    assert model["model_name"] == "v1-5-pruned-emaonly"
    assert httpx.get(f"{found['http_url']}/nowhere", timeout=60).status_code == 404
    assert httpx.get(found["callbacks_url"], timeout=60).json() == {"callbacks": [], "next": 0}
    processes = processes_of(up.pid)
    assert len(processes) >= 3

    code, _, errors = end(run_up("--stub-webui", "0.01"))
    assert code == 3
    assert f"process {up.pid}" in errors
    assert (state / "endpoints.json").exists()

    # Nothing but the first one's own ports is in the way of a second system.
    code, _, errors = end(
        run_up("--stub-webui", "0.01", "--state-dir", f"{state}-2", "--port", port_of(found["http_url"]))
    )
    assert code == 4
    assert f"port {port_of(found['http_url'])} is used by process {up.pid} (" in errors
    assert "--port" in errors

    # The end-to-end tests stop their system with SIGTERM.
    up.send_signal(signal.SIGINT)
    code, output, errors = end(up)
    assert code == 0, errors
    for shown in (
        found["console_url"],
        found["http_url"],
        found["api_key"],
        found["aws_endpoint_url"],
        *found["function_urls"].values(),
    ):
        assert shown in output
    assert f"darkroom --state-dir {state} submit" in output
    assert '"agent_environment"' not in output
    assert "ready" in errors
    assert not [pid for pid in processes if psutil.pid_exists(pid)]
    assert not (state / "endpoints.json").exists()


def test_without_its_aws_the_system_ends(run_up: Callable[..., Up], state: Path) -> None:
    up = run_up("--webui-url", "http://127.0.0.1:9")
    runtime = read_endpoints(up, state)["runtimes"]["sdruntime"]
    assert runtime["engine_url"] == "http://127.0.0.1:9"
    (aws,) = [pid for pid in processes_of(up.pid) if "local.aws.server" in psutil.Process(pid).cmdline()]
    os.kill(aws, signal.SIGKILL)
    code, _, errors = end(up)
    assert code == 1
    assert "AWS (moto server) ended with status -9" in errors


def test_a_mistake_in_the_environment_is_reported(tmp_path: Path) -> None:
    environment = tmp_path / "mine.yaml"
    environment.write_text("name: mine\nruntimes: [{name: only, dynamicModels: true}]\n")
    code, _, errors = end(start(tmp_path / "state", environment))
    assert code == 2
    assert "dynamicModels" in errors
