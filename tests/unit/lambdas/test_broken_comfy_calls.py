"""Comfy API: broken and hostile calls, each with an answer that names what to write."""

from collections.abc import Sequence
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.model_errors import MAX_ERRORS
from contract.record import Record, Status
from contract.transitions import Outcome
from contract.upload import MAX_LINKS
from lambdas.comfy_api.job_request import with_links
from task_store.repository import TaskRepository
from tests.harness.workflows import documented_workflow
from tests.unit.lambdas.comfy_calls import (
    ComfyCalls,
    comfy_calls,
)
from tests.unit.lambdas.harness import Harness


@pytest.fixture
def call(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> ComfyCalls:
    return comfy_calls(harness, monkeypatch)


@pytest.mark.parametrize(
    ("field", "node"), [("task.content.4.class_type", "4"), ("task.content", None), ("task.content.4", "4")]
)
def test_the_node_of_a_failed_job_is_one_of_its_workflow(call: ComfyCalls, field: str, node: str | None) -> None:
    _, job = call.create()
    call.harness.claim(job["id"])
    error = {"code": "unknown_node", "message": "no", "details": [{"field": field, "message": "no"}]}
    call.harness.finish(job["id"], Outcome(Status.FAILED, error=error))
    _, failed, _ = call("GET", f"/jobs/{job['id']}")
    assert failed["error"]["node_id"] == node


def test_a_task_of_another_type_has_no_files_of_a_workflow(call: ComfyCalls) -> None:
    metadata = {"id": "list", "runtime": "sdruntime", "tasktype": "webui-api"}
    content = {"api": {"method": "GET", "endpoint": "/sdapi/v1/samplers"}, "payload": {}}
    call.harness.submit({"task": {"metadata": metadata, "content": content}})
    call.harness.s3.put_object(Bucket="output-bucket", Key="list.out", Body=b'[{"name": "Euler a"}]')
    call.harness.claim("list")
    call.harness.finish("list", Outcome(Status.COMPLETED, output_url="s3://output-bucket/list.out"))
    status, job, _ = call("GET", "/jobs/list", root="/comfy/sdruntime/api/v2")
    assert (status, job.get("outputs")) == (200, [])
    assert call.refusal("GET", "/assets/list.1")[:2] == (404, "not_found")


def test_of_two_calls_with_one_key_at_once_one_makes_the_job(call: ComfyCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"Idempotency-Key": "once"}
    assert call.create(headers=headers)[0] == 201
    read, calls = TaskRepository.read, iter((True, False))

    def read_too_early(repository: TaskRepository, task_key: str, *, is_current: bool = True) -> Record | None:
        return None if next(calls, False) else read(repository, task_key, is_current=is_current)

    monkeypatch.setattr(TaskRepository, "read", read_too_early)
    workflow = documented_workflow()
    workflow["6"]["inputs"]["text"] = "another"
    status, body = call.create(workflow, headers=headers)
    assert (status, body["error"]["code"]) == (422, "idempotency_key_reuse")


@pytest.mark.parametrize(
    "info",
    [
        {"id": "nothing.png"},
        {"id": "nothing.1"},
        {"id": "a" * 3000 + ".1"},
        {"id": "a\n.png"},
        {"id": 5},
        {},
        None,
    ],
)
def test_an_asset_that_is_not_there_is_named_with_its_node(call: ComfyCalls, info: Any) -> None:
    reference = {"__type": "core/ASSET", "info": info}
    status, body = call.create(
        documented_workflow() | {"1": {"class_type": "LoadImage", "inputs": {"image": reference}}}
    )
    assert (status, body["error"]["code"]) == (422, "missing_asset")
    (problem,) = body["error"]["details"]["node_errors"]["1"]["errors"]
    assert problem["extra_info"] == {"input_name": "image"}


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({}, "invalid_workflow", "workflow: is required"),
        ({"workflow": []}, "invalid_workflow", "workflow: is an array; write keys and values"),
        ({"workflow": {"nodes": [], "links": []}}, "workflow_format_ui", "export it with Workflow > Export (API)"),
        ({"workflow": {}, "colour": 1}, "invalid_request", "colour: is not known; there are workflow, extra_data"),
        ({"workflow": {}, "metadata": {"a": 1}}, "metadata_invalid", "metadata.a: is 1; write text, in quotes"),
    ],
)
def test_a_broken_call_is_told_what_to_write(call: ComfyCalls, body: Any, code: str, words: str) -> None:
    status, found, message = call.refusal("POST", "/jobs", body)
    assert (status, found) == (422, code)
    assert words in message


def test_no_body_is_a_mistake_of_ours(call: ComfyCalls) -> None:
    reference: dict[str, Any] = {"__type": "core/ASSET", "info": {"id": "../../messages/flows/a.json"}}
    workflows: list[Any] = [
        {"1": None},
        {"1": {"inputs": []}},
        {"1": {"class_type": 5, "inputs": {}}},
        {"1": {"class_type": "A", "inputs": {"a": ["1", 0]}}},
        {"": {"class_type": "SaveImage", "inputs": {"images": ["nothing", 0]}}},
        {"a.inputs.b": {"class_type": "LoadImage", "inputs": {"image": "\0"}}},
        {"1": {"class_type": "LoadImage", "inputs": {"image": reference}}},
        {"1": {"class_type": "LoadImage", "inputs": {"image": "\ud800"}}},
        "a text",
    ]
    bodies: list[Any] = [b"", b"[]", b"{", b"\xff", b"[" * 1000, *({"workflow": workflow} for workflow in workflows)]
    labels: list[Any] = [[], {"": "a"}, {"a": None}]
    bodies += [{"workflow": documented_workflow(), "metadata": metadata} for metadata in labels]
    for body in bodies:
        status, answer, _ = call("POST", "/jobs", body)
        assert (status in {400, 422}, bool(answer["error"]["message"])) == (True, True), (body, answer)


def test_a_hostile_call_has_a_short_answer(call: ComfyCalls) -> None:
    reference = {"__type": "core/ASSET", "info": None}
    many: list[Any] = [
        {"workflow": {}} | {f"x{number}": 1 for number in range(1000)},
        {"workflow": {"1": {"inputs": {f"x{number}": reference for number in range(1000)}}}},
    ]
    for body in many:
        status, answer, _ = call("POST", "/jobs", body)
        assert (status, answer["error"]["message"].count("; ") < 2 * MAX_ERRORS) == (422, True)


def test_an_asset_is_looked_up_once_and_some_at_most() -> None:
    looked_up: list[str] = []

    def link_to(asset_id: str) -> str:
        looked_up.append(asset_id)
        return f"s3://task-bucket/{asset_id}"

    def graph(ids: Sequence[str]) -> dict[str, Any]:
        assets = {f"x{number}": {"__type": "core/ASSET", "info": {"id": each}} for number, each in enumerate(ids)}
        return {"1": {"class_type": "A", "inputs": assets}}

    assert with_links(graph(["a", "a"]), link_to)["1"]["inputs"]["x1"] == "s3://task-bucket/a"
    assert looked_up == ["a"]
    with pytest.raises(InvalidTask, match="names more than 32 assets"):
        with_links(graph(list(map(str, range(MAX_LINKS + 1)))), link_to)


def test_what_is_not_there_is_not_found(call: ComfyCalls) -> None:
    assert call.refusal("GET", "/jobs/nothing")[:2] == (404, "not_found")
    assert call.refusal("GET", "/jobs", root="/comfy/nothing/api/v2")[:2] == (404, "not_found")
    for asset_id in ("0", "nothing.png", "nothing.1", "nothing." + "9" * 5000, "x" * 2000, "\u0007.png"):
        assert call.refusal("GET", f"/assets/{asset_id}")[:2] == (404, "not_found")
    assert call("HEAD", "/assets/by-hash/blake3:0")[:2] == (404, None)
    assert call.refusal("GET", "/jobs/any/events")[:2] == (501, "not_implemented")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"<html>", "is an HTML page"), (b"anything", "is of an unknown format"), (b"", "is of an unknown format")],
)
def test_only_files_that_workflows_read_are_stored(call: ComfyCalls, content: bytes, words: str) -> None:
    status, body = call.upload(content)
    assert (status, body["error"]["code"], words in body["error"]["message"]) == (422, "invalid_request", True)
