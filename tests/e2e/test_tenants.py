"""Table of docs/explanation/tenants.md, row by row: two keys, an administrator, and a publisher with its own topic."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from contract.storage import S3Location, encode_pointer
from tests.harness.local_system import SLOW, System

pytestmark = [pytest.mark.xdist_group("local_system")]
SMALL = {"prompt": "A dog", "steps": 1, "width": 64, "height": 64, "seed": 1}


@dataclass(frozen=True)
class Caller:
    """One key of the HTTP API."""

    system: System
    key: str

    def http(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.system.http(method, path, key=self.key, **options)

    def submit(self, task_id: str, content: dict[str, Any] = SMALL, **metadata: Any) -> None:
        named = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image"} | metadata
        response = self.http("POST", "/v1alpha2", json={"task": {"metadata": named, "content": content}})
        assert response.status_code == 200, response.text

    def shown(self, task_id: str) -> dict[str, Any]:
        response = self.http("GET", f"/v1alpha2/tasks/{task_id}")
        assert response.status_code == 200, response.text
        shown: dict[str, Any] = response.json()
        return shown

    def finished(self, task_id: str) -> dict[str, Any]:
        def poll() -> dict[str, Any] | None:
            shown = self.shown(task_id)
            return shown if shown["completed_at"] else None

        return self.system.eventually(poll, f"the end of {task_id}")

    def listed(self) -> set[str]:
        return {task["id"] for task in self.http("GET", "/v1alpha2/tasks?limit=100").json()["tasks"]}


@pytest.fixture(scope="module")
def first(system: System) -> Caller:
    return Caller(system, system.endpoints["api_key"])


@pytest.fixture(scope="module")
def guest(system: System) -> Caller:
    return Caller(system, system.api_key("guest"))


@pytest.fixture(scope="module")
def boss(system: System) -> Caller:
    return Caller(system, system.api_key("boss"))


@pytest.fixture(scope="module")
def shared_id(first: Caller, guest: Caller) -> str:
    """Submit one id with both keys, and wait for both ends."""
    first.submit("both", context="first")
    guest.submit("both", context="guest")
    first.finished("both")
    guest.finished("both")
    return "both"


def test_two_keys_use_one_id_and_read_their_own_task(first: Caller, guest: Caller, shared_id: str) -> None:
    mine, theirs = guest.shown(shared_id), first.shown(shared_id)
    assert (mine["context"], theirs["context"]) == ("guest", "first")
    assert mine["id"] == theirs["id"] == shared_id
    urls = [{output["s3_url"] for output in task["outputs"]} for task in (mine, theirs)]
    assert urls[0].isdisjoint(urls[1])


ATTACKS = (
    ("GET", "/v1alpha2/tasks/{id}"),
    ("GET", "/v1alpha2/tasks/{id}?inline=true"),
    ("DELETE", "/v1alpha2/tasks/{id}"),
    ("POST", "/v1alpha2/tasks/{id}/retry"),
    ("POST", "/v1alpha2/tasks/{id}/webhook"),
    ("GET", "/v1alpha2/tasks/{id}/request"),
    ("GET", "/v2/sdruntime/status/{id}"),
    ("GET", "/v2/sdruntime/status-sync/{id}"),
    ("GET", "/v2/sdruntime/stream/{id}"),
    ("POST", "/v2/sdruntime/cancel/{id}"),
    ("POST", "/v2/sdruntime/retry/{id}"),
)


@pytest.fixture(scope="module")
def secret_id(first: Caller) -> str:
    first.submit("secret")
    first.finished("secret")
    return "secret"


@pytest.mark.parametrize(("method", "path"), ATTACKS)
@pytest.mark.parametrize("form", ["secret", "default:secret"])
def test_the_task_of_another_key_is_not_found(guest: Caller, secret_id: str, method: str, path: str, form: str) -> None:
    response = guest.http(method, path.format(id=form))
    assert response.status_code == 404, response.text
    assert secret_id not in guest.listed()


def test_an_administrator_reads_lists_and_cancels_the_tasks_of_all(first: Caller, boss: Caller, secret_id: str) -> None:
    assert boss.shown(f"default:{secret_id}")["id"] == f"default:{secret_id}"
    assert {f"default:{secret_id}"} <= boss.listed()
    assert boss.http("GET", f"/v1alpha2/tasks/{secret_id}").status_code == 404
    first.submit("to-cancel", SLOW)
    assert boss.http("DELETE", "/v1alpha2/tasks/default:to-cancel").json()["status"] == "CANCELLED"
    assert first.shown("to-cancel")["status"] == "CANCELLED"


def test_purge_and_health_are_those_of_the_key(first: Caller, guest: Caller) -> None:
    before = guest.http("GET", "/v2/sdruntime/health").json()["jobs"]
    # Tasks of low priority wait while others run, so the purge finds them.
    for number in range(3):
        first.submit(f"running-{number}", SLOW)
    first.submit("waiting", policy={"lowPriority": True})
    assert guest.http("POST", "/v2/sdruntime/purge-queue").json()["removed"] == 0
    assert guest.http("GET", "/v2/sdruntime/health").json()["jobs"] == before
    assert first.shown("waiting")["status"] in {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}
    for task_id in ("running-0", "running-1", "running-2", "waiting"):
        first.http("DELETE", f"/v1alpha2/tasks/{task_id}")


def test_progress_and_interrupt_of_the_bridge_are_those_of_the_key(
    system: System, first: Caller, guest: Caller
) -> None:
    def progress(caller: Caller) -> float:
        return float(caller.http("GET", "/sdapi/v1/progress").json()["progress"])

    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(first.http, "POST", "/sdapi/v1/txt2img", json=SLOW)
        shown = system.eventually(lambda: progress(first), "the progress of the call")
        assert progress(guest) == 0
        assert guest.http("POST", "/sdapi/v1/interrupt").status_code == 200
        system.eventually(lambda: progress(first) > shown, "more progress after the interrupt of another key")
        assert first.http("POST", "/sdapi/v1/interrupt").status_code == 200
        assert call.result().status_code == 200


def test_a_subscriber_receives_the_callbacks_of_its_tenant(system: System, first: Caller, guest: Caller) -> None:
    sqs = system.client("sqs")
    queue_url = sqs.create_queue(QueueName="callbacks-of-guest")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    system.client("sns").subscribe(
        TopicArn=system.endpoints["completion_topic_arn"],
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"FilterPolicy": json.dumps({"tenant": ["guest"]}), "RawMessageDelivery": "true"},
    )
    first.submit("of-first")
    first.finished("of-first")
    guest.submit("of-guest")
    [message] = system.eventually(
        lambda: sqs.receive_message(QueueUrl=queue_url, MessageAttributeNames=["tenant"]).get("Messages"),
        "the callback",
    )
    assert json.loads(message["Body"])["id"] == "of-guest"
    assert message["MessageAttributes"]["tenant"]["StringValue"] == "guest"
    system.callback(id="of-first")


def test_options_of_the_bridge_are_those_of_the_key_and_lists_are_equal(first: Caller, guest: Caller) -> None:
    option, path = "CLIP_stop_at_last_layers", "/sdapi/v1/options"
    before = guest.http("GET", path).json()[option]
    assert first.http("POST", path, json={option: before + 1}).status_code == 200
    assert first.http("GET", path).json()[option] == before + 1
    assert guest.http("GET", path).json()[option] == before
    assert first.http("POST", path, json={option: before}).status_code == 200
    lists = [caller.http("GET", "/sdapi/v1/samplers").json() for caller in (first, guest)]
    assert lists[0] == lists[1]


def test_a_webhook_is_signed_with_the_secret_of_its_key(system: System, guest: Caller) -> None:
    guest.submit("signed", webhook=system.receiver.url("/tenants"))
    [request] = system.eventually(lambda: system.receiver.of("/tenants"), "the webhook")
    assert Webhook(system.webhook_secret("guest")).verify(request.body, request.headers)["id"] == "signed"
    with pytest.raises(WebhookVerificationError):
        Webhook(system.endpoints["webhook_secret"]).verify(request.body, request.headers)


@pytest.fixture(scope="module")
def publisher_topic(system: System) -> str:
    """Return the topic of the publisher `batch`."""
    topics = system.client("sns").list_topics()["Topics"]
    (topic_arn,) = [topic["TopicArn"] for topic in topics if "EntryTopicbatch" in topic["TopicArn"]]
    return str(topic_arn)


def test_a_publisher_has_its_own_tasks(
    system: System, first: Caller, guest: Caller, boss: Caller, publisher_topic: str
) -> None:
    metadata = {"id": "published", "runtime": "sdruntime", "tasktype": "text-to-image"}
    system.publish({"task": {"metadata": metadata, "content": SMALL}}, topic_arn=publisher_topic)
    assert system.callback(id="published")["status"] == "completed"
    assert boss.shown("batch:published")["status"] == "COMPLETED"
    for caller in (first, guest):
        assert caller.http("GET", "/v1alpha2/tasks/published").status_code == 404
    # What the entry topic itself delivers belongs to the first key.
    system.publish({"task": {"metadata": metadata | {"id": "by-entry"}, "content": SMALL}})
    system.callback(id="by-entry")
    assert first.shown("by-entry")["status"] == "COMPLETED"
    assert guest.http("GET", "/v1alpha2/tasks/by-entry").status_code == 404


def test_a_publisher_points_to_its_own_folder_only(system: System, boss: Caller, publisher_topic: str) -> None:
    bucket = system.endpoints["task_bucket"]
    for folder in ("batch", "guest"):
        metadata = {"id": f"pointed-{folder}", "runtime": "sdruntime", "tasktype": "text-to-image"}
        body = json.dumps({"task": {"metadata": metadata, "content": SMALL}})
        key = f"tenants/{folder}/task.json"
        system.client("s3").put_object(Bucket=bucket, Key=key, Body=body.encode())
        message_id = system.publish(encode_pointer(S3Location(bucket, key)), topic_arn=publisher_topic)
        if folder == "batch":
            assert system.callback(id="pointed-batch")["status"] == "completed"
        else:
            refused = system.callback(message_id=message_id)
            assert refused["status"] == "failed"
            assert refused["id"] is None
            assert boss.http("GET", "/v1alpha2/tasks/batch:pointed-guest").status_code == 404


def upload(caller: Caller, picture: bytes) -> str:
    """Upload a picture, and return its link."""
    created = caller.http("POST", "/v1alpha2/uploads", json={"content_type": "image/png"}).json()
    form = created["upload"]
    httpx.post(form["url"], data=form["fields"], files={"file": picture}, timeout=60).raise_for_status()
    return str(created["link"])


def with_input(task_id: str, link: str) -> dict[str, Any]:
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "image-to-image"}
    return {"task": {"metadata": metadata, "content": SMALL | {"init_images": [link]}}}


def test_uploads_and_outputs_are_inputs_of_their_own_key_only(system: System, first: Caller, guest: Caller) -> None:
    picture = system.object(system.s3_link)
    link = upload(first, picture)
    first.submit("makes-output")
    output = first.finished("makes-output")["outputs"][0]["s3_url"]
    for number, mine in enumerate((link, output)):
        assert first.http("POST", "/v1alpha2", json=with_input(f"mine-{number}", mine)).status_code == 200
        assert first.finished(f"mine-{number}")["status"] == "COMPLETED"
        refused = guest.http("POST", "/v1alpha2", json=with_input("stolen", mine))
        assert refused.status_code == 400
        assert refused.json()["error"]["details"][0]["field"] == "task.content.init_images[0]"
        call = {"api": {"method": "POST", "endpoint": "/sdapi/v1/img2img"}, "payload": {"init_images": [mine]}}
        assert guest.http("POST", "/v2/sdruntime/run", json={"input": call}).status_code == 400
        assert guest.http("POST", "/sdapi/v1/img2img", json=SMALL | {"init_images": [mine]}).status_code >= 400
