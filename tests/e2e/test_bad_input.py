"""Broken input gets a clear error on the way by which it came, and no task is lost or stuck."""

import json
from functools import partial
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.harness.local_system import SLOW, System
from tests.harness.queue_counts import is_empty

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]


def task(task_id: object = "bad", content: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    body = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "context": {"mine": task_id}}
    small = {"prompt": "A dog", "steps": 1, "width": 64, "height": 64}
    return {"task": {"metadata": body | metadata, "content": small | (content or {})}}


OLD = {"alwayson_scripts": {"task": "text-to-image", "id_task": "old", "sd_model_checkpoint": "no.safetensors"}}
BROKEN = [
    (task("no-runtime", runtime="nowhere"), "unknown_runtime", "configured: comfyui, dynamic, sdruntime"),
    (task("../x"), "invalid_task", "task.metadata.id"),
    (task("bad-prefix", prefix="a/../../b"), "invalid_task", "task.metadata.prefix"),
    ({"task": {"metadata": {"id": "empty"}, "content": {}}}, "invalid_task", "task.metadata.tasktype"),
    (task("huge", {"width": 99_999}), "limit_exceeded", "task.content.width"),
    (OLD, "unknown_model", "alwayson_scripts.sd_model_checkpoint"),
]


@pytest.mark.parametrize(("body", "code", "text"), BROKEN)
def test_by_http(system: System, body: dict[str, Any], code: str, text: str) -> None:
    path = "/v1alpha1" if "alwayson_scripts" in body else "/v1alpha2"
    response = system.http("POST", path, json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == code
    assert text in error["message"]
    assert error["details"]


@pytest.mark.parametrize(("body", "code", "text"), BROKEN)
def test_by_the_entry_topic(system: System, body: dict[str, Any], code: str, text: str) -> None:
    callback = system.callback(message_id=system.publish(body))
    assert callback["result"] is False
    assert callback["status"] == "failed"
    assert callback["error"]["code"] == code
    assert text in callback["error"]["message"]
    metadata = body.get("task", {}).get("metadata", {})
    assert callback["context"] == metadata.get("context")


@pytest.mark.parametrize("text", ['{"task": ', "not json", "[1]", '{"a": NaN}', "💥", "[" * 5000])
def test_broken_json(system: System, text: str) -> None:
    response = system.http("POST", "/v1alpha2", content=text.encode())
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "invalid_json"
    callback = system.callback(message_id=system.publish(text))
    assert callback["error"] == response.json()["error"]


def test_a_message_of_1_2_mb(system: System) -> None:
    body = task("large", {"note": "x" * 1_200_000})
    with pytest.raises(ClientError, match="too long"):
        system.publish(body)
    assert system.http("POST", "/v1alpha2", json=body).status_code == 200
    assert system.callback(id="large")["status"] == "completed"


def test_a_body_that_http_cannot_take(system: System) -> None:
    response = system.http("POST", "/v1alpha2", json=task("too-large", {"note": "x" * 7_000_000}))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "too_large"
    assert "link" in response.json()["error"]["message"]


def test_a_large_task_by_a_pointer_on_the_entry_topic(system: System) -> None:
    bucket = system.endpoints["task_bucket"]
    system.client("s3").put_object(
        Bucket=bucket, Key="publishers/one.json", Body=json.dumps(task("pointed", {"note": "x" * 300_000})).encode()
    )
    pointer = [
        "software.amazon.payloadoffloading.PayloadS3Pointer",
        {"s3BucketName": bucket, "s3Key": "publishers/one.json"},
    ]
    system.publish(json.dumps(pointer))
    assert system.callback(id="pointed")["status"] == "completed"


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1/x.png",
        "http://169.254.169.254/latest/meta-data/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost:1/",
        "s3://somebody-elses-bucket/x.png",
    ],
)
def test_a_link_to_where_no_link_may_lead(system: System, link: str) -> None:
    name = "".join(character if character.isalnum() else "-" for character in link)
    body = task(f"link-{name}", {"init_images": [link]}, tasktype="image-to-image")
    system.publish(body)
    callback = system.callback(id=f"link-{name}")
    assert callback["status"] == "failed"
    assert callback["error"]["code"] == "link_refused"
    assert "init_images[0]" in callback["error"]["message"]
    assert callback["context"] == {"mine": f"link-{name}"}


def test_a_link_inside_a_prompt_stays_text(system: System) -> None:
    system.publish(task("link-in-prompt", {"prompt": "http://127.0.0.1/x.png"}))
    callback = system.callback(id="link-in-prompt")
    assert callback["status"] == "completed"
    assert "http://127.0.0.1/x.png" in system.object(callback["output_url"]).decode()


def test_what_the_web_ui_refuses_is_the_tasks_error(system: System) -> None:
    system.publish(task("refused", {"cfg_scale": "very"}))
    callback = system.callback(id="refused")
    assert callback["status"] == "failed"
    assert "cfg_scale" in callback["error"]["message"]


@pytest.mark.parametrize(
    "headers", [{}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer"}]
)
def test_a_wrong_key(system: System, headers: dict[str, str]) -> None:
    url = system.endpoints["http_url"].rstrip("/") + "/v1alpha2/tasks"
    response = httpx.get(url, headers=headers, timeout=60)
    assert response.status_code == 401
    assert response.json()["error"]["code"] == "unauthorized"


def test_every_form_of_the_right_key(system: System) -> None:
    key = system.endpoints["api_key"]
    url = system.endpoints["http_url"].rstrip("/") + "/v1alpha2/tasks"
    for headers in ({"x-api-key": key}, {"authorization": key}, {"authorization": f"Bearer {key}"}):
        assert httpx.get(url, headers=headers, timeout=60).status_code == 200


def test_unknown_paths_and_tasks(system: System) -> None:
    response = system.http("GET", "/v1alpha2/tasks/nobody")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "task_not_found")
    assert system.http("GET", "/v9").json()["error"]["code"] in {"not_found", "forbidden"}


def test_an_id_in_use(system: System) -> None:
    assert system.http("POST", "/v1alpha2", json=task("in-use", SLOW)).status_code == 200
    assert system.http("POST", "/v1alpha2", json=task("in-use", SLOW)).status_code == 200
    other = task("in-use", SLOW | {"prompt": "another"})
    response = system.http("POST", "/v1alpha2", json=other)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "id_in_use")
    rejected = system.callback(message_id=system.publish(other))
    assert (rejected["id"], rejected["error"]["code"]) == ("in-use", "id_in_use")
    assert rejected["context"] == {"mine": "in-use"}
    assert system.shown("in-use")["status"] in {"IN_QUEUE", "IN_PROGRESS"}
    assert system.http("DELETE", "/v1alpha2/tasks/in-use").status_code == 200
    assert system.callback(id="in-use", status="cancelled")["result"] is False


def test_poison_in_a_runtimes_queue_ends_in_a_callback(system: System) -> None:
    """Only an accepted task belongs there, so the replica requeues other messages until they are dead letters."""
    queue_url = system.endpoints["runtimes"]["sdruntime"]["queue_url"]
    sqs = system.client("sqs")
    without_run = json.dumps(task("poison-with-id"))
    by_body = {
        body: sqs.send_message(QueueUrl=queue_url, MessageBody=body)["MessageId"] for body in ("💥", without_run)
    }
    system.publish(task("beside-poison"))

    for body, message_id in by_body.items():
        callback = system.callback(message_id=message_id)
        assert (callback["status"], callback["result"]) == ("failed", False)
        assert callback["error"]["code"] == "unreadable_message"
        if body == without_run:
            assert (callback["id"], callback["context"]) == ("poison-with-id", {"mine": "poison-with-id"})
    assert system.callback(id="beside-poison")["status"] == "completed"


def test_nothing_is_stuck_at_the_end(system: System) -> None:
    """Runs after the tests above, in the same process and against the same system."""
    sqs = system.client("sqs")

    for url in sqs.list_queues()["QueueUrls"]:
        # A message that a busy replica could not delete is visible again after a minute.
        system.eventually(partial(is_empty, sqs, url), f"the end of all messages in {url}", 150)
    active = [
        item["id"]
        for status in ("IN_QUEUE", "IN_PROGRESS")
        for item in system.http("GET", f"/v1alpha2/tasks?status={status}&limit=100").json()["tasks"]
    ]
    assert active == []
