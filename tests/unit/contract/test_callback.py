import json

import pytest

from contract.callback import callback_attributes, callback_for, rejection, rejection_attributes
from contract.errors import FieldError, InvalidJson, InvalidTask
from contract.record import Status
from tests.harness.records import make_record

RECORD = make_record(
    id="test-t2i",
    status=Status.COMPLETED,
    context='{"abc":123}',
    image_urls=("s3://outputbucket/output/test-t2i/test-t2i-1a2b-1.png",),
    output_url="s3://outputbucket/output/test-t2i/test-t2i-1a2b.out",
)


def test_the_documented_callback() -> None:
    assert callback_for(RECORD) == {
        "id": "test-t2i",
        "runtime": "sdruntime",
        "status": "completed",
        "result": True,
        "image_url": ["s3://outputbucket/output/test-t2i/test-t2i-1a2b-1.png"],
        "output_url": "s3://outputbucket/output/test-t2i/test-t2i-1a2b.out",
        "context": {"abc": 123},
    }
    assert callback_attributes(RECORD) == {
        "id": "test-t2i",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "status": "completed",
    }


@pytest.mark.parametrize("engine", ["webui", "comfyui"])
def test_a_callback_does_not_repeat_the_response_of_the_engine(engine: str) -> None:
    error = {"code": "refused", "message": "no", engine: {"status": 400, "body": "{}"}}
    record = make_record(status=Status.FAILED, error=error)
    assert callback_for(record)["error"] == {"code": "refused", "message": "no"}


def test_a_callback_names_the_tenant_beside_the_plain_id() -> None:
    record = RECORD.model_copy(update={"tenant": "shop"})
    assert callback_for(record) == callback_for(RECORD)
    assert callback_attributes(record) == callback_attributes(RECORD) | {"tenant": "shop"}


def test_a_callback_names_unknown_fields_because_the_entry_topic_has_no_other_answer() -> None:
    record = RECORD.model_copy(update={"unknown_fields": ("task.content.colour",)})
    assert callback_for(record) == callback_for(RECORD) | {"unknown_fields": ["task.content.colour"]}


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.TIMED_OUT])
def test_a_task_that_did_not_complete(status: Status) -> None:
    error = {"code": "webui_refused", "message": "no"}
    recorded = error | {"webui": {"status": 422, "body": {"detail": "no"}}}
    record = RECORD.model_copy(update={"status": status, "error": recorded, "image_urls": (), "output_url": None})
    callback = callback_for(record)
    assert callback["status"] == status.value.lower()
    assert callback["result"] is False
    assert callback["image_url"] == []
    assert callback["error"] == error


@pytest.mark.parametrize(
    ("body", "id_", "context"),
    [
        ({"task": {"metadata": {"id": 5, "runtime": "r", "context": [1]}, "content": 0}}, "5", [1]),
        ({"metadata": {"id": "x", "runtime": "r", "context": None}, "content": {}}, "x", None),
        ({"alwayson_scripts": {"id_task": "old", "task": "text-to-image"}}, "old", None),
        ({"task": {"metadata": {"id": {"a": 1}}}}, None, None),
        ({"task": {"metadata": {"id": "\ud800" + "x" * 999}}}, "\\ud800" + "x" * 250, None),
        ({}, None, None),
        (None, None, None),
    ],
)
def test_a_rejection_gives_back_what_could_be_read(body: object, id_: str | None, context: object) -> None:
    callback = rejection(InvalidTask([FieldError("task", "is broken")]), body=body, message_id="m-1")
    assert (callback["id"], callback["context"], callback["result"]) == (id_, context, False)
    assert callback["message_id"] == "m-1"
    assert callback["error"]["details"] == [{"field": "task", "message": "is broken"}]
    attributes = rejection_attributes(callback, body=body)
    assert attributes["status"] == "failed"
    assert all(attributes.values())
    json.dumps(callback).encode()


def test_a_rejection_of_what_is_no_json() -> None:
    callback = rejection(InvalidJson("the body is not JSON"), body=None, message_id="m")
    assert callback["error"] == {"code": "invalid_json", "message": "the body is not JSON"}
