"""The documented workflow, by both ways in, from submission to picture and callback."""

import io
import json

import pytest
from PIL import Image

from lambdas.batch_api.batch_request import with_id
from local.demo.documented_requests import documented_workflow
from tests.harness.local_system import System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]


def check_outcome(system: System, task_id: str) -> None:
    callback = system.callback(id=task_id)
    assert callback["result"], callback
    run = callback["output_url"].removesuffix(".out")[-16:]
    folder = f"s3://{system.endpoints['output_bucket']}/output/{task_id}/{task_id}-{run}"
    assert callback == {
        "id": task_id,
        "runtime": "sdruntime",
        "status": "completed",
        "result": True,
        "image_url": [f"{folder}-1.png"],
        "output_url": f"{folder}.out",
        "context": "",
    }
    with Image.open(io.BytesIO(system.object(callback["image_url"][0]))) as image:
        assert (image.format, image.size) == ("PNG", (512, 512))
        sent = json.loads(image.info["prompt"])
    assert sent["6"] == documented_workflow()["task"]["content"]["6"]
    assert system.shown(task_id)["runtime"] == "comfyui"


def test_the_documented_workflow_by_topic(system: System) -> None:
    request = documented_workflow()
    system.publish(request)
    check_outcome(system, request["task"]["metadata"]["id"])


def test_the_documented_workflow_by_http(system: System) -> None:
    task_id = "workflow-http"
    response = system.http("POST", "/v1alpha2", json=with_id(documented_workflow(), task_id))
    location = f"s3://{system.endpoints['output_bucket']}/output/{task_id}"
    assert response.json() == {"id_task": task_id, "runtime": "sdruntime", "output_location": location}
    check_outcome(system, task_id)


def test_a_workflow_that_its_comfyui_refuses_fails_with_the_reason(system: System) -> None:
    request = with_id(documented_workflow(), "workflow-refused")
    request["task"]["content"]["3"]["inputs"]["sampler_name"] = "no-sampler"
    assert system.http("POST", "/v1alpha2", json=request).status_code == 200
    callback = system.callback(id="workflow-refused")
    assert callback["status"] == "failed"
    assert callback["error"]["code"] == "workflow_refused"
    assert "sampler_name" in json.dumps(callback["error"])
