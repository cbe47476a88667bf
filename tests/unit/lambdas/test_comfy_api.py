"""Comfy API: jobs and assets, with the bodies that its clients expect."""

import base64
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import pytest

from contract.errors import InvalidTask
from contract.record import Record, Status
from contract.routing import Catalogue, Runtime
from contract.submission import MAX_ERRORS
from contract.transitions import Outcome
from contract.upload import MAX_LINKS
from lambdas.comfy_api import handler as comfy_api
from lambdas.comfy_api import jobs
from lambdas.comfy_api.job_request import with_links
from lambdas.http.application import HttpApplication
from lambdas.tasks import composition
from task_store.repository import TaskRepository
from tests.harness.workflows import documented_workflow
from tests.unit.lambdas.harness import Harness, waiting_variables

CATALOGUE: Final = Catalogue(
    [Runtime(name="sdruntime", model_filename="a.safetensors"), Runtime(name="flows", type="comfyui")]
)
ROOT: Final = "/comfy/flows/api/v2"
PNG: Final = b"\x89PNG\r\n\x1a\n picture"
OUTCOME: Final = {
    "prompt_id": "p",
    "outputs": {
        "9": {
            "class_type": "SaveImage",
            "images": [
                {"filename": "a_00001_.png", "type": "output", "n": 1, "s3_url": "s3://output-bucket/comfy/a-1.png"}
            ],
            "animated": [False],
        },
        "12": {"text": ["a text"]},
    },
}
DONE: Final = Outcome(
    Status.COMPLETED, image_urls=("s3://output-bucket/comfy/a-1.png",), output_url="s3://output-bucket/a.out"
)
NODES: Final[dict[str, int | str]] = {"node": "3", "class_type": "KSampler", "nodes_done": 3, "nodes_total": 7}
BOUNDARY: Final = "boundary"
FORM: Final = f"multipart/form-data; boundary={BOUNDARY}"


def form(content: bytes, **texts: str) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in texts.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'.encode()
    return b"".join([*parts, head, content, f"\r\n--{BOUNDARY}--\r\n".encode()])


class ComfyCalls:
    """Calls of the API, each as API Gateway would send it."""

    def __init__(self, application: HttpApplication, harness: Harness, *, key: str = "shop") -> None:
        self._application = application
        self.harness = harness
        self._calls = 0
        self._key = key

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        query: dict[str, str] | None = None,
        root: str = ROOT,
    ) -> tuple[int, Any, dict[str, list[str]]]:
        self._calls += 1
        event = {
            "httpMethod": method,
            "path": root + path,
            "headers": dict(headers),
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {name: [value] for name, value in (query or {}).items()} or None,
            "requestContext": {
                "requestId": f"request-{self._calls}",
                "path": f"/api{root}{path}",
                "authorizer": {"principalId": self._key},
            },
            "body": base64.b64encode(body).decode() if isinstance(body, bytes) else json.dumps(body),
            "isBase64Encoded": isinstance(body, bytes),
        }
        answer = self._application.resolve(event, None)
        text = answer["body"]
        return answer["statusCode"], json.loads(text) if text else None, answer["multiValueHeaders"]

    def create(self, workflow: Any = None, **more: Any) -> tuple[int, Any]:
        headers = more.pop("headers", {})
        status, body, _ = self(
            "POST", "/jobs", {"workflow": workflow or documented_workflow(), **more}, headers=headers
        )
        return status, body

    def upload(self, content: bytes = PNG, **texts: str) -> tuple[int, Any]:
        status, body, _ = self("POST", "/assets", form(content, **texts), headers={"Content-Type": FORM})
        return status, body

    def refusal(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, str]:
        status, answer, _ = self(method, path, body, **options)
        return status, answer["error"]["code"], answer["error"]["message"]


@pytest.fixture
def call(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> ComfyCalls:
    harness.catalogue = CATALOGUE
    for name, value in (waiting_variables(harness) | {"OUTPUT_BUCKET": "output-bucket"}).items():
        monkeypatch.setenv(name, value)
    for module in (comfy_api, composition):
        monkeypatch.setattr(module, "now_ms", lambda: harness.now_ms)
    harness.s3.put_object(Bucket="output-bucket", Key="a.out", Body=json.dumps(OUTCOME))
    harness.s3.put_object(Bucket="output-bucket", Key="comfy/a-1.png", Body=PNG, ContentType="image/png")
    comfy_api.application.cache_clear()
    return ComfyCalls(comfy_api.application(), harness)


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


def test_what_is_not_there_is_not_found(call: ComfyCalls) -> None:
    assert call.refusal("GET", "/jobs/nothing")[:2] == (404, "not_found")
    assert call.refusal("GET", "/jobs", root="/comfy/nothing/api/v2")[:2] == (404, "not_found")
    for asset_id in ("0", "nothing.png", "nothing.1", "nothing." + "9" * 5000, "x" * 2000, "\u0007.png"):
        assert call.refusal("GET", f"/assets/{asset_id}")[:2] == (404, "not_found")
    assert call("HEAD", "/assets/by-hash/blake3:0")[:2] == (404, None)
    assert call.refusal("GET", "/jobs/any/events")[:2] == (501, "not_implemented")


def test_sounds_and_videos_are_assets_too(call: ComfyCalls) -> None:
    for content, type_ in ((b"fLaC a sound", "audio/flac"), (b"\0\0\0\x18ftypmp42", "video/mp4")):
        status, asset = call.upload(content)
        assert (status, asset["content_type"]) == (201, type_)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"<html>", "is an HTML page"), (b"anything", "is of an unknown format"), (b"", "is of an unknown format")],
)
def test_only_files_that_workflows_read_are_stored(call: ComfyCalls, content: bytes, words: str) -> None:
    status, body = call.upload(content)
    assert (status, body["error"]["code"], words in body["error"]["message"]) == (422, "invalid_request", True)


def test_the_limit_of_active_tasks_is_a_full_queue(call: ComfyCalls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVE_TASKS_PER_KEY", "1")
    comfy_api.application.cache_clear()
    limited = ComfyCalls(comfy_api.application(), call.harness)
    assert limited.create()[0] == 201
    status, body, headers = limited("POST", "/jobs", {"workflow": documented_workflow()})
    assert (status, body["error"]["code"], headers["Retry-After"]) == (429, "queue_full", ["2"])
