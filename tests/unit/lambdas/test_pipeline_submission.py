"""Submission of pipelines: what is looked up in the buckets, what is published, and what is stored."""

import json
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.message import TaskMessage
from contract.record import Status
from contract.redaction import text_without_secrets
from contract.tenancy import SHARED, Tenant
from contract.transitions import Outcome
from lambdas.tasks.checkpoint_catalogue import FOUND_SECONDS, CheckpointCatalogue
from tests.harness.workflows import documented_pipeline, documented_workflow
from tests.unit.lambdas.harness import Harness

UPLOAD = "s3://task-bucket/uploads/shop/one.png"


def with_picture(value: object) -> dict[str, Any]:
    request = documented_pipeline(runtime="comfyui")
    request["task"]["content"]["10"] = {"class_type": "LoadImage", "inputs": {"image": value}}
    request["task"]["content"]["6"]["inputs"]["text"] = "s3://task-bucket/uploads/guest/secret.png"
    return request


def test_the_documented_request_is_published_to_the_queue_of_its_runtime(pipelines: Harness) -> None:
    record = pipelines.submit(documented_pipeline())
    ((body, attributes),) = pipelines.task_topic.sent
    assert TaskMessage.model_validate(json.loads(body)).task.content == documented_workflow()
    assert (attributes["runtime"], attributes["tasktype"]) == ("comfyui", "pipeline")
    assert (record.runtime, record.sent_to, record.endpoint) == ("comfyui", "sdruntime", "")


def test_a_listing_shows_the_prompt_of_a_workflow(pipelines: Harness) -> None:
    assert (pipelines.submit(documented_pipeline()).prompt or "").startswith("beautiful scenery nature glass bottle")


def test_a_task_shows_which_node_made_each_file(pipelines: Harness) -> None:
    pipelines.submit(documented_pipeline())
    pipelines.claim("test-pipeline")
    position: dict[str, int | str] = {"node": "3", "class_type": "KSampler", "nodes_done": 4, "nodes_total": 7}
    pipelines.report("test-pipeline", 500, position)
    reader = pipelines.reader()
    assert reader.show("test-pipeline", tenant=SHARED)["sampling"] == position
    picture, film, response = (f"s3://output-bucket/output/a/a-{name}" for name in ("1.png", "2.mp4", "x.out"))
    images = [{"filename": "ComfyUI_00001_.png", "type": "output", "n": 1, "kind": "image", "s3_url": picture}]
    videos = [{"filename": "film_00001_.mp4", "type": "output", "n": 2, "kind": "video", "s3_url": film}]
    stored = {"prompt_id": "p", "outputs": {"9": {"images": images}, "12": {"images": videos, "text": ["a"]}}}
    pipelines.s3.put_object(Bucket="output-bucket", Key="output/a/a-x.out", Body=json.dumps(stored))
    done = Outcome(Status.COMPLETED, image_urls=(picture, film), output_url=response)
    pipelines.finish("test-pipeline", done)
    shown = reader.show("test-pipeline", tenant=SHARED)["outputs"]
    assert [(file.get("node_id"), file.get("kind"), file.get("filename")) for file in shown] == [
        ("9", "image", "ComfyUI_00001_.png"),
        ("12", "video", "film_00001_.mp4"),
        (None, None, None),
    ]
    pipelines.s3.delete_object(Bucket="output-bucket", Key="output/a/a-x.out")
    assert "node_id" not in reader.show("test-pipeline", tenant=SHARED)["outputs"][0]


def test_a_model_that_the_bucket_lacks_is_refused(pipelines: Harness) -> None:
    request = documented_pipeline(runtime="comfyui")
    request["task"]["content"]["4"]["inputs"]["ckpt_name"] = "other.safetensors"
    with pytest.raises(InvalidTask) as refused:
        pipelines.submit(request)
    assert refused.value.as_dict()["code"] == "unknown_model"
    assert [error.field for error in refused.value.details] == ["task.content.4.inputs.ckpt_name"]


def test_the_beginning_of_a_name_is_no_model(pipelines: Harness) -> None:
    pipelines.s3.put_object(Bucket="model-bucket", Key="vae/ae.safetensors.old", Body=b"weights")
    models = pipelines.models
    assert not models.has_object("vae/ae.safetensors")
    pipelines.s3.put_object(Bucket="model-bucket", Key="vae/ae.safetensors", Body=b"weights")
    assert models.has_object("vae/ae.safetensors")
    assert not models.has_object("vae/")


def test_functions_list_models_and_read_none_but_checkpoints(pipelines: Harness) -> None:
    calls: list[str] = []
    pipelines.s3.meta.events.register("before-call.s3", record := lambda model, **_: calls.append(model.name))
    pipelines.models.has_object("vae/ae.safetensors")
    pipelines.s3.meta.events.unregister("before-call.s3", record)
    assert calls == ["ListObjectsV2"]


def test_a_model_that_exists_is_looked_up_once_a_minute(pipelines: Harness) -> None:
    seconds = [0.0]
    models = CheckpointCatalogue(client=pipelines.s3, bucket="model-bucket", clock=lambda: seconds[0])
    calls: list[str] = []

    def look_up() -> list[str]:
        calls.clear()
        found = models.find_checkpoint("painting"), models.has_object("Stable-diffusion/painting.safetensors")
        assert found == ("painting.safetensors", True)
        return calls.copy()

    pipelines.s3.meta.events.register("before-call.s3", record := lambda model, **_: calls.append(model.name))
    first, second = look_up(), look_up()
    seconds[0] = FOUND_SECONDS
    later = look_up()
    models.has_object("vae/missing.safetensors")
    models.has_object("vae/missing.safetensors")
    pipelines.s3.meta.events.unregister("before-call.s3", record)
    assert first == later
    assert (first[-1], second) == ("ListObjectsV2", [])
    assert calls[-2:] == ["ListObjectsV2", "ListObjectsV2"], "a model may arrive at any time"


def test_an_upload_is_pinned_where_a_node_reads_a_file(pipelines: Harness) -> None:
    record = pipelines.submit(with_picture(UPLOAD), tenant=Tenant("shop"))
    etag = pipelines.s3.head_object(Bucket="task-bucket", Key="uploads/shop/one.png")["ETag"]
    # The text of the prompt is no link, though it looks like one.
    ((body, _),) = pipelines.task_topic.sent
    assert TaskMessage.model_validate(json.loads(body)).etags == {UPLOAD: etag}
    assert record.id == "test-pipeline"


def test_an_upload_of_another_tenant_is_refused_with_its_node(pipelines: Harness) -> None:
    with pytest.raises(InvalidTask) as refused:
        pipelines.submit(with_picture({"__value__": UPLOAD}), tenant=Tenant("other"))
    assert [error.field for error in refused.value.details] == ["task.content.10.inputs.image"]


def test_a_custom_node_reads_uploads_of_its_tenant_only(pipelines: Harness) -> None:
    request = documented_pipeline(runtime="tiled")
    request["task"]["content"]["10"] = {"class_type": "UpscaleTiles", "inputs": {"picture": UPLOAD, "text": "s3 "}}
    pipelines.submit(request, tenant=Tenant("shop"))
    ((body, _),) = pipelines.task_topic.sent
    assert set(TaskMessage.model_validate(json.loads(body)).etags) == {UPLOAD}
    with pytest.raises(InvalidTask) as refused:
        pipelines.submit(request, tenant=Tenant("other"))
    assert [error.field for error in refused.value.details] == ["task.content.10.inputs.picture"]


def test_a_shared_file_of_the_model_bucket_may_be_named(pipelines: Harness) -> None:
    pipelines.s3.put_object(Bucket="model-bucket", Key="inputs/masks/round.png", Body=b"mask")
    assert pipelines.submit(with_picture("masks/round.png")).runtime == "comfyui"


def test_the_key_of_comfy_org_is_published_and_never_stored(pipelines: Harness) -> None:
    request = documented_pipeline(runtime="paid")
    request["task"]["content"]["extra_data"] = {"api_key_comfy_org": "comfyui-secret"}
    record = pipelines.submit(request)
    ((body, _),) = pipelines.task_topic.sent
    assert "comfyui-secret" in body
    assert "comfyui-secret" not in record.model_dump_json()
    assert TaskMessage.model_validate(json.loads(record.message or "")).task.content == documented_workflow()


@pytest.mark.parametrize("name", ["api_key_comfy_org", "comfy_org_api_key"])
@pytest.mark.parametrize("form", ['{{"a": {{"{}": "secret"}}}}', '{{"{}": "secret"'])
def test_an_unreadable_message_is_kept_without_the_key(name: str, form: str) -> None:
    assert "secret" not in text_without_secrets(form.format(name))
