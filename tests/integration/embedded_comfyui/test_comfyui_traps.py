"""Prompts and signals that harm ComfyUI, and faults on demand."""

import signal

import pytest

from tests.harness.eventually import eventually
from tests.integration.embedded_comfyui.conftest import DEADLINE_SECONDS, Start
from tests.integration.embedded_comfyui.recordings import WORKFLOW

SAVED = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 1}},
    "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "e", "images": ["1", 0]}},
}

pytestmark = pytest.mark.xdist_group("embedded_comfyui")


def test_a_node_without_inputs_ends_the_worker_and_nothing_else(start_comfyui: Start) -> None:
    comfyui = start_comfyui("--stub-seconds", "0")
    comfyui.submit({**SAVED, "99": {"class_type": "ImageInvert"}})
    errors = comfyui.base / "errors"
    eventually(lambda: "KeyError: 'inputs'" in errors.read_text(), "the end of the worker", DEADLINE_SECONDS)
    assert "Exception in thread Thread-1 (prompt_worker):" in errors.read_text()
    waiting = comfyui.submit(SAVED)
    queue = comfyui.http.get("/queue").json()
    assert [len(queue[name]) for name in ("queue_running", "queue_pending")] == [1, 1]
    assert comfyui.http.get("/system_stats").status_code == 200
    assert comfyui.http.get(f"/history/{waiting}").json() == {}


def test_a_client_id_of_a_wrong_type_ends_the_server(start_comfyui: Start) -> None:
    comfyui = start_comfyui("--stub-seconds", "0")
    comfyui.submit(SAVED, client_id=["x"])
    assert comfyui.process.wait(DEADLINE_SECONDS) == 1


def test_faults_happen_on_demand_and_a_signal_ends_the_server_at_once(start_comfyui: Start) -> None:
    comfyui = start_comfyui(
        "--stub-seconds", "1", "--stub-file-bytes", str(2**31), "--fault", "slow-history", "--fault", "late-files"
    )
    video = {
        "1": SAVED["1"],
        "3": {"class_type": "CreateVideo", "inputs": {"images": ["1", 0], "fps": 8.0}},
        "2": {
            "class_type": "SaveVideo",
            "inputs": {"video": ["3", 0], "filename_prefix": "v", "format": "auto", "codec": "auto"},
        },
    }
    with comfyui.websocket("A") as socket:
        prompt_id = comfyui.submit(video, client_id="A")
        while b"execution_success" not in (content := socket.recv(DEADLINE_SECONDS, decode=False)):
            assert content
        assert comfyui.http.get(f"/history/{prompt_id}").json() == {}
    (file,) = comfyui.finished(prompt_id)["outputs"]["2"]["images"]
    assert comfyui.http.get("/view", params=file).status_code == 404
    answer = comfyui.http.get("/view", params=file, headers={"Range": "bytes=0-15"})
    assert (answer.status_code, answer.headers["content-range"]) == (206, f"bytes 0-15/{2**31}")
    comfyui.running(comfyui.submit(WORKFLOW))
    comfyui.process.send_signal(signal.SIGTERM)
    assert comfyui.process.wait(DEADLINE_SECONDS) == -signal.SIGTERM
