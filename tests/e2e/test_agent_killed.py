"""An agent that is killed in mid-task loses nothing: its task runs again and calls back once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.queue_counts import is_empty

# It starts a local system of its own, so it may run beside the tests that share one.
pytestmark = pytest.mark.timeout(240)

#: Seconds of work for the tiny model, in which there is time to be killed.
SLOW = {"prompt": "A dog", "steps": 16, "width": 512, "height": 512}


@contextmanager
def agent(environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "runtime_image.agent"], env={**os.environ, **environment})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_killed_in_mid_task(second_system: Any, tmp_path: Path) -> None:
    system = second_system
    environment = system.endpoints["runtimes"]["sdruntime"]["agent_environment"]
    metadata = {"id": "survivor", "runtime": "sdruntime", "tasktype": "text-to-image"}
    system.publish({"task": {"metadata": metadata, "content": SLOW}})

    def running() -> bool:
        progress = httpx.get(system.endpoints["runtimes"]["sdruntime"]["webui_url"] + "/sdapi/v1/progress").json()
        return bool(progress["state"]["sampling_step"] > 0 and progress["state"]["job_count"] > 0)

    with agent(environment) as first:
        system.eventually(running, "the start of the generation")
        assert system.task("survivor")["status"] == "IN_PROGRESS"
        first.send_signal(signal.SIGKILL)
        first.wait()
    with agent(environment) as second:
        callback = system.callback(id="survivor", seconds=150)
        assert callback["status"] == "completed"
        assert len(callback["image_url"]) == 1
        assert system.object(callback["image_url"][0]).startswith(b"\x89PNG")
        second.send_signal(signal.SIGTERM)
        assert second.wait(30) == 0
    # A second callback would have come by now: the stream is read every few milliseconds.
    time.sleep(2)
    assert [item["id"] for item in system.callbacks()] == ["survivor"]
    queue_url = system.endpoints["runtimes"]["sdruntime"]["queue_url"]
    assert is_empty(system.client("sqs"), queue_url)


@pytest.fixture
def second_system(start_system: Any) -> Any:
    return start_system(
        "--agents",
        "0",
        runtimes=[
            {"name": "sdruntime", "modelFilename": "v1-5-pruned-emaonly.safetensors", "visibilityTimeoutSeconds": 10}
        ],
    )
