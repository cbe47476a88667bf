"""Webhooks over real TLS: their bodies, their signatures, and endpoints that refuse them."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from botocore.endpoint import Endpoint
from botocore.exceptions import ConnectTimeoutError
from standardwebhooks import Webhook, WebhookVerificationError

from contract.callback import callback_for
from contract.record import Record, Status
from contract.transitions import Outcome
from contract.webhook import MAX_WEBHOOK_ATTEMPTS, PAUSES_SECONDS, encode_webhook
from lambdas.deliver_webhook import handler as deliver_webhook
from lambdas.messaging.queues import SqsQueue
from lambdas.runtime import clients
from tests.harness.https_receiver import HttpsReceiver, status
from tests.unit.lambdas.harness import Harness, MakeTask, client
from tests.unit.lambdas.signing_secret import NEW_SECRET, SECRET, SigningSecret

CONTEXT = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1024, invoked_function_arn="arn", aws_request_id="r", function_version="1"
)
DONE = Outcome(Status.COMPLETED, image_urls=("s3://out/a-1.png",), output_url="s3://out/a.out")

EndedTask = Callable[..., Record]


class DeployedQueue(NamedTuple):
    """Queue with its function: `run` calls it with a batch, and returns the ids of the failed messages.

    `pauses` are the delays of the messages that the function sent, which the queue delivers at once.
    """

    url: str
    dead_letter_url: str
    run: Callable[[], list[str]]
    pauses: list[int]
    send: Callable[[Record], None]

    def dead_letters(self) -> list[str]:
        """Return the bodies of the dead letters."""
        answer = client("sqs").receive_message(QueueUrl=self.dead_letter_url, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]


@pytest.fixture
def queue(
    harness: Harness, receiver: HttpsReceiver, secret: SigningSecret, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DeployedQueue]:
    """Queue with its deployed function."""
    sqs = client("sqs")
    # A message that fails is visible again at once.
    url, dead_letter_url = (
        sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
        for name in ("webhooks", "webhook-dead-letters")
    )
    for name, value in {
        "WEBHOOK_QUEUE_URL": url,
        "WEBHOOK_DEAD_LETTER_QUEUE_URL": dead_letter_url,
        "WEBHOOK_SECRET_ARNS": json.dumps({"": secret.arn}),
        "TASK_TABLE": "tasks",
        "TASK_BUCKET": "task-bucket",
        "RETENTION_SECONDS": "3600",
        "ALLOWED_LINK_HOSTS": json.dumps([f"127.0.0.1:{receiver.server_port}"]),
    }.items():
        monkeypatch.setenv(name, value)
    pauses: list[int] = []
    send_message = clients.client("sqs").send_message

    def send_at_once(**request: Any) -> None:
        if request["QueueUrl"] == url:
            pauses.append(request["DelaySeconds"])
        send_message(**request | {"DelaySeconds": 0})

    monkeypatch.setattr(clients.client("sqs"), "send_message", send_at_once)

    def run() -> list[str]:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        messages = answer.get("Messages", [])
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "messageAttributes": {
                    name: {"dataType": value["DataType"], "stringValue": value["StringValue"]}
                    for name, value in message.get("MessageAttributes", {}).items()
                },
            }
            for message in messages
        ]
        failed = deliver_webhook.handler({"Records": records}, CONTEXT)["batchItemFailures"] if records else []
        names = [item["itemIdentifier"] for item in failed]
        for message in messages:
            if message["MessageId"] not in names:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return names

    yield DeployedQueue(url, dead_letter_url, run, pauses, SqsQueue(client=sqs, queue_url=url).send_webhook)
    for composed in (deliver_webhook.settings, deliver_webhook.webhooks):
        composed.cache_clear()


@pytest.fixture
def ended(harness: Harness, make_task: MakeTask) -> EndedTask:
    def end(webhook: str, task_id: str = "a", submission_id: str = "s1") -> Record:
        body = make_task(task_id, webhook=webhook)
        harness.submit(body, submission_id)
        harness.claim(task_id)
        harness.finish(task_id, DONE)
        return harness.record(task_id)

    return end


def test_the_pauses_grow_for_an_hour() -> None:
    assert 3500 <= sum(PAUSES_SECONDS) <= 3600
    assert list(PAUSES_SECONDS) == sorted(PAUSES_SECONDS)
    assert max(PAUSES_SECONDS) <= 900, "SQS refuses a longer delay"


def test_a_signed_callback_arrives(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    record = ended(receiver.url("/hook?key=1"))
    queue.send(record)
    assert queue.run() == []
    [request] = receiver.of("/hook?key=1")
    assert Webhook(SECRET).verify(request.body, request.headers) == callback_for(record)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body + b" ", request.headers)
    assert request.headers["content-type"] == "application/json"
    noted = harness.record("a")
    assert (noted.webhook_state, noted.webhook_attempts, noted.webhook_last_status) == ("delivered", 1, 200)
    assert noted.webhook_last_error is None
    queue.run()
    assert len(receiver.received) == 1


def test_an_endpoint_that_fails_is_asked_again_with_growing_pauses(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    receiver.answers["/hook"] = status(503)
    record = ended(receiver.url("/hook"))
    queue.send(record)
    for attempt in range(1, MAX_WEBHOOK_ATTEMPTS + 1):
        assert queue.dead_letters() == []
        assert queue.run() == []
        noted = harness.record("a")
        assert (noted.webhook_attempts, noted.webhook_last_status) == (attempt, 503)
        assert noted.webhook_state == ("failed" if attempt == MAX_WEBHOOK_ATTEMPTS else "pending")
    assert queue.pauses == [*PAUSES_SECONDS]
    assert queue.dead_letters() == [encode_webhook(record)]
    queue.run()
    first, *others = receiver.of("/hook")
    assert {request.headers["webhook-id"] for request in others} == {first.headers["webhook-id"]}
    assert {request.body for request in others} == {first.body}
    assert len(receiver.received) == MAX_WEBHOOK_ATTEMPTS


def test_a_dead_letter_that_is_sent_back_has_all_attempts_again(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    receiver.answers["/hook"] = status(503)
    queue.send(ended(receiver.url("/hook")))
    for _ in range(MAX_WEBHOOK_ATTEMPTS):
        queue.run()
    sqs = client("sqs")
    [message] = sqs.receive_message(QueueUrl=queue.dead_letter_url, MessageAttributeNames=["All"])["Messages"]
    sqs.send_message(
        QueueUrl=queue.url, MessageBody=message["Body"], MessageAttributes=message.get("MessageAttributes", {})
    )
    queue.pauses.clear()
    queue.run()
    assert queue.pauses == [PAUSES_SECONDS[0]]
    assert harness.record("a").webhook_state == "pending"


def test_a_message_that_cannot_be_sent_again_stays_and_its_next_delivery_is_the_next_attempt(
    harness: Harness,
    receiver: HttpsReceiver,
    queue: DeployedQueue,
    ended: EndedTask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    receiver.answers["/hook"] = status(503)
    queue.send(ended(receiver.url("/hook")))
    with monkeypatch.context() as broken:
        broken.setattr(clients.client("sqs"), "send_message", lambda **_: 1 / 0)
        assert len(queue.run()) == 1
    assert queue.run() == []
    assert queue.pauses == [PAUSES_SECONDS[1]]
    assert harness.record("a").webhook_attempts == 2


def test_the_log_names_the_host_that_failed_and_a_task(
    receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers["/hook?key=1"] = status(503)
    queue.send(ended(receiver.url("/hook?key=1")))
    for _ in range(MAX_WEBHOOK_ATTEMPTS):
        queue.run()
    lines = [record for record in caplog.records if record.message == "webhook_attempted"]
    assert [line.levelname for line in lines] == [*["INFO"] * (MAX_WEBHOOK_ATTEMPTS - 1), "WARNING"]
    assert {tuple(vars(line)[field] for field in ("host", "http_status", "task_id")) for line in lines} == {
        ("127.0.0.1", 503, "a")
    }


def test_an_endpoint_that_recovers_is_delivered(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    receiver.answers["/hook"] = status(404)
    queue.send(ended(receiver.url("/hook")))
    assert queue.run() == []
    receiver.answers["/hook"] = status(204)
    assert queue.run() == []
    noted = harness.record("a")
    assert (noted.webhook_state, noted.webhook_attempts, noted.webhook_last_status) == ("delivered", 2, 204)


def test_a_message_that_comes_twice_leaves_its_webhook_delivered(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    record = ended(receiver.url("/hook"))
    queue.send(record)
    queue.run()
    receiver.answers["/hook"] = status(503)

    queue.send(record)
    queue.run()

    noted = harness.record("a")
    assert (noted.webhook_state, noted.webhook_attempts, noted.webhook_last_status) == ("delivered", 1, 200)


def test_gone_is_the_end(harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask) -> None:
    receiver.answers["/hook"] = status(410)
    queue.send(ended(receiver.url("/hook")))
    assert queue.run() == []
    assert (harness.record("a").webhook_state, harness.record("a").webhook_last_status) == ("failed", 410)


def test_a_redirect_is_not_followed(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    receiver.answers["/hook"] = status(307, Location=receiver.url("/elsewhere"))
    queue.send(ended(receiver.url("/hook")))
    queue.run()
    assert queue.pauses == [PAUSES_SECONDS[0]]
    assert [request.path for request in receiver.received] == ["/hook"]
    assert harness.record("a").webhook_last_status == 307
    assert "redirects are not followed" in str(harness.record("a").webhook_last_error)


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1:1/", "https://169.254.169.254/", "https://[::ffff:10.0.0.1]/", "https://0x7f.1/"],
)
def test_where_no_webhook_may_lead(harness: Harness, queue: DeployedQueue, ended: EndedTask, url: str) -> None:
    queue.send(ended(url))
    assert queue.run() == []
    noted = harness.record("a")
    assert (noted.webhook_state, noted.webhook_last_status) == ("failed", None)
    assert noted.webhook_last_error


def test_a_certificate_that_nobody_vouches_for(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    queue.send(ended(receiver.url("/hook")))
    queue.run()
    assert queue.pauses == [PAUSES_SECONDS[0]]
    assert "certificate" in str(harness.record("a").webhook_last_error).lower()
    assert receiver.received == []


def test_a_slow_endpoint_keeps_no_other_of_its_batch_waiting(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    others_arrived = threading.Event()

    def slow(request: BaseHTTPRequestHandler) -> None:
        assert others_arrived.wait(20)
        status(200)(request)

    def quick(request: BaseHTTPRequestHandler) -> None:
        others_arrived.set()
        status(200)(request)

    receiver.answers |= {"/slow": slow, "/quick": quick}
    queue.send(ended(receiver.url("/slow"), "slow"))
    queue.send(ended(receiver.url("/quick"), "quick"))
    assert queue.run() == []
    assert harness.record("slow").webhook_state == harness.record("quick").webhook_state == "delivered"


def test_an_endless_answer_is_not_read(receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while True:
            request.wfile.write(b"x" * 65536)

    receiver.answers["/hook"] = endless
    queue.send(ended(receiver.url("/hook")))
    assert queue.run() == []


def test_a_silent_secrets_manager_is_asked_once_in_an_attempt(
    receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, send = [], Endpoint._do_get_response  # type: ignore[attr-defined] # the stubs leave it out

    def silent(endpoint: Endpoint, request: Any, operation: Any, context: Any) -> Any:
        if operation.name != "GetSecretValue":
            return send(endpoint, request, operation, context)
        calls.append(request)
        return None, ConnectTimeoutError(endpoint_url=request.url)

    monkeypatch.setattr(Endpoint, "_do_get_response", silent)
    queue.send(ended(receiver.url("/hook")))
    queue.run()
    assert (queue.pauses, len(calls)) == ([PAUSES_SECONDS[0]], 1)


def test_a_receiver_with_either_secret_accepts(
    receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask, secret: SigningSecret
) -> None:
    secret.client.put_secret_value(SecretId=secret.arn, SecretString=NEW_SECRET)
    queue.send(ended(receiver.url("/hook")))
    assert queue.run() == []
    [request] = receiver.received
    for key in (SECRET, NEW_SECRET):
        assert Webhook(key).verify(request.body, request.headers)["id"] == "a"


def test_a_webhook_of_an_older_run_is_delivered_and_leaves_the_newer_run_alone(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    queue.send(ended(receiver.url("/first")))
    second = ended(receiver.url("/second"), submission_id="s2")
    queue.run()
    assert len(receiver.of("/first")) == 1
    assert harness.record("a") == second
    queue.send(second)
    queue.run()
    ids = {request.headers["webhook-id"] for request in receiver.received}
    assert len(ids) == 2


def test_what_keeps_us_from_an_attempt_stands_on_the_task(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask, secret: SigningSecret
) -> None:
    secret.client.put_secret_value(SecretId=secret.arn, SecretString="no secret")
    secret.client.put_secret_value(SecretId=secret.arn, SecretString="no secret either")
    record = ended(receiver.url("/hook"))
    queue.send(record)
    for attempt in range(1, MAX_WEBHOOK_ATTEMPTS + 1):
        queue.run()
        noted = harness.record("a")
        state = "failed" if attempt == MAX_WEBHOOK_ATTEMPTS else "pending"
        assert (noted.webhook_state, noted.webhook_last_status, noted.webhook_attempts) == (state, None, attempt)
        assert "InvalidSecret" in str(noted.webhook_last_error)
    assert queue.dead_letters() == [encode_webhook(record)]
    assert receiver.received == []


def test_a_message_that_is_none_comes_again_without_the_others(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    client("sqs").send_message(QueueUrl=queue.url, MessageBody="{}")
    queue.send(ended(receiver.url("/hook")))
    assert len(queue.run()) == 1
    assert harness.record("a").webhook_state == "delivered"


def test_what_is_delivered_is_not_sent_again_because_its_trace_failed(
    harness: Harness, receiver: HttpsReceiver, queue: DeployedQueue, ended: EndedTask
) -> None:
    message = encode_webhook(ended(receiver.url("/hook")))
    harness.dynamodb.delete_table(TableName="tasks")
    delivery = deliver_webhook.webhooks().prepare(message, attempts=1, now_ms=harness.now_ms)
    attempt = deliver_webhook.webhooks().attempt(delivery)
    deliver_webhook.webhooks().settle(delivery, attempt)
    assert queue.pauses == []
