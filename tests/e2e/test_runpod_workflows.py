"""RunPod's own client with the bodies of worker-comfyui, against the local system."""

import base64
import io
from typing import Any, Final

import pytest
from PIL import Image

from tests.harness.local_system import System
from tests.harness.openai_calls import drawn_png

pytestmark = [pytest.mark.xdist_group("local_system")]

#: Seconds that a test waits for a job on a busy machine.
DEADLINE_SECONDS: Final = 240
WORKFLOW: Final[dict[str, Any]] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "faces/cat.png"}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "worker"}},
}


@pytest.fixture
def endpoint(system: System, monkeypatch: pytest.MonkeyPatch) -> Any:
    import runpod  # noqa: PLC0415 - takes seconds, and every process reads this file to know its tests

    monkeypatch.setattr(runpod, "endpoint_url_base", f"{system.endpoints['http_url']}/v2")
    monkeypatch.setattr(runpod, "api_key", system.endpoints["api_key"])
    return runpod.Endpoint("comfyui")


def test_a_file_goes_in_by_name_and_its_inversion_comes_out(endpoint: Any) -> None:
    images = [{"name": "faces/cat.png", "image": base64.b64encode(drawn_png("#ff0000")).decode()}]
    output = endpoint.run_sync({"workflow": WORKFLOW, "images": images}, timeout=DEADLINE_SECONDS)
    (made,) = output["images"]
    assert (made["filename"], made["type"]) == ("worker_00001_.png", "base64")
    assert Image.open(io.BytesIO(base64.b64decode(made["data"]))).convert("RGB").getpixel((0, 0)) == (0, 255, 255)


def test_a_workflow_without_files_is_a_success(endpoint: Any) -> None:
    workflow = {
        "1": {"class_type": "PrimitiveString", "inputs": {"value": "a text"}},
        "2": {"class_type": "PreviewAny", "inputs": {"source": ["1", 0]}},
    }
    job = endpoint.run({"workflow": workflow})
    assert job.output(timeout=DEADLINE_SECONDS) == {"status": "success_no_images", "images": []}
    assert job.status() == "COMPLETED"


def test_a_request_without_a_workflow_is_refused_in_the_workers_words(system: System) -> None:
    answer = system.http("POST", "/v2/comfyui/run", json={"input": {"prompt": "A dog"}})
    assert answer.status_code == 400
    assert "Missing 'workflow' parameter" in answer.json()["error"]["message"]
