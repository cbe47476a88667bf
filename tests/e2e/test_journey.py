"""The documented requests, by both ways in, from submission to picture and callback."""

import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from lambdas.batch_api.batch_request import with_id
from local.demo.documented_requests import documented_request, with_input_picture
from tests.harness.local_system import System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]

CHECKPOINT = "v1-5-pruned-emaonly.safetensors"


def documented(document: str, format_: str, task_id: str, link: str) -> dict[str, Any]:
    body = with_id(documented_request(document, format_), task_id)
    return with_input_picture(body, link) if document == "image-to-image" else body


def prefix_of(format_: str, document: str) -> str:
    return "outputs" if (format_, document) == ("v1alpha1", "text-to-image") else "output"


def check_outcome(system: System, task_id: str, prefix: str, context: object) -> None:
    callback = system.callback(id=task_id)
    bucket = system.endpoints["output_bucket"]
    run = callback["output_url"].removesuffix(".out")[-16:]
    folder = f"s3://{bucket}/{prefix}/{task_id}/{task_id}-{run}"
    assert callback == {
        "id": task_id,
        "runtime": "sdruntime",
        "status": "completed",
        "result": True,
        "image_url": [f"{folder}-1.png"],
        "output_url": f"{folder}.out",
        "context": context,
    }
    image = Image.open(io.BytesIO(system.object(callback["image_url"][0])))
    assert (image.format, image.size) == ("PNG", (512, 512))
    assert "Steps: " in image.info["parameters"]
    response = json.loads(system.object(callback["output_url"]))
    assert json.loads(response["info"])["width"] == 512
    assert "images" not in response or not any(response["images"])


@pytest.mark.parametrize("document", ["text-to-image", "image-to-image"])
@pytest.mark.parametrize("format_", ["v1alpha2", "v1alpha1"])
def test_a_documented_request_by_http(system: System, document: str, format_: str) -> None:
    task_id = f"{document}-{format_}-http"
    response = system.http("POST", f"/{format_}", json=documented(document, format_, task_id, system.http_link))
    assert response.status_code == 200, response.text
    prefix = prefix_of(format_, document)
    location = f"s3://{system.endpoints['output_bucket']}/{prefix}/{task_id}"
    named = {"runtime": "sdruntime"} if format_ == "v1alpha2" else {"sd_model_checkpoint": CHECKPOINT}
    assert response.json() == {"id_task": task_id, **named, "output_location": location}
    check_outcome(system, task_id, prefix, "" if format_ == "v1alpha2" else None)


@pytest.mark.parametrize("document", ["text-to-image", "image-to-image"])
@pytest.mark.parametrize("format_", ["v1alpha2", "v1alpha1"])
def test_a_documented_request_by_the_entry_topic(system: System, document: str, format_: str) -> None:
    task_id = f"{document}-{format_}-topic"
    system.publish(documented(document, format_, task_id, system.s3_link))
    check_outcome(system, task_id, prefix_of(format_, document), "" if format_ == "v1alpha2" else None)


def small(task_id: str, tasktype: Any = "text-to-image", runtime: Any = "sdruntime", **content: Any) -> dict[str, Any]:
    body = {"prompt": "A dog", "steps": 2, "width": 64, "height": 64, "seed": 1} | content
    return {"task": {"metadata": {"id": task_id, "runtime": runtime, "tasktype": tasktype}, "content": body}}


def finished(system: System, body: dict[str, Any]) -> dict[str, Any]:
    response = system.http("POST", "/v1alpha2", json=body)
    assert response.status_code == 200, response.text
    callback: dict[str, Any] = system.callback(id=body["task"]["metadata"]["id"])
    return callback


def test_a_dynamic_runtime_switches_its_model(system: System) -> None:
    s3 = system.client("s3")
    listed = s3.list_objects_v2(Bucket=system.endpoints["model_bucket"], Prefix="Stable-diffusion/")["Contents"]
    names = [item["Key"].removeprefix("Stable-diffusion/") for item in listed]
    assert len(names) >= 2
    pictures = set()
    for number, name in enumerate((*names, names[0])):
        content = {"alwayson_scripts": {"sd_model_checkpoint": name}}
        callback = finished(system, small(f"dynamic-{number}", runtime="dynamic", **content))
        assert callback["status"] == "completed", callback
        response = json.loads(system.object(callback["output_url"]))
        assert json.loads(response["info"])["sd_model_name"] == name.removesuffix(".safetensors")
        image = Image.open(io.BytesIO(system.object(callback["image_url"][0])))
        pictures.add(image.tobytes())
    assert len(pictures) == len(names), "each model makes its own picture, and the same model the same again"


def test_an_unknown_model_is_an_error_in_the_answer(system: System) -> None:
    content = {"alwayson_scripts": {"sd_model_checkpoint": "nowhere.safetensors"}}
    response = system.http("POST", "/v1alpha2", json=small("no-model", runtime="dynamic", **content))
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "unknown_model"
    assert system.task("no-model") is None


def test_several_pictures_are_numbered(system: System) -> None:
    callback = finished(system, small("batch", batch_size=2, n_iter=2))
    assert [uri.rpartition("-")[2] for uri in callback["image_url"]] == ["1.png", "2.png", "3.png", "4.png"]


def test_the_other_task_types(system: System) -> None:
    upscaled = finished(system, small("upscale", "extra-single-image", image=system.http_link, upscaler_1="Lanczos"))
    assert upscaled["status"] == "completed", upscaled
    assert Image.open(io.BytesIO(system.object(upscaled["image_url"][0]))).size == (1024, 1024)

    made = finished(system, small("with-parameters"))
    info = finished(system, small("info", "png-info", image=made["image_url"][0]))
    assert "Steps: 2" in json.loads(system.object(info["output_url"]))["info"]
    assert info["image_url"] == []

    call = {"api": {"method": "GET", "endpoint": "/sdapi/v1/samplers"}}
    body = small("samplers", "webui-api")
    body["task"]["content"] = call
    listed = finished(system, body)
    assert listed["status"] == "completed", listed
    assert "Euler a" in system.object(listed["output_url"]).decode()


def test_a_task_is_read_with_links_that_work_without_a_key(system: System) -> None:
    finished(system, small("read-me"))
    task = system.shown("read-me")
    assert task["status"] == "COMPLETED"
    assert task["progress"] == 1
    by_name = {output["s3_url"].rpartition(".")[2]: output["url"] for output in task["outputs"]}
    assert httpx.get(by_name["png"], timeout=60).content.startswith(b"\x89PNG")


def test_the_same_id_again_makes_a_new_run_beside_the_old_pictures(system: System) -> None:
    first = finished(system, small("again"))
    assert system.http("POST", "/v1alpha2", json=small("again", seed=2)).status_code == 200

    def second() -> Any:
        return [item for item in system.callbacks() if item["id"] == "again" and item != first]

    system.eventually(second, "the second callback")
    assert second()[0]["image_url"] != first["image_url"]
    assert system.object(first["image_url"][0]) != system.object(second()[0]["image_url"][0])
