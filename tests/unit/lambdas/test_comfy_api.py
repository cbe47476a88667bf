"""Comfy API: jobs and assets, with the bodies that its clients expect."""

import json

import pytest

from contract.record import Status
from contract.transitions import Outcome
from lambdas.comfy_api import handler as comfy_api
from lambdas.comfy_api import jobs
from tests.harness.workflows import documented_workflow
from tests.unit.lambdas.comfy_calls import (
    DONE,
    NODES,
    PNG,
    ROOT,
    ComfyCalls,
    comfy_calls,
)
from tests.unit.lambdas.harness import Harness


@pytest.fixture
def call(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> ComfyCalls:
    return comfy_calls(harness, monkeypatch)


def test_a_job_from_its_submission_to_its_output(call: ComfyCalls) -> None:
    status, job = call.create(metadata={"client": "acme"})
    assert (status, job["status"], job["queue_position"], job["progress"]) == (201, "queued", 1, None)
    assert job["urls"]["self"] == f"/api{ROOT}/jobs/{job['id']}"
    assert job["urls"]["cancel"] == f"/api{ROOT}/jobs/{job['id']}/cancel"
    record = call.harness.record(job["id"])
    assert (record.tasktype, record.runtime, record.key_name, record.prefix) == ("pipeline", "flows", "shop", "comfy")
    call.harness.claim(job["id"])
    call.harness.report(job["id"], 250, {**NODES, "sampling_step": 2, "sampling_steps": 8})
    _, running, _ = call("GET", f"/jobs/{job['id']}")
    assert running["status"] == "running"
    assert running["progress"] == {
        "value": 0.25,
        "nodes_done": 3,
        "nodes_total": 7,
        "current_node": "3",
        "current_node_class": "KSampler",
        "step": 2,
        "steps": 8,
    }
    call.harness.finish(job["id"], DONE)
    _, done, _ = call("GET", f"/jobs/{job['id']}")
    assert (done["status"], done["error"], done["metadata"]) == ("succeeded", None, {"client": "acme"})
    (output,) = done["outputs"]
    link = output.pop("url")
    assert "comfy/a-1.png" in link
    assert output.pop("url_expires_at") > done["created_at"]
    assert output == {
        "node_id": "9",
        "name": "a_00001_.png",
        "type": "image",
        "content_type": "image/png",
        "size_bytes": len(PNG),
        "id": f"{job['id']}.1",
        "hash": None,
        "job_id": job["id"],
    }
    status, _, headers = call("GET", f"/assets/{output['id']}/content")
    assert (status, "comfy/a-1.png" in headers["Location"][0]) == (302, True)


def test_a_failed_job_names_its_node(call: ComfyCalls) -> None:
    _, job = call.create()
    call.harness.claim(job["id"])
    error = {"code": "workflow_failed", "message": "no", "node_id": "3", "class_type": "KSampler"}
    call.harness.finish(job["id"], Outcome(Status.FAILED, error=error))
    _, failed, _ = call("GET", f"/jobs/{job['id']}")
    assert (failed["status"], failed["outputs"]) == ("failed", [])
    assert failed["error"] == error | {"traceback": None}


def test_a_refused_workflow_names_its_first_broken_node(call: ComfyCalls) -> None:
    _, job = call.create()
    call.harness.claim(job["id"])
    details = [{"field": "task.content.4.inputs.ckpt_name", "message": "is not in the list"}]
    error = {"code": "workflow_refused", "message": "no", "details": details}
    call.harness.finish(job["id"], Outcome(Status.FAILED, error=error))
    _, failed, _ = call("GET", f"/jobs/{job['id']}")
    assert (failed["error"]["node_id"], failed["error"]["message"]) == (
        "4",
        "workflow.4.inputs.ckpt_name: is not in the list",
    )


def test_a_job_is_cancelled_once_and_an_ended_one_stays(call: ComfyCalls) -> None:
    _, job = call.create()
    for _ in range(2):
        status, cancelled, _ = call("POST", f"/jobs/{job['id']}/cancel")
        assert (status, cancelled["status"], cancelled["error"]) == (200, "canceled", None)
    _, ended = call.create()
    call.harness.claim(ended["id"])
    call.harness.finish(ended["id"], DONE)
    status, unchanged, _ = call("POST", f"/jobs/{ended['id']}/cancel")
    assert (status, unchanged["status"]) == (200, "succeeded")


def test_an_administrator_reads_the_jobs_and_outputs_of_others(
    call: ComfyCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENANCY", json.dumps({"names": ["shop", "boss", "guest"], "administrators": ["boss"]}))
    comfy_api.application.cache_clear()
    by_key = {key: ComfyCalls(comfy_api.application(), call.harness, key=key) for key in ("shop", "boss", "guest")}
    _, job = by_key["shop"].create()
    call.harness.claim(f"shop:{job['id']}")
    call.harness.finish(f"shop:{job['id']}", DONE)
    assert by_key["guest"].refusal("GET", f"/jobs/{job['id']}")[:2] == (404, "not_found")
    _, seen, _ = by_key["boss"]("GET", f"/jobs/shop:{job['id']}")
    assert seen["id"] == f"shop:{job['id']}"
    assert by_key["boss"]("GET", f"/assets/{seen['outputs'][0]['id']}/content")[0] == 302
    assert by_key["guest"].refusal("GET", f"/assets/{job['id']}.1/content")[:2] == (404, "not_found")


def test_the_workflow_of_a_job(call: ComfyCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    _, job = call.create()
    assert call("GET", f"/jobs/{job['id']}/workflow")[1] == {"workflow": documented_workflow(), "format": "api"}
    monkeypatch.setattr(jobs, "MAX_RESPONSE_BYTES", 100)
    assert call.refusal("GET", f"/jobs/{job['id']}/workflow")[:2] == (413, "too_large")


def test_a_key_makes_one_job(call: ComfyCalls) -> None:
    headers = {"Idempotency-Key": "once"}
    assert call.create(headers=headers)[0] == 201
    status, body = call.create(headers=headers)
    assert (status, body["error"]["code"]) == (422, "idempotency_key_reuse")
    assert call.create(headers={"Idempotency-Key": "twice"})[0] == 201


def test_jobs_are_listed_by_pages_and_by_their_labels(call: ComfyCalls) -> None:
    ids = []
    for number in range(3):
        call.harness.now_ms += 1000
        ids.append(call.create(metadata={"number": str(number)})[1]["id"])
    _, page, _ = call("GET", "/jobs", query={"limit": "2"})
    assert [job["id"] for job in page["jobs"]] == [ids[2], ids[1]]
    _, rest, _ = call("GET", "/jobs", query={"limit": "2", "cursor": page["next_cursor"]})
    assert [(job["id"], job["status"], job["metadata"]) for job in rest["jobs"]] == [
        (ids[0], "queued", {"number": "0"})
    ]
    assert "next_cursor" not in rest
    # The only match is on the second page.
    _, found, _ = call("GET", "/jobs", query={"limit": "2", "metadata[number]": "0"})
    assert [job["id"] for job in found["jobs"]] == [ids[0]]
    assert call.refusal("GET", "/jobs", query={"sort": "up"})[:2] == (422, "invalid_request")
    _, _, message = call.refusal("GET", "/jobs", query={"cursor": "nothing", "limit": "x"})
    assert "cursor: is not what an earlier answer gave as next_cursor" in message
    assert "limit: is 'x'" in message


def test_an_upload_becomes_the_link_in_the_graph(call: ComfyCalls) -> None:
    status, asset = call.upload(file_path="Katze süß.png", content_type="text/plain", expected_hash="blake3:0")
    assert (status, asset["created_new"], asset["hash"], asset["size_bytes"]) == (201, True, None, len(PNG))
    assert (asset["content_type"], asset["file_path"]) == ("image/png", "Katze süß.png")
    _, shown, _ = call("GET", f"/assets/{asset['id']}")
    assert {name: shown[name] for name in shown if not name.startswith("url")} == {
        name: asset[name] for name in shown if not name.startswith("url")
    }
    reference = {"__type": "core/ASSET", "info": {"id": asset["id"], "hash": None, "file_path": "Katze süß.png"}}
    _, job = call.create({**documented_workflow(), "1": {"class_type": "LoadImage", "inputs": {"image": reference}}})
    _, body, _ = call("GET", f"/jobs/{job['id']}/workflow")
    assert body["workflow"]["1"]["inputs"]["image"] == f"s3://task-bucket/uploads/{asset['id']}"
    assert call("DELETE", f"/assets/{asset['id']}")[0] == 204
    assert call.refusal("GET", f"/assets/{asset['id']}/content")[:2] == (404, "not_found")


def test_a_long_name_is_shortened(call: ComfyCalls) -> None:
    status, asset = call.upload(file_path="ß" * 1000 + ".png")
    assert (status, asset["file_path"]) == (201, "ß" * 150)


def test_the_output_of_a_job_is_the_input_of_another(call: ComfyCalls) -> None:
    _, job = call.create()
    call.harness.claim(job["id"])
    call.harness.finish(job["id"], DONE)
    reference = {"__type": "core/ASSET", "info": {"id": f"{job['id']}.1"}}
    graph = {**documented_workflow(), "1": {"class_type": "LoadImage", "inputs": {"image": reference}}}
    _, second = call.create(graph)
    _, body, _ = call("GET", f"/jobs/{second['id']}/workflow")
    assert body["workflow"]["1"]["inputs"]["image"] == "s3://output-bucket/comfy/a-1.png"
    assert call.refusal("DELETE", f"/assets/{job['id']}.1")[:2] == (409, "asset_in_use")
    _, asset, _ = call("GET", f"/assets/{job['id']}.1")
    assert (asset["job_id"], asset["file_path"]) == (job["id"], "a-1.png")
    call.harness.s3.delete_object(Bucket="output-bucket", Key="a.out")
    status, body = call.create(graph)
    assert (status, body["error"]["code"]) == (422, "missing_asset")


def test_a_key_for_api_nodes_is_refused_where_there_are_none(call: ComfyCalls) -> None:
    status, body = call.create(extra_data={"api_key_comfy_org": "hush"})
    assert (status, body["error"]["code"]) == (422, "invalid_request")
    assert body["error"]["message"].startswith("extra_data.api_key_comfy_org: ")
    assert "hush" not in str(body)


def test_a_runtime_of_the_web_ui_takes_no_workflow(call: ComfyCalls) -> None:
    root = ROOT.replace("flows", "sdruntime")
    status, code, message = call.refusal("POST", "/jobs", {"workflow": documented_workflow()}, root=root)
    assert (status, code) == (422, "invalid_workflow")
    assert "send workflows to a runtime of type comfyui: flows" in message


def test_sounds_and_videos_are_assets_too(call: ComfyCalls) -> None:
    for content, type_ in ((b"fLaC a sound", "audio/flac"), (b"\0\0\0\x18ftypmp42", "video/mp4")):
        status, asset = call.upload(content)
        assert (status, asset["content_type"]) == (201, type_)


def test_the_limit_of_active_tasks_is_a_full_queue(call: ComfyCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVE_TASKS_PER_KEY", "1")
    comfy_api.application.cache_clear()
    limited = ComfyCalls(comfy_api.application(), call.harness)
    assert limited.create()[0] == 201
    status, body, headers = limited("POST", "/jobs", {"workflow": documented_workflow()})
    assert (status, body["error"]["code"], headers["Retry-After"]) == (429, "queue_full", ["2"])
