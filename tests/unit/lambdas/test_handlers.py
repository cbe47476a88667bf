"""Handlers, called with events as AWS sends them."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from contract.record import Status
from lambdas.authorize import handler as authorize
from lambdas.batch_api import handler as batch_api
from lambdas.expire_tasks import handler as expire_tasks
from lambdas.notify import handler as notify
from lambdas.queue_webhooks import handler as queue_webhooks
from lambdas.read_task import handler as read_task
from lambdas.route_tasks import handler as route_tasks
from lambdas.runtime import clients
from lambdas.submit_task import handler as submit_task
from lambdas.tasks import outcomes
from tests.unit.lambdas.harness import Harness, MakeTask, client

EVENTS = Path(__file__).parent / "events"
CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn",
    aws_request_id="r",
    function_version="1",
    get_remaining_time_in_millis=lambda: 45_000,
)
#: Not base64, not text, no password, a user's name in the place of the password.
BROKEN_PASSWORDS = [
    {"Authorization": f"Basic {value}"} for value in ("x", "thé", "/w==", "dGhlLWtleQ==", "dGhlLWtleTo=", "")
]
#: Returns the messages that a topic has sent, or that wait in a queue.
Received = Callable[[str], list[dict[str, Any]]]
COMPOSED = (
    authorize.authorizer,
    batch_api.application,
    expire_tasks.reaper,
    notify.ended_runs,
    queue_webhooks.ended_runs,
    read_task.settings,
    read_task.reader,
    route_tasks.router,
    submit_task.application,
)


def event(name: str, **changes: Any) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded | changes


@pytest.fixture(autouse=True)
def deployed(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """Set the environment of the handlers as the stacks do, and subscribe queues to the topics."""
    sns, sqs = client("sns"), client("sqs")
    urls = {}
    for name in ("task", "completion"):
        topic = sns.create_topic(Name=name)["TopicArn"]
        urls[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=urls[name], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        monkeypatch.setenv(f"{name.upper()}_TOPIC_ARN", topic)
    for name, variable in (
        ("webhooks", "WEBHOOK_QUEUE_URL"),
        ("failures", "FAILURE_QUEUE_URL"),
        ("batches", "BATCH_QUEUE_URL"),
    ):
        urls[name] = sqs.create_queue(QueueName=name)["QueueUrl"]
        monkeypatch.setenv(variable, urls[name])
    secret = client("secretsmanager").create_secret(Name="key", SecretString="the-key")
    for variable, value in {
        "TASK_TABLE": "tasks",
        "TASK_BUCKET": "task-bucket",
        "MODEL_BUCKET": "model-bucket",
        "OUTPUT_BUCKET": "out",
        "RUNTIMES": harness.catalogue.to_json(),
        "RETENTION_SECONDS": "3600",
        "TENANCY": "{}",
        "API_KEY_SECRET_ARNS": json.dumps({"default": secret["ARN"]}),
    }.items():
        monkeypatch.setenv(variable, value)

    def received(name: str) -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=urls[name], MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        return [json.loads(message["Body"]) for message in answer.get("Messages", ())]

    yield received
    for composed in COMPOSED:
        composed.cache_clear()


def call(handler: Any, event_: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = handler.handler(event_, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def post(body: str | bytes, path: str = "/v1alpha2", **changes: Any) -> tuple[int, dict[str, Any]]:
    if isinstance(body, bytes):
        changes |= {"isBase64Encoded": True}
        body = base64.b64encode(body).decode()
    return call(submit_task, event("api_gateway_post", path=path, resource=path, body=body, **changes))


def get(path: str, method: str = "GET", **query: str) -> tuple[int, dict[str, Any]]:
    request = event("api_gateway_post", path=path, httpMethod=method, body=None)
    return call(read_task, request | {"queryStringParameters": query or None})


def test_submitting_reading_listing_cancelling(deployed: Received, make_task: MakeTask) -> None:
    status, answer = post(json.dumps(make_task("a")))
    assert (status, answer) == (
        200,
        {"id_task": "a", "runtime": "sdruntime", "output_location": "s3://out/output/a"},
    )
    assert [message["task"]["metadata"]["id"] for message in deployed("task")] == ["a"]
    assert get("/v1alpha2/tasks/a")[1]["status"] == "IN_QUEUE"
    assert [task["id"] for task in get("/v1alpha2/tasks", limit="5")[1]["tasks"]] == ["a"]
    link = clients.client("s3").generate_presigned_url("get_object", Params={"Bucket": "out", "Key": "k"})
    assert "X-Amz-Signature" in link
    assert get("/v1alpha2/tasks/a", "DELETE")[1]["status"] == "CANCELLED"


def test_submitting_reading_listing_cancelling_a_batch(deployed: Received, make_task: MakeTask) -> None:
    def send(method: str, path: str = "", body: str | None = None) -> tuple[int, dict[str, Any]]:
        full_path = f"/v1alpha2/batches{path}"
        return call(batch_api, event("api_gateway_post", path=full_path, httpMethod=method, body=body))

    status, submitted = send("POST", body=json.dumps({"id": "b", "tasks": [make_task("a"), make_task("c")]}))
    assert (status, submitted["id"], submitted["tasks"]) == (202, "b", 2)
    assert send("GET", "/b") == (200, submitted)
    assert [batch["id"] for batch in send("GET")[1]["batches"]] == ["b"]
    assert [task["id"] for task in send("GET", "/b/tasks")[1]["tasks"]] == ["a", "c"]
    assert send("POST", "/b/retry")[1]["error"]["code"] == "batch_not_finished"
    assert send("DELETE", "/b")[0] == 202
    assert send("GET", "/other")[0] == 404


def test_a_repetition_with_its_key_begins_no_second_run(deployed: Received, make_task: MakeTask) -> None:
    body = json.dumps(make_task("a"))
    headers = {"idempotency-key": "k"}
    assert post(body, headers=headers)[0] == 200
    cancelled = get("/v1alpha2/tasks/a", "DELETE")[1]
    assert post(body.encode(), headers=headers)[0] == 200
    assert get("/v1alpha2/tasks/a")[1] == cancelled
    # Another body under the same key is a new request.
    assert post(json.dumps(make_task("b")), headers=headers)[0] == 200
    assert post(body, headers={"idempotency-key": "other"})[0] == 200
    assert get("/v1alpha2/tasks/a")[1]["status"] == "IN_QUEUE"
    assert len(deployed("task")) == 3


def test_a_repetition_of_a_retry_with_its_key_begins_no_second_run(
    deployed: Received, harness: Harness, make_task: MakeTask
) -> None:
    def retry(key: str) -> tuple[int, dict[str, Any]]:
        return post("", "/v1alpha2/tasks/a/retry", headers={"idempotency-key": key})

    def fail() -> None:
        harness.claim("a")
        harness.finish("a", outcomes.lost(harness.record("a")))

    assert post(json.dumps(make_task("a")))[0] == 200
    fail()
    first = retry("k")
    assert (first[0], first[1]["id_task"]) == (200, "a")
    assert retry("k") == first
    status, refused = retry("other")
    assert (status, refused["error"]["code"]) == (409, "not_retryable")
    fail()
    assert retry("k") == first
    assert get("/v1alpha2/tasks/a")[1]["status"] == "FAILED"
    assert retry("other")[0] == 200
    assert len(deployed("task")) == 3


def test_the_older_format_has_its_own_response() -> None:
    scripts = {"task": "text-to-image", "id_task": "b", "sd_model_checkpoint": "painting.safetensors"}
    assert post(json.dumps({"alwayson_scripts": scripts}).encode(), "/v1alpha1") == (
        200,
        {"id_task": "b", "sd_model_checkpoint": "painting.safetensors", "output_location": "s3://out/output/b"},
    )


def test_an_unknown_field_is_named_in_the_response(make_task: MakeTask) -> None:
    assert post(json.dumps(make_task("a", {"colour": 1})))[1]["unknown_fields"] == ["task.content.colour"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "invalid_json"),
        ("", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        ("{}", 400, "invalid_task"),
    ],
)
def test_errors_have_their_status_and_code(body: str | bytes, status: int, code: str) -> None:
    answer = post(body)
    assert (answer[0], answer[1]["error"]["code"]) == (status, code)


def test_an_id_in_use_and_a_finished_task_are_conflicts(make_task: MakeTask) -> None:
    post(json.dumps(make_task("a")))
    other = event("api_gateway_post", body=json.dumps(make_task("a", {"prompt": "else"})))
    other["requestContext"]["requestId"] = "another"
    status, answer = call(submit_task, other)
    assert (status, answer["error"]["code"]) == (409, "id_in_use")
    assert get("/v1alpha2/tasks/nobody")[0] == 404


def test_a_key_with_too_many_active_tasks_is_told_to_come_again(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIVE_TASKS_PER_KEY", "1")
    assert post(json.dumps(make_task("a")))[0] == 200
    answer = submit_task.handler(event("api_gateway_post", body=json.dumps(make_task("b"))), CONTEXT)
    assert answer["statusCode"] == 429
    assert answer["multiValueHeaders"]["Retry-After"] == ["2"]
    assert json.loads(answer["body"])["error"]["code"] == "too_many_active_tasks"
    assert get("/v1alpha2/tasks/a", "DELETE")[0] == 200
    change = event("table_stream")
    image = change["Records"][0]["dynamodb"]["NewImage"]
    change["Records"][0]["dynamodb"]["NewImage"] = image | {"run": {"S": run_of("a")}, "key_name": {"S": "default"}}
    assert notify.handler(change, CONTEXT) == {"batchItemFailures": []}
    assert post(json.dumps(make_task("b")))[0] == 200


def run_of(task_id: str) -> str:
    item = clients.dynamodb().get_item(TableName="tasks", Key={"id": task_id})["Item"]
    return str(item["run"])


@pytest.mark.parametrize("task_id", ["\x84", "a\nb", "\u2028"])
def test_what_no_id_has_in_it_is_not_found(task_id: str) -> None:
    status, answer = get(f"/v1alpha2/tasks/{task_id}")
    assert (status, answer["error"]["code"]) == (404, "not_found")


def test_aws_refusing_is_503_with_retry_after(harness: Harness, make_task: MakeTask) -> None:
    harness.dynamodb.delete_table(TableName="tasks")
    answer = submit_task.handler(event("api_gateway_post", body=json.dumps(make_task("a"))), CONTEXT)
    assert answer["statusCode"] == 503
    assert json.loads(answer["body"])["error"]["code"] == "unavailable"
    assert answer["multiValueHeaders"]["Retry-After"] == ["2"]


def test_a_call_is_accepted_although_sns_refuses_its_message(
    harness: Harness, deployed: Received, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any, __: Any, **___: Any) -> None:
        raise ConnectionError("AWS refuses")

    monkeypatch.setattr(harness.publisher.__class__, "publish", refuse)
    answer = submit_task.handler(event("api_gateway_post", body=json.dumps(make_task("a"))), CONTEXT)
    assert answer["statusCode"] == 200
    assert harness.record("a").published_at_ms is None
    assert deployed("completion") == []


def test_a_batch_fails_only_where_it_failed(
    harness: Harness, deployed: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = harness.publisher.__class__.publish

    def refuse_one(self: Any, record: Any, **options: Any) -> None:
        if record.id == "refused-by-sns":
            raise ConnectionError("AWS refuses")
        publish(self, record, **options)

    monkeypatch.setattr(harness.publisher.__class__, "publish", refuse_one)
    answer = route_tasks.handler(event("sqs_envelopes"), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]}
    assert harness.record("good").published_at_ms
    assert harness.record("refused-by-sns").published_at_ms is None
    monkeypatch.undo()


def test_the_stream_calls_back(deployed: Received) -> None:
    assert notify.handler(event("table_stream"), CONTEXT) == {"batchItemFailures": []}
    [callback] = deployed("completion")
    assert (callback["id"], callback["context"], callback["result"]) == ("a", {"abc": 123}, True)


def test_webhooks_do_not_wait_for_callbacks(deployed: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    change = event("table_stream")
    change["Records"][0]["dynamodb"]["NewImage"]["webhook"] = {"S": "https://example.com/hook"}
    monkeypatch.setenv("COMPLETION_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:gone")
    number = change["Records"][0]["dynamodb"]["SequenceNumber"]
    assert notify.handler(change, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": number}]}
    assert queue_webhooks.handler(change, CONTEXT) == {"batchItemFailures": []}
    [message] = deployed("webhooks")
    assert (message["record"]["id"], message["record"]["webhook"]) == ("a", "https://example.com/hook")


@pytest.mark.parametrize("handler", [notify, queue_webhooks])
def test_a_change_that_no_repetition_settles_is_set_aside(deployed: Received, handler: ModuleType) -> None:
    change = event("table_stream")
    change["Records"][0]["dynamodb"]["NewImage"]["attempts"] = {"S": "many"}
    assert handler.handler(change, CONTEXT) == {"batchItemFailures": []}
    [message] = deployed("failures")
    assert (message["id"], message["run"], message["status"]) == ("a", "1a2b", "COMPLETED")
    assert "attempts" in message["reason"]


def test_the_sweep_runs_on_schedule(harness: Harness, make_task: MakeTask) -> None:
    # The clock of the harness is years behind that of the handler.
    harness.submit(make_task("a"), "s1")
    expire_tasks.handler({"source": "aws.events", "detail-type": "Scheduled Event"}, CONTEXT)
    assert harness.record("a").status is Status.TIMED_OUT


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer the-key"},
        {"authorization": "the-key"},
        {"X-Api-Key": "the-key"},
        {"Authorization": f"Basic {base64.b64encode(b'anybody:the-key').decode()}"},
    ],
)
def test_a_right_key_opens_the_whole_stage(headers: dict[str, str]) -> None:
    answer = authorize.handler(event("authorizer_request", headers=headers), CONTEXT)
    assert (answer["principalId"], answer["usageIdentifierKey"]) == ("default", "the-key")
    [statement] = answer["policyDocument"]["Statement"]
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/v1/*"


@pytest.mark.parametrize(
    "headers",
    [None, {}, {"x-api-key": ""}, {"x-api-key": "thé-key"}, {"Authorization": "Bearer"}, *BROKEN_PASSWORDS],
)
def test_every_other_key_is_refused_as_api_gateway_needs_it(headers: dict[str, str] | None) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorize.handler(event("authorizer_request", headers=headers), CONTEXT)


def test_a_key_in_another_header_than_the_configured_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY_HEADER", "x-api-key")
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorize.handler(event("authorizer_request", headers={"Authorization": "the-key"}), CONTEXT)
