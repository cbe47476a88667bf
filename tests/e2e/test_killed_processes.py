"""A killed agent or Web UI loses no task: it runs again, gets its own image and calls back once."""

import io
import os
import signal

import pytest
from PIL import Image

from tests.harness.local_system import SLOW, System
from tests.harness.queue_counts import is_empty

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]

CHILDREN = ("webui", "agent")
RUNNING = SLOW | {"n_iter": 1}
SHORT = RUNNING | {"steps": 1}


def submit_and_wait_for_generation(system: System, task_id: str, runtime: str, **content: object) -> None:
    """Submit a task that runs, and one that waits for it; each has a prompt that no other task has."""
    for name, sizes in ((task_id, RUNNING), (f"{task_id}-next", SHORT)):
        metadata = {"id": name, "runtime": runtime, "tasktype": "text-to-image"}
        system.publish({"task": {"metadata": metadata, "content": sizes | {"prompt": name} | content}})
        system.eventually(lambda: system.webui_progress(runtime), "the start of the generation")


def check_single_callback(system: System, task_id: str) -> None:
    for name in (task_id, f"{task_id}-next"):
        callback = system.callback(id=name, seconds=150)
        assert callback["status"] == "completed"
        with Image.open(io.BytesIO(system.object(callback["image_url"][0]))) as image:
            assert image.info["parameters"].startswith(f"{name}\n"), "the image of another prompt"
    sqs = system.client("sqs")
    queues = sqs.list_queues()["QueueUrls"]
    system.eventually(lambda: all(is_empty(sqs, url) for url in queues), "the end of all messages")
    assert [item["id"] for item in system.callbacks()].count(task_id) == 1


def test_a_killed_web_ui_costs_an_attempt_and_the_agent_lives_on(system: System) -> None:
    submit_and_wait_for_generation(system, "bereaved", "sdruntime")
    starts, agents = (len(system.container_events("sdruntime", "child_started", child=child)) for child in CHILDREN)

    os.kill(system.container_events("sdruntime", "child_started", child="webui")[-1]["pid"], signal.SIGKILL)

    check_single_callback(system, "bereaved")
    assert system.shown("bereaved")["attempts"] == 2
    assert len(system.container_events("sdruntime", "child_started", child="webui")) == starts + 1
    assert len(system.container_events("sdruntime", "child_started", child="agent")) == agents


def test_a_killed_agents_task_runs_again(system: System) -> None:
    checkpoint = {"alwayson_scripts": {"sd_model_checkpoint": "v1-5-pruned-emaonly.safetensors"}}
    submit_and_wait_for_generation(system, "survivor", "dynamic", **checkpoint)
    assert system.shown("survivor")["status"] == "IN_PROGRESS"

    os.kill(system.container_events("dynamic", "child_started", child="agent")[-1]["pid"], signal.SIGKILL)

    check_single_callback(system, "survivor")
    assert system.shown("survivor")["attempts"] == 2
