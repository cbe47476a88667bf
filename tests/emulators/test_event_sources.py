"""Contracts of Lambda's event sources: partial batches, redrive, order and retry of stream records."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

import pytest
from types_boto3_sqs import SQSClient
from types_boto3_sqs.type_defs import SendMessageResultTypeDef

from tests.emulators.contract_stack import MAX_RECEIVE_COUNT
from tests.emulators.emulated_services import EmulatedServices
from tests.harness.eventually import eventually
from tests.harness.queue_counts import is_empty

#: A failed message comes again after the visibility timeout of the queue.
SECONDS: Final = 40.0
#: Starts the function, which may take longer than the visibility timeout. No test looks at it.
WARM_UP: Final[dict[str, int]] = {}
#: How often the function reports a message as failed, breaks at it, or answers with a blank instead.
WISHES: Final = {"good": {}, "failed": {"fails": 1}, "broken": {"breaks": 1}, "blank": {"blanks": 1}}
#: A message that fails more often than the queue lets it come.
POISON: Final = {"fails": MAX_RECEIVE_COUNT + 1}


@pytest.fixture
def sqs(services: EmulatedServices) -> SQSClient:
    client: SQSClient = services.clients("sqs")
    return client


@pytest.fixture(scope="module")
def sent(services: EmulatedServices) -> dict[str, SendMessageResultTypeDef]:
    """Send all messages, and wait until the queue has none."""
    client, url = services.clients("sqs"), services.outputs["WorkQueueUrl"]
    answers = {}
    for name, wish in ({"warm-up": WARM_UP} | WISHES | {"poison": POISON}).items():
        answers[name] = client.send_message(
            QueueUrl=url,
            MessageBody=json.dumps(wish),
            MessageAttributes={
                "text": {"DataType": "String", "StringValue": "x"},
                "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
            },
        )
        # Each has its first call to itself, because one of them breaks it.
        eventually(lambda name=name: received(services, answers[name]), f"the first call with {name}", SECONDS)  # type: ignore[misc]
    eventually(lambda: is_empty(client, url), "the end of all messages", SECONDS)
    return answers


def received(services: EmulatedServices, message: SendMessageResultTypeDef) -> list[dict[str, Any]]:
    """Return the records of a message, one for each time that the function got it."""
    batches = services.batches(lambda record: record.get("messageId") == message["MessageId"])
    return [record for batch in batches for record in batch]


def test_a_message_reaches_its_function_with_its_attributes(
    services: EmulatedServices, sent: dict[str, SendMessageResultTypeDef]
) -> None:
    (record,) = received(services, sent["good"])
    assert (record["body"], record["eventSource"]) == ("{}", "aws:sqs")
    assert record["md5OfBody"] == sent["good"]["MD5OfMessageBody"]
    assert record["messageAttributes"]["text"]["stringValue"] == "x"
    assert record["messageAttributes"]["raw"]["binaryValue"] == "AAE="
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= record["attributes"].keys()


@pytest.mark.parametrize(("name", "times"), [("good", 1), ("failed", 2), ("broken", 2), ("poison", MAX_RECEIVE_COUNT)])
def test_messages_come_again_while_they_fail(
    services: EmulatedServices, sent: dict[str, SendMessageResultTypeDef], name: str, times: int
) -> None:
    counts = [record["attributes"]["ApproximateReceiveCount"] for record in received(services, sent[name])]
    assert counts == [str(number + 1) for number in range(times)]


def test_an_answer_with_an_empty_identifier_fails_the_whole_batch(
    services: EmulatedServices, sent: dict[str, SendMessageResultTypeDef]
) -> None:
    assert len(received(services, sent["blank"])) == 2


def test_only_what_always_fails_ends_in_the_dead_letter_queue(
    services: EmulatedServices, sqs: SQSClient, sent: dict[str, SendMessageResultTypeDef]
) -> None:
    url = services.outputs["DeadLetterQueueUrl"]
    letters = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)["Messages"]
    assert [letter["MessageId"] for letter in letters] == [sent["poison"]["MessageId"]]


def put(
    services: EmulatedServices,
    name: str,
    *,
    status: str = "COMPLETED",
    version: int = 0,
    wishes: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Write an item; `fails` or `breaks` is how often the function reports its change as failed, or breaks at it."""
    numbers = {key: {"N": str(value)} for key, value in {"version": version, **wishes}.items()}
    item = {"id": {"S": name}, "status": {"S": status}, **numbers}
    services.clients("dynamodb").put_item(TableName=services.outputs["TableName"], Item=item)


def seen(services: EmulatedServices, prefix: str) -> list[str]:
    """Return the items of a test in the order in which the function got their changes, repetitions included."""

    def belongs(record: dict[str, Any]) -> bool:
        return "dynamodb" in record and record["dynamodb"]["Keys"]["id"]["S"].startswith(prefix)

    return [
        record["dynamodb"]["Keys"]["id"]["S"].removeprefix(prefix) + record["dynamodb"]["NewImage"]["version"]["N"]
        for batch in services.batches(belongs)
        for record in batch
    ]


@pytest.fixture
def prefix() -> str:
    return uuid4().hex


def test_a_stream_carries_the_changes_that_pass_its_filter_in_order(services: EmulatedServices, prefix: str) -> None:
    put(services, f"{prefix}a", status="IN_QUEUE")
    for version in range(1, 6):
        put(services, f"{prefix}a", version=version)
        put(services, f"{prefix}b", version=version)
    expected = [f"{name}{version}" for version in range(1, 6) for name in "ab"]
    # Changes of different items have no order on AWS.
    eventually(lambda: len(seen(services, prefix)) == len(expected), "all changes", SECONDS)
    assert [change for change in seen(services, prefix) if change[0] == "a"] == expected[::2]
    assert [change for change in seen(services, prefix) if change[0] == "b"] == expected[1::2]


def test_a_stream_record_has_both_images(services: EmulatedServices, prefix: str) -> None:
    put(services, prefix, status="IN_QUEUE")
    put(services, prefix, version=1)
    eventually(lambda: seen(services, prefix), "the change", SECONDS)
    ((record,),) = services.batches(lambda item: item.get("dynamodb", {}).get("Keys", {}).get("id") == {"S": prefix})
    change = record["dynamodb"]
    assert (record["eventName"], record["eventSource"]) == ("MODIFY", "aws:dynamodb")
    assert change["OldImage"]["status"] == {"S": "IN_QUEUE"}
    assert change["NewImage"]["version"] == {"N": "1"}
    assert change["StreamViewType"] == "NEW_AND_OLD_IMAGES"


def test_a_write_that_changes_nothing_is_no_stream_record(services: EmulatedServices, prefix: str) -> None:
    put(services, f"{prefix}a")
    put(services, f"{prefix}a")
    put(services, f"{prefix}end")
    eventually(lambda: "end0" in seen(services, prefix), "the last change", SECONDS)
    assert seen(services, prefix) == ["a0", "end0"]


@pytest.mark.parametrize("wish", ["fails", "breaks"])
def test_a_change_that_failed_once_comes_again(services: EmulatedServices, prefix: str, wish: str) -> None:
    put(services, prefix, wishes={wish: 1})
    eventually(lambda: len(seen(services, prefix)) == 2, "the repetition", SECONDS)


@pytest.mark.parametrize("wish", ["fails", "breaks"])
def test_a_poisoned_change_is_reported_alone_and_the_others_go_on_in_order(
    services: EmulatedServices, sqs: SQSClient, prefix: str, wish: str
) -> None:
    for name, times in (("a", 0), ("b", 99), ("c", 0)):
        put(services, prefix + name, wishes={wish: times})
    url = services.outputs["DiscardedQueueUrl"]
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"), "the report", SECONDS)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    report = json.loads(message["Body"])
    assert report["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert report["DDBStreamBatchInfo"]["batchSize"] == 1
    assert services.outputs["TableName"] in report["DDBStreamBatchInfo"]["streamArn"]
    eventually(lambda: "c0" in seen(services, prefix), "the change after it", SECONDS)
    handled = list(dict.fromkeys(seen(services, prefix)))
    assert handled == ["a0", "b0", "c0"]
    if wish == "fails":
        # The answer named the first failure, so the change before it was done.
        assert seen(services, prefix).count("a0") == 1
