"""Contracts of SQS: visibility timeout, delay, redrive and receipt handles."""

import json
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.emulators.contract_stack import MAX_RECEIVE_COUNT
from tests.emulators.emulated_services import EmulatedServices
from tests.emulators.errors import error_code
from tests.harness.eventually import eventually
from tests.harness.queue_counts import counts, is_empty

SECONDS: Final = 40.0


class Queue:
    """A new queue with a dead-letter queue."""

    def __init__(self, services: EmulatedServices) -> None:
        self.sqs = services.clients("sqs")
        dead_letter_name, name = (f"{kind}-{uuid4().hex}" for kind in ("dead", "queue"))
        self.dead_letters_url = self.sqs.create_queue(QueueName=dead_letter_name)["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.dead_letters_url, AttributeNames=["QueueArn"])
        dead_letters_arn = attributes["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": dead_letters_arn, "maxReceiveCount": MAX_RECEIVE_COUNT})
        self.url = self.sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})["QueueUrl"]

    def send(self, body: str, **options: Any) -> str:
        return str(self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **options)["MessageId"])

    def receive(self, *, visibility_seconds: int = 600) -> list[Any]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=visibility_seconds,
            MessageSystemAttributeNames=["All"],
        )
        found: list[Any] = answer.get("Messages", [])
        return found

    def receive_soon(self) -> list[Any]:
        return eventually(self.receive, "a message", SECONDS)

    def dead_letter(self) -> Any:
        (letter,) = self.sqs.receive_message(QueueUrl=self.dead_letters_url, WaitTimeSeconds=2)["Messages"]
        return letter

    def change_visibility(self, message: Any, seconds: int) -> None:
        self.sqs.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )

    def delete(self, message: Any) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def queue(services: EmulatedServices) -> Queue:
    return Queue(services)


def test_a_received_message_is_invisible_until_its_timeout_is_changed(queue: Queue) -> None:
    queue.send("x")
    (message,) = queue.receive()
    assert queue.receive() == []
    assert counts(queue.sqs, queue.url) == (0, 1)
    queue.change_visibility(message, 0)
    (again,) = queue.receive_soon()
    assert again["MessageId"] == message["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"


def test_a_message_is_visible_again_when_its_timeout_has_passed(queue: Queue) -> None:
    queue.send("x")
    assert queue.receive(visibility_seconds=1)
    assert queue.receive_soon()


def test_a_longer_timeout_replaces_the_first(queue: Queue) -> None:
    queue.send("x")
    (message,) = queue.receive(visibility_seconds=4)
    queue.change_visibility(message, 600)
    sent_later = queue.send("later", DelaySeconds=5)
    # The first timeout has passed when the delayed message is there.
    assert [item["MessageId"] for item in queue.receive_soon()] == [sent_later]


def test_a_delayed_message_comes_later(queue: Queue) -> None:
    queue.send("x", DelaySeconds=3)
    assert queue.receive() == []
    assert queue.receive_soon()


def test_a_deleted_message_never_comes_again(queue: Queue) -> None:
    queue.send("x")
    (message,) = queue.receive()
    queue.delete(message)
    assert is_empty(queue.sqs, queue.url)


def test_the_timeout_of_a_deleted_message_cannot_be_changed(queue: Queue) -> None:
    queue.send("x")
    (message,) = queue.receive()
    queue.delete(message)
    code = error_code(lambda: queue.change_visibility(message, 10))
    assert code in {"AWS.SimpleQueueService.MessageNotInflight", "InvalidParameterValue", "ReceiptHandleIsInvalid"}


def test_the_timeout_of_a_visible_message_cannot_be_changed(queue: Queue) -> None:
    queue.send("x")
    (message,) = queue.receive()
    queue.change_visibility(message, 0)
    code = error_code(lambda: queue.change_visibility(message, 10))
    assert code == "AWS.SimpleQueueService.MessageNotInflight"


def test_a_timeout_of_more_than_twelve_hours_is_refused(queue: Queue) -> None:
    queue.send("x")
    (message,) = queue.receive()
    assert error_code(lambda: queue.change_visibility(message, 43_201)) == "InvalidParameterValue"


def test_an_unknown_receipt_handle_is_refused(queue: Queue) -> None:
    code = error_code(lambda: queue.delete({"ReceiptHandle": "unknown"}))
    assert code == "ReceiptHandleIsInvalid"


def test_a_queue_that_is_missing_is_named_by_the_error(queue: Queue) -> None:
    missing = queue.url + "-missing"
    code = error_code(lambda: queue.sqs.receive_message(QueueUrl=missing))
    assert code == "AWS.SimpleQueueService.NonExistentQueue"


def test_a_message_that_was_received_too_often_moves_to_the_dead_letter_queue(queue: Queue) -> None:
    sent = queue.send("x")
    for _ in range(MAX_RECEIVE_COUNT):
        (message,) = queue.receive_soon()
        queue.change_visibility(message, 0)
    assert queue.receive() == []
    assert queue.dead_letter()["MessageId"] == sent


def test_a_batch_settles_each_entry_alone(queue: Queue) -> None:
    queue.send("x")
    (message,) = queue.receive()
    entries = [
        {"Id": "good", "ReceiptHandle": message["ReceiptHandle"]},
        {"Id": "bad", "ReceiptHandle": "unknown"},
    ]
    answer = queue.sqs.delete_message_batch(QueueUrl=queue.url, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [entry["Id"] for entry in answer["Failed"]] == ["bad"]
    assert is_empty(queue.sqs, queue.url)
