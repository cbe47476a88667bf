import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.storage import S3Location, encode_pointer
from contract.tenancy import Tenancy
from lambdas.route_tasks.task_router import TaskRouter
from task_store.envelope import Delivery, open_envelope
from tests.unit.lambdas.harness import Harness, MakeTask

Route = Callable[..., None]


@pytest.fixture
def route(harness: Harness) -> Route:
    router = TaskRouter(
        tenancy=Tenancy(),
        task_bucket=harness.task_bucket,
        submission=harness.submission,
        completion_topic=harness.completion_topic,
    )

    def route_body(body: object, message_id: str = "m-1", **attributes: str) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        router.route(Delivery(message_id, text, attributes))

    return route_body


def rejection(harness: Harness) -> tuple[dict[str, Any], dict[str, str]]:
    [(body, attributes)] = harness.completion_topic.sent
    return json.loads(body), attributes


def test_all_three_formats(harness: Harness, route: Route, make_task: MakeTask) -> None:
    route(make_task("new"))
    scripts = {"task": "text-to-image", "id_task": "old", "sd_model_checkpoint": "painting.safetensors"}
    route({"alwayson_scripts": scripts, "prompt": "A dog"}, "m-2")
    call = {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {"prompt": "A dog"}}
    route({"input": call}, "m-3", runtime="sdruntime")
    assert [attributes["id"] for _, attributes in harness.task_topic.sent] == ["new", "old", "m-3"]
    assert [attributes["runtime"] for _, attributes in harness.task_topic.sent] == ["sdruntime", "dynamic", "sdruntime"]
    assert harness.completion_topic.sent == []


def test_a_pointer_into_the_task_bucket(harness: Harness, route: Route, make_task: MakeTask) -> None:
    harness.task_bucket.put("from/publisher.json", json.dumps(make_task("pointed")))
    route(encode_pointer(harness.task_bucket.location("from/publisher.json")))
    assert harness.record("pointed").status == "IN_QUEUE"


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ("{oops", "invalid_json", "line 1 column 2"),
        ("[]", "invalid_json", "must be a JSON object, not an array"),
        ({}, "invalid_task", "v1alpha2"),
        ({"input": {}}, "invalid_task", "input.api"),
        (encode_pointer(S3Location("elsewhere", "k")), "invalid_json", "put large messages into 'task-bucket'"),
        (encode_pointer(S3Location("task-bucket", "nothing")), "invalid_json", "nothing can be read"),
    ],
)
def test_what_is_no_task_is_answered(harness: Harness, route: Route, body: object, code: str, text: str) -> None:
    route(body)
    callback, attributes = rejection(harness)
    assert (callback["result"], callback["id"], callback["message_id"]) == (False, None, "m-1")
    assert callback["error"]["code"] == code
    assert text in callback["error"]["message"]
    assert attributes == {"status": "failed"}
    assert harness.task_topic.sent == []


def test_a_broken_task_is_answered_with_its_id_and_context(harness: Harness, route: Route, make_task: MakeTask) -> None:
    route(make_task("mine", {"width": 5000}, runtime="nowhere"))
    callback, attributes = rejection(harness)
    assert (callback["id"], callback["context"]) == ("mine", {"abc": 123})
    assert callback["error"]["code"] == "unknown_runtime"
    assert attributes == {"id": "mine", "runtime": "nowhere", "tasktype": "text-to-image", "status": "failed"}
    assert harness.repository.read("mine") is None


def test_an_id_in_use_is_answered_with_the_senders_context(harness: Harness, route: Route, make_task: MakeTask) -> None:
    route(make_task("mine"))
    route(make_task("mine", {"prompt": "A cat"}, context="the second"), "m-2")
    callback, _ = rejection(harness)
    assert (callback["error"]["code"], callback["context"]) == ("id_in_use", "the second")
    assert harness.record("mine").context_value == {"abc": 123}


def test_the_error_of_a_runpod_message_names_the_missing_attribute(harness: Harness, route: Route) -> None:
    call = {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {}}
    route({"input": call})
    callback, _ = rejection(harness)
    assert callback["error"]["message"] == "runtime: is required, as the message attribute `runtime`"


def test_a_broken_runpod_message_is_answered_to_the_subscribers_of_its_runtime(harness: Harness, route: Route) -> None:
    route({"input": {}}, runtime="sdruntime")
    callback, attributes = rejection(harness)
    assert callback["runtime"] == "sdruntime"
    assert attributes == {"runtime": "sdruntime", "status": "failed"}


@pytest.mark.parametrize("checkpoint", ["painting.safetensors", "unknown"])
def test_the_older_format_has_the_senders_context_in_every_rejection(
    harness: Harness, route: Route, make_task: MakeTask, checkpoint: str
) -> None:
    route(make_task("mine"))
    scripts = {"task": "text-to-image", "id_task": "mine", "sd_model_checkpoint": checkpoint, "uid": "user-7"}
    route({"alwayson_scripts": scripts, "prompt": "A cat"}, "m-2")
    callback, _ = rejection(harness)
    assert (callback["id"], callback["context"]) == ("mine", {"uid": "user-7"})


@pytest.mark.parametrize(
    ("checkpoint", "runtime"), [("v1-5-pruned-emaonly.safetensors", "sdruntime"), ("painting.safetensors", "dynamic")]
)
def test_the_older_format_is_answered_to_the_subscribers_of_the_checkpoints_runtime(
    harness: Harness, route: Route, checkpoint: str, runtime: str
) -> None:
    scripts = {"task": "text-to-image", "id_task": "mine", "sd_model_checkpoint": checkpoint}
    route({"alwayson_scripts": scripts, "prompt": "A cat", "steps": "many"})
    callback, attributes = rejection(harness)
    assert (callback["runtime"], attributes["runtime"]) == (runtime, runtime)


def test_a_record_that_aws_refuses_for_good_is_answered_at_once(
    harness: Harness, route: Route, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise ClientError({"Error": {"Code": "ValidationException", "Message": "Item size"}}, "PutItem")

    monkeypatch.setattr(harness.repository, "create", refuse)
    route(make_task("huge"))
    callback, _ = rejection(harness)
    assert (callback["id"], callback["error"]["code"]) == ("huge", "storage_refused")


def test_what_aws_refuses_is_delivered_again(harness: Harness, route: Route, make_task: MakeTask) -> None:
    harness.task_topic.failures = 1
    with pytest.raises(Exception, match="AWS refuses"):
        route(make_task("mine"))
    route(make_task("mine"))
    assert len(harness.task_topic.sent) == 1
    harness.completion_topic.failures = 1
    with pytest.raises(Exception, match="AWS refuses"):
        route("{oops", "m-2")
    route("{oops", "m-2")
    assert len(harness.completion_topic.sent) == 1


@pytest.mark.parametrize(
    "body", ["", "{}", "null", "[1]", '{"Type": "Notification"}', '{"Type": 1, "Message": 2}', "[" * 9999]
)
def test_a_body_that_is_no_envelope_is_the_message(body: str) -> None:
    assert open_envelope(body, sqs_message_id="sqs-1") == Delivery("sqs-1", body, {})


def test_a_task_that_comes_raw_and_in_an_envelope_is_one_task(
    harness: Harness, route: Route, make_task: MakeTask
) -> None:
    """Reported of a subscription that changed to raw delivery: its queue holds both forms."""
    envelope = {"Type": "Notification", "MessageId": "sns-1", "TopicArn": "arn", "Message": json.dumps(make_task("a"))}
    for body in (json.dumps(make_task("a")), json.dumps(envelope)):
        route(open_envelope(body, sqs_message_id="sqs-1").body, "m-1")
    assert len(harness.task_topic.sent) == 1
    assert harness.completion_topic.sent == []


def test_an_envelope_gives_its_own_message_id_and_attributes() -> None:
    envelope = {
        "Type": "Notification",
        "MessageId": "sns-1",
        "TopicArn": "arn",
        "Message": "{}",
        "MessageAttributes": {"runtime": {"Type": "String", "Value": "sdruntime"}, "broken": 5},
    }
    assert open_envelope(json.dumps(envelope), sqs_message_id="x") == Delivery(
        "sns-1", "{}", {"runtime": "sdruntime"}, "arn"
    )
