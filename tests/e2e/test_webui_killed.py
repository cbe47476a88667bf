"""A Web UI that is killed in mid-generation costs its task another attempt, and nothing else: the agent lives on."""

import json
import os
import signal
from typing import Any

import httpx
import pytest

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system"), pytest.mark.timeout(240)]

#: Seconds of work for the tiny model, in which there is time to be killed.
SLOW = {"prompt": "A dog", "steps": 60, "width": 256, "height": 256}


def test_killed_in_mid_generation(system: Any) -> None:
    log = system.state_directory / "logs" / "container-sdruntime-1.log"

    def events(event: str, **fields: Any) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
        return [line for line in lines if line["event"] == event and fields.items() <= line.items()]

    def generating() -> bool:
        progress = httpx.get(system.endpoints["runtimes"]["sdruntime"]["webui_url"] + "/sdapi/v1/progress").json()
        return bool(progress["state"]["sampling_step"] > 0 and progress["state"]["job_count"] > 0)

    starts = len(events("child_started", child="webui"))
    metadata = {"id": "bereaved", "runtime": "sdruntime", "tasktype": "text-to-image"}
    system.publish({"task": {"metadata": metadata, "content": SLOW}})
    system.eventually(generating, "the start of the generation")

    os.kill(events("child_started", child="webui")[-1]["pid"], signal.SIGKILL)

    callback = system.callback(id="bereaved", seconds=150)
    assert callback["status"] == "completed"
    assert system.object(callback["image_url"][0]).startswith(b"\x89PNG")
    assert events("task_handed_back", task_id="bereaved", code="webui_unreachable")
    assert len(events("child_started", child="webui")) == starts + 1
    assert len(events("child_started", child="agent")) == 1
    assert [item["id"] for item in system.callbacks()].count("bereaved") == 1
