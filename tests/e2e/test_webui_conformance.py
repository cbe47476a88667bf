"""The Web UI's API through the gateway, answered by embedded Web UIs: the requests of the real one's own tests."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import webuiapi
from PIL import Image

from local.demo.pictures import input_picture
from tests.e2e.webui_clients import http_client, webui_client
from tests.harness.local_system import System
from tests.integration.embedded_webui.conformance import CASES, GENERATION, Case, drawn, encoded

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("drawing_system")]

SMALL: dict[str, Any] = {"prompt": "a cat", "seed": 5, "width": 64, "height": 64}
MODEL = "v1-5-pruned-emaonly"
DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "runpod-image-to-image.md"


@pytest.fixture(scope="module")
def api(drawing_system: System) -> webuiapi.WebUIApi:
    return webui_client(drawing_system)


@pytest.fixture(scope="module")
def http(drawing_system: System) -> Iterator[httpx.Client]:
    with http_client(drawing_system) as client:
        # A call waits for its answer for 29 seconds only, and torch may need as long to start on a busy machine.
        drawing_system.eventually(lambda: client.get("/memory").is_success, "a replica that answers", 300)
        yield client


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_conformance(case: Case, http: httpx.Client) -> None:
    case.check(http)


def test_image_to_image_and_extras(api: webuiapi.WebUIApi) -> None:
    made = api.img2img(images=[drawn()], mask_image=drawn().convert("L"), **SMALL)
    assert made.image.size == (64, 64)
    assert api.extra_single_image(made.image, upscaler_1=webuiapi.Upscaler.Lanczos).image.size == (128, 128)
    batch = api.extra_batch_images([drawn(), drawn()], upscaler_1="Lanczos", upscaling_resize=1.5)
    assert [image.size for image in batch.images] == [(96, 96), (96, 96)]
    assert api.interrogate(drawn()).info == "a picture in navy and gold"


@pytest.mark.parametrize(
    ("route", "body", "status", "answer"),
    [
        ("txt2img", {"enable_hr": True}, 500, {"error": "TypeError", "detail": ""}),
        ("img2img", {"init_images": ["zzzz"]}, 422, {}),
        ("extra-single-image", {"image": encoded(drawn()), "upscaler_1": "Lanczos", "resize_mode": 9}, 422, {}),
        ("txt2img", {"sampler_name": "NoSuch"}, 422, {}),
        ("interrogate", {"image": encoded(drawn()), "model": "none"}, 404, {"detail": "Model not found"}),
        ("options", {"no_such_option": 1}, 500, {"error": "KeyError", "errors": "'no_such_option'"}),
        ("options", {"sd_model_checkpoint": "nope.safetensors"}, 500, {"error": "RuntimeError"}),
        ("options", {"CLIP_stop_at_last_layers": "abc"}, 422, {}),
        ("unload-checkpoint", {}, 404, {"detail": "Not Found"}),
        ("samplers", {}, 405, {"detail": "Method Not Allowed"}),
    ],
)
def test_refusals_are_the_web_uis_own(
    http: httpx.Client, route: str, body: dict[str, Any], status: int, answer: dict[str, Any]
) -> None:
    response = http.post(f"/{route}", json=GENERATION | body if "2img" in route else body)
    assert response.status_code == status, response.text
    assert answer.items() <= response.json().items()


def documented(section: str) -> dict[str, Any]:
    block: dict[str, Any] = json.loads(
        DOCUMENT.read_text().partition(f"# {section}\n")[2].partition("```json")[2].partition("```")[0]
    )
    return block


def picture(output: Any) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(output["images"][0])))


def test_the_documented_request(drawing_system: System) -> None:
    base_url = f"{drawing_system.endpoints['http_url']}/v2"
    request, expected = documented("Request"), documented("RUNSYNC")
    payload = request["input"]["payload"]
    # The local system has neither the page's models nor its refiner, and its size costs minutes of CPU.
    del payload["refiner_checkpoint"], payload["refiner_switch_at"]
    payload |= {"init_images": [base64.b64encode(input_picture()).decode()]}
    payload |= {"override_settings": {"sd_model_checkpoint": MODEL}, "width": 128, "height": 128, "steps": 8}
    headers = {"Authorization": f"Bearer {drawing_system.endpoints['api_key']}"}
    response = requests.post(f"{base_url}/sdruntime/runsync", json=request, headers=headers, timeout=120)
    job_id = response.json()["id"]

    def ended() -> Any:
        job = requests.get(f"{base_url}/sdruntime/status/{job_id}", headers=headers, timeout=30).json()
        return job["status"] not in {"IN_QUEUE", "IN_PROGRESS"} and job

    # On a busy machine it takes longer than the call may wait.
    answer = (
        response.json()
        if response.json()["status"] == "COMPLETED"
        else drawing_system.eventually(ended, "the job's end")
    )
    assert answer["status"] == "COMPLETED", answer
    assert answer["id"].startswith("sync-")
    assert answer.keys() == expected.keys() | {"workerId"}
    assert answer["output"].keys() == expected["output"].keys()
    assert answer["output"]["parameters"].keys() >= expected["output"]["parameters"].keys()
    assert json.loads(answer["output"]["info"]).keys() >= json.loads(expected["output"]["info"]).keys()
    assert picture(answer["output"]).size == (128, 128)

    run = requests.post(f"{base_url}/sdruntime/run", json=request, headers=headers, timeout=30).json()
    assert run.keys() == documented("RUN").keys()
    assert run["status"] == "IN_QUEUE"
    requests.post(f"{base_url}/sdruntime/cancel/{run['id']}", headers=headers, timeout=30).raise_for_status()
