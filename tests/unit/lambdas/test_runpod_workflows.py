"""RunPod's calls with the bodies of worker-comfyui: workflows, their input files, and what became of them."""

import base64
import json
from typing import Any, Final
from uuid import UUID

import pytest

from contract.errors import InvalidTask, MessageTooLarge
from contract.picture_list import PictureCopy
from contract.record import Status
from contract.routing import Catalogue, Runtime
from contract.storage import MAX_INLINE_MESSAGE_BYTES
from contract.tenancy import SHARED
from contract.transitions import Outcome
from lambdas.deliver_webhook import webhook_bodies
from lambdas.deliver_webhook.webhook_bodies import WebhookBodies
from lambdas.http.application import Caller
from lambdas.runpod_api.jobs import RunpodJobs
from lambdas.tasks.job_output import job_output
from lambdas.tasks.output_bucket import OutputBucket
from tests.harness.workflows import documented_workflow
from tests.unit.lambdas.harness import Harness

CATALOGUE: Final = Catalogue(
    [
        Runtime(name="sdruntime", model_filename="a.safetensors"),
        Runtime(name="flows", type="comfyui"),
        Runtime(name="paid", type="comfyui", api_nodes=True),
        Runtime(name="tiled", type="comfyui", allowed_nodes=("*", "UpscaleTiles")),
    ]
)
OTHER: Final = "https://example.com/b.png"
LOADER: Final = {"class_type": "LoadImage", "inputs": {"image": "faces/a.png"}}


def file(name: str, number: int, kind: str = "output") -> dict[str, Any]:
    return {"filename": name, "subfolder": "a-1", "type": kind, "n": number, "s3_url": f"s3://output-bucket/{number}"}


class RunpodWorkflows:
    """Calls of one runtime, each as a new request."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        harness.catalogue = CATALOGUE
        harness.submission = harness.submission_of(CATALOGUE)
        self.outputs = OutputBucket(client=harness.s3)
        self._calls = 0
        self.jobs = RunpodJobs(
            tasks=harness.tasks(),
            now_ms=lambda: harness.now_ms,
            new_uuid=lambda: UUID(int=self._calls),
        )

    def run(self, content: Any, runtime: str = "flows") -> str:
        self._calls += 1
        caller = Caller(f"request-{self._calls}", "shop", SHARED)
        return str(self.jobs.run(runtime, json.dumps({"input": content}), caller=caller)["id"])

    def refused(self, content: Any, runtime: str = "flows") -> dict[str, str]:
        with pytest.raises(InvalidTask) as refused:
            self.run(content, runtime)
        return {detail.field: detail.message for detail in refused.value.details}

    def graph(self, job_id: str) -> dict[str, Any]:
        message = json.loads(self.harness.record(job_id).message or "")
        graph: dict[str, Any] = message["task"]["content"]
        return graph

    def published(self) -> str:
        return self.harness.task_topic.sent[-1][0]

    def finish(self, outcome: Outcome) -> dict[str, Any]:
        job_id = self.run({"workflow": documented_workflow()})
        self.harness.claim(job_id)
        self.harness.finish(job_id, outcome)
        return self.jobs.status("flows", job_id, tenant=SHARED)

    def complete(self, outputs: dict[str, Any]) -> Any:
        stored = json.dumps({"prompt_id": "p", "outputs": outputs})
        self.harness.s3.put_object(Bucket="output-bucket", Key="a.out", Body=stored)
        for lists in outputs.values():
            for item in lists.get("images", []) + lists.get("audio", []):
                self.harness.s3.put_object(Bucket="output-bucket", Key=str(item["n"]), Body=b"content")
        return self.finish(Outcome(Status.COMPLETED, output_url="s3://output-bucket/a.out"))["output"]


@pytest.fixture
def runpod(harness: Harness) -> RunpodWorkflows:
    return RunpodWorkflows(harness)


def test_a_workflow_becomes_a_pipeline(runpod: RunpodWorkflows) -> None:
    for content in ({"workflow": documented_workflow()}, json.dumps({"workflow": documented_workflow()})):
        job_id = runpod.run(content)
        record = runpod.harness.record(job_id)
        assert (record.format, record.tasktype, record.runtime) == ("runpod", "pipeline", "flows")
        assert runpod.graph(job_id) == documented_workflow()


@pytest.mark.parametrize(
    ("image", "content"),
    [
        ("iVBORw==", "data:application/octet-stream;base64,iVBORw=="),
        ("data:image/png;base64,iVBORw==", "data:image/png;base64,iVBORw=="),
        ("https://example.com/a.png", "https://example.com/a.png"),
        ("Data:image/png;base64,iVBORw==", "Data:image/png;base64,iVBORw=="),
        (" HTTPS://example.com/a.png", " HTTPS://example.com/a.png"),
    ],
)
def test_an_image_is_put_where_its_name_is(runpod: RunpodWorkflows, image: str, content: str) -> None:
    images = [{"name": "faces/a.png", "image": image}]
    workflow = documented_workflow() | {"1": LOADER, "2": LOADER, "11": LOADER | {"inputs": {"image": OTHER}}}
    graph = runpod.graph(runpod.run({"workflow": workflow, "images": images}))
    assert [graph[node]["inputs"]["image"] for node in ("1", "2", "11")] == [content, content, OTHER]
    assert graph["3"] == workflow["3"]


@pytest.mark.parametrize("marked", [("faces/a.png [input]", "faces/a.png"), ("faces/a.png", "faces/a.png [input]")])
def test_a_name_that_the_mask_editor_has_marked_is_the_name(runpod: RunpodWorkflows, marked: tuple[str, str]) -> None:
    read, sent = marked
    workflow = documented_workflow() | {"1": LOADER | {"inputs": {"image": read}}}
    graph = runpod.graph(runpod.run({"workflow": workflow, "images": [{"name": sent, "image": OTHER}]}))
    assert graph["1"]["inputs"]["image"] == OTHER


def test_custom_nodes_read_images_too(runpod: RunpodWorkflows) -> None:
    tiles = {"class_type": "UpscaleTiles", "inputs": {"picture": "faces/a.png", "size": 64}}
    content = {"workflow": documented_workflow() | {"1": tiles}, "images": [{"name": "faces/a.png", "image": OTHER}]}
    graph = runpod.graph(runpod.run(content, runtime="tiled"))
    assert graph["1"]["inputs"] == {"picture": OTHER, "size": 64}


def test_one_image_does_not_fill_the_memory(runpod: RunpodWorkflows) -> None:
    readers = {str(100 + number): LOADER for number in range(900)}
    content = {"workflow": documented_workflow() | readers, "images": [{"name": "faces/a.png", "image": "A" * 100_000}]}
    with pytest.raises(MessageTooLarge, match="counted once for each node that reads them"):
        runpod.run(content)


def test_a_text_that_equals_the_name_of_an_image_stays_a_text(runpod: RunpodWorkflows) -> None:
    workflow = documented_workflow() | {"1": LOADER}
    workflow["6"]["inputs"]["text"] = "faces/a.png"
    graph = runpod.graph(runpod.run({"workflow": workflow, "images": [{"name": "faces/a.png", "image": "iVBORw=="}]}))
    assert graph["6"]["inputs"]["text"] == "faces/a.png"


def test_the_key_of_comfy_org_goes_to_runtimes_with_api_nodes_only(runpod: RunpodWorkflows) -> None:
    content = {"workflow": documented_workflow(), "comfy_org_api_key": "comfyui-secret"}
    assert set(runpod.refused(content)) == {"input.comfy_org_api_key"}
    job_id = runpod.run(content, runtime="paid")
    assert "comfyui-secret" in runpod.published()
    assert "comfyui-secret" not in runpod.harness.record(job_id).model_dump_json()


def test_a_key_is_not_lost_with_a_large_workflow(runpod: RunpodWorkflows) -> None:
    workflow = documented_workflow() | {"1": LOADER}
    content = {"workflow": workflow, "images": [{"name": "faces/a.png", "image": "A" * MAX_INLINE_MESSAGE_BYTES}]}
    with pytest.raises(MessageTooLarge, match="with a key or token, which is never stored"):
        runpod.run(content | {"comfy_org_api_key": "hush"}, runtime="paid")
    assert runpod.run(content, runtime="paid")


def test_a_webhook_repeats_the_workflow(runpod: RunpodWorkflows, monkeypatch: pytest.MonkeyPatch) -> None:
    runpod.complete({"9": {"images": [file("a.png", 1)]}})
    record = runpod.harness.record(str(UUID(int=1)))
    bodies = WebhookBodies(task_bucket=runpod.harness.task_bucket, outputs=runpod.outputs)
    body = json.loads(bodies.render(record))
    assert body["input"] == {"workflow": documented_workflow()}
    assert [image["filename"] for image in body["output"]["images"]] == ["a.png"]
    monkeypatch.setattr(webhook_bodies, "MAX_INPUT_BYTES", 10)
    assert json.loads(bodies.render(record))["input"] == {}


SHAPE: Final = "'images' must be a list of objects with 'name' and 'image' keys"


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        ({"images": []}, "input.workflow", "Missing 'workflow' parameter"),
        ({"workflow": None}, "input.workflow", "Missing 'workflow' parameter"),
        ({"prompt": "A dog"}, "input.api", "Missing 'workflow' parameter; runtime flows is a ComfyUI"),
        ({"workflow": {}, "images": {}}, "input.images", f"{SHAPE}, not an object"),
        ({"workflow": {}, "images": [{"name": "a"}]}, "input.images[0]", SHAPE),
        (
            {"workflow": {}, "images": [{"name": "a", "image": "b"}, {"name": "a", "image": "c"}]},
            "input.images[1].name",
            "is 'a', as an earlier one is",
        ),
        ({"workflow": {}, "imagse": []}, "input.imagse", "did you mean 'images'?"),
        (
            {"workflow": {}, "comfy_org_api_key": "k"},
            "input.comfy_org_api_key",
            "use a runtime with apiNodes: true",
        ),
    ],
)
def test_a_broken_input_is_named_in_the_workers_words(
    runpod: RunpodWorkflows, content: Any, field: str, words: str
) -> None:
    found = runpod.refused(content)
    assert words in found.get(field, ""), found


def test_a_workflow_for_the_web_ui_is_told_where_to_go(runpod: RunpodWorkflows) -> None:
    found = runpod.refused({"workflow": documented_workflow()}, runtime="sdruntime")
    assert "send workflows to a runtime of type comfyui: flows" in found["input.workflow"]


def test_the_output_has_the_files_of_a_workflow_by_their_kind(runpod: RunpodWorkflows) -> None:
    outputs = {
        "9": {"images": [file("a_00001_.png", 1), file("b_00001_.mp4", 2)], "animated": [True]},
        "10": {"images": [file("preview.png", 3, "temp")]},
        "12": {"audio": [file("c.flac", 4)]},
        "13": {"text": ["a text"]},
    }
    data = base64.b64encode(b"content").decode()
    assert runpod.complete(outputs) == {
        "images": [
            {"filename": "a_00001_.png", "type": "base64", "data": data},
            {"filename": "b_00001_.mp4", "type": "base64", "data": data},
        ],
        "files": [{"filename": "c.flac", "type": "base64", "data": data}],
    }


def test_the_output_has_the_copies_at_the_senders_own_place(runpod: RunpodWorkflows) -> None:
    runpod.complete({"9": {"images": [file("a.png", 1)]}})
    copy = PictureCopy(url="https://shop.example/1", error="the link answered with status 403")
    record = runpod.harness.record(str(UUID(int=1))).model_copy(update={"deliveries": (copy,)})
    assert job_output(record, runpod.outputs)["deliveries"] == [copy.model_dump()]


@pytest.mark.parametrize("outputs", [{}, {"10": {"images": [file("preview.png", 1, "temp")]}}])
def test_a_workflow_without_files_is_a_success(runpod: RunpodWorkflows, outputs: dict[str, Any]) -> None:
    assert runpod.complete(outputs) == {"status": "success_no_images", "images": []}


def test_files_that_do_not_fit_are_links(runpod: RunpodWorkflows) -> None:
    job = runpod.complete({"9": {"images": [file("a.png", 1), file("b.png", 2)]}})
    assert [item["type"] for item in job["images"]] == ["base64", "base64"]
    record = runpod.harness.record(str(UUID(int=1)))
    found = job_output(record, runpod.outputs, max_bytes=1030)
    assert [(item["filename"], item["type"]) for item in found["images"]] == [("a.png", "s3_url"), ("b.png", "s3_url")]
    assert all("output-bucket" in item["data"] for item in found["images"])


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            {
                "code": "workflow_refused",
                "message": "m",
                "details": [
                    {"field": "task.content.4.inputs.ckpt_name", "message": "is not in the list"},
                    {"field": "task.content.3", "message": "has no inputs"},
                ],
            },
            "Workflow validation failed:\n• Node 4 (ckpt_name): is not in the list\n• Node 3 (errors): has no inputs",
        ),
        (
            {"code": "workflow_failed", "message": "no", "node_id": "3", "class_type": "KSampler"},
            "Workflow execution error: Node Type: KSampler, Node ID: 3, Message: no",
        ),
        ({"code": "out_of_memory", "message": "no"}, "out_of_memory: no"),
    ],
)
def test_a_failed_job_has_the_workers_words(runpod: RunpodWorkflows, error: dict[str, Any], text: str) -> None:
    assert runpod.finish(Outcome(Status.FAILED, error=error))["error"] == text
