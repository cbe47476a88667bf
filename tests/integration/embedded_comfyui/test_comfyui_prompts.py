"""Prompts at the embedded ComfyUI: their messages, their order, what is known already, and their cancellation."""

import io
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.harness.eventually import eventually
from tests.integration.embedded_comfyui.conftest import RunningComfyUi
from tests.integration.embedded_comfyui.recordings import RECORDED, WORKFLOW, changed, compared

ENDLESS = {"3": {"inputs": {"steps": 10000}}}

pytestmark = pytest.mark.xdist_group("embedded_comfyui")


def short(messages: list[tuple[str, Any]]) -> list[list[Any]]:
    """Return messages as the recordings have them: of each node's progress, value, maximum and state."""
    states = [
        {node: [state["value"], state["max"], state["state"]] for node, state in data["nodes"].items()}
        if event == "progress_state"
        else data
        for event, data in messages
    ]
    return [[event, compared(data)] for (event, _), data in zip(messages, states, strict=True)]


@pytest.fixture
def new_checkpoint(comfyui: RunningComfyUi) -> Iterator[str]:
    """A checkpoint of one test, so that no node that needs it is known from another one."""
    path = comfyui.base / "models" / "checkpoints" / "new.safetensors"
    path.touch()
    yield path.name
    path.unlink()


def test_messages_come_in_the_recorded_order(comfyui: RunningComfyUi, new_checkpoint: str) -> None:
    recorded = RECORDED["messages"]
    first = changed(WORKFLOW, {"4": {"inputs": {"ckpt_name": new_checkpoint}}, "5": {"inputs": {"width": 65}}})
    previews = {"preview_method": "latent2rgb"}
    with comfyui.websocket("rec-client") as socket:
        comfyui.submit(first, client_id="rec-client", extra_data=previews)
        begun = comfyui.messages(socket)
        # The order of nodes that do not need each other is open.
        assert [event for event, _ in begun] == [event for event, _ in recorded["ws_first_run"][1:]]
        for name, prompt in (
            ("ws_cached_all", first),
            (
                "ws_prefix_only",
                changed(first, {"9": {"inputs": {"filename_prefix": "other/2026-11-28/x_%width%x%height%"}}}),
            ),
            ("ws_second_seed", changed(first, {"3": {"inputs": {"seed": 2}}})),
        ):
            comfyui.submit(prompt, client_id="rec-client", extra_data=previews)
            assert short(comfyui.messages(socket)) == [[event, compared(data)] for event, data in recorded[name]]


def test_a_client_gets_previews_with_metadata_if_it_supports_them(comfyui: RunningComfyUi) -> None:
    with comfyui.websocket("previews") as socket:
        socket.send(json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}}))
        assert json.loads(socket.recv(60))["type"] == "feature_flags"
        prompt = changed(WORKFLOW, {"3": {"inputs": {"seed": 21, "steps": 2}}})
        comfyui.submit(prompt, client_id="previews", extra_data={"preview_method": "latent2rgb"})
        content = next(message for _ in range(100) if isinstance(message := socket.recv(60), bytes))
    kind, length = struct.unpack(">II", content[:8])
    assert kind == 4
    metadata = json.loads(content[8 : 8 + length])
    assert (metadata["node_id"], metadata["image_type"]) == ("3", "image/jpeg")
    assert Image.open(io.BytesIO(content[8 + length :])).format == "JPEG"


def test_a_waiting_or_running_prompt_can_be_cancelled(comfyui: RunningComfyUi) -> None:
    prompt_id = comfyui.submit(changed(WORKFLOW, ENDLESS), client_id="late")
    comfyui.running(prompt_id)

    def shown() -> bool:
        with comfyui.websocket("late") as socket:
            message = json.loads(socket.recv(60))
            return bool(message == {"type": "executing", "data": {"node": "3"}})

    eventually(shown, "the sampler as the executing node", 60)
    job = comfyui.http.get(f"/api/jobs/{prompt_id}").json()
    assert job.keys() == RECORDED["messages"]["get_job_running"].keys() - {"workflow_id"}
    assert comfyui.http.get(f"/history/{prompt_id}").json() == {}
    queue = comfyui.http.get("/queue").json()
    assert [len(prompt) for prompt in queue["queue_running"]] == [5]

    first, second = (comfyui.submit(changed(WORKFLOW, {"3": {"inputs": {"seed": seed}}})) for seed in (31, 32))
    front = comfyui.http.post("/prompt", json={"prompt": WORKFLOW, "front": True}).json()
    assert front["number"] < 0
    jobs = comfyui.http.get("/api/jobs", params={"status": "pending", "limit": 2}).json()
    assert (jobs["jobs"][0]["id"], jobs["pagination"]["total"]) == (front["prompt_id"], 3)
    comfyui.http.post("/queue", json={"delete": [first]})
    assert comfyui.http.post(f"/api/jobs/{second}/cancel").json() == {"cancelled": True}
    assert comfyui.http.get(f"/api/jobs/{first}").status_code == 404

    comfyui.http.post("/interrupt", json={"prompt_id": front["prompt_id"]})
    assert comfyui.http.post(f"/api/jobs/{prompt_id}/cancel").json() == {"cancelled": True}
    entry = comfyui.finished(prompt_id)
    assert entry["status"]["status_str"] == "error"
    recorded = next(iter(RECORDED["messages"]["history_interrupted"].values()))
    events = [[event for event, _ in messages["status"]["messages"]] for messages in (entry, recorded)]
    assert events[0] == events[1]
    ended = comfyui.http.get(f"/api/jobs/{prompt_id}").json()
    assert ended.keys() == RECORDED["messages"]["get_job_interrupted"].keys()
    assert ended["status"] == "cancelled"
    assert comfyui.http.post(f"/api/jobs/{prompt_id}/cancel").json() == {"cancelled": False}
    assert comfyui.finished(front["prompt_id"])["status"]["completed"]


@pytest.fixture
def lora(comfyui: RunningComfyUi) -> Iterator[Path]:
    """A LoRA of one test, because another one compares the list of all with a recording."""
    path = comfyui.base / "models" / "loras" / "ink.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.touch()
    yield path
    path.unlink()


def test_a_long_chain_of_loras_runs_at_once(comfyui: RunningComfyUi, lora: Path) -> None:
    # Each node needs the one before twice.
    chain = {
        f"lora{number}": {
            "class_type": "LoraLoader",
            "inputs": {
                "lora_name": lora.name,
                "strength_model": 1,
                "strength_clip": 1,
                "model": [f"lora{number - 1}" if number else "4", 0],
                "clip": [f"lora{number - 1}" if number else "4", 1],
            },
        }
        for number in range(40)
    }
    last = {"3": {"inputs": {"model": ["lora39", 0]}}, "6": {"inputs": {"clip": ["lora39", 1]}}}
    entry = comfyui.finished(comfyui.submit(changed(WORKFLOW, chain | last)))
    assert entry["status"]["status_str"] == "success"


def test_a_finished_job_is_shown_as_recorded(comfyui: RunningComfyUi) -> None:
    extra_data = {"extra_pnginfo": {"workflow": {"id": "w1", "nodes": []}}, "api_key_comfy_org": "secret"}
    prompt_id = comfyui.submit(changed(WORKFLOW, {"3": {"inputs": {"seed": 41}}}), extra_data=extra_data)
    entry = comfyui.finished(prompt_id)
    recorded = RECORDED["messages"]["get_job_success"]
    job = comfyui.http.get(f"/api/jobs/{prompt_id}").json()
    assert job.keys() == recorded.keys()
    assert compared(job["preview_output"]) == compared(recorded["preview_output"])
    assert "secret" not in json.dumps([job, entry])
    (file,) = entry["outputs"]["9"]["images"]
    with Image.open(comfyui.base / "output" / file["filename"]) as picture:
        assert set(picture.info) == {"prompt", "workflow"}
    comfyui.http.post("/history", json={"delete": [prompt_id, "nope"]})
    assert comfyui.http.get(f"/history/{prompt_id}").json() == {}


def test_what_is_known_has_its_old_name_even_if_the_file_is_gone(comfyui: RunningComfyUi) -> None:
    prompt = changed(WORKFLOW, {"3": {"inputs": {"seed": 51}}})
    first = comfyui.finished(comfyui.submit(prompt))["outputs"]
    (file,) = first["9"]["images"]
    (comfyui.base / "output" / file["filename"]).unlink()
    assert comfyui.finished(comfyui.submit(prompt))["outputs"] == first
    assert comfyui.http.get("/view", params=file).status_code == 404
    comfyui.http.post("/free", json={"unload_models": True, "free_memory": True})

    def is_made_again() -> bool:
        comfyui.finished(comfyui.submit(prompt))
        return comfyui.http.get("/view", params=file).status_code == 200

    eventually(is_made_again, "the file after the cache is empty", 60)
