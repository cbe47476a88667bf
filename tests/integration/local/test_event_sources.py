"""Event sources on a real moto server, with functions under the real runtime client."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from local.aws.clients import LocalAwsClients
from local.event_sources.event_source import EventSource, Threads, run_event_source
from local.event_sources.filters import read_filters
from local.event_sources.queue import QueueEventSource
from local.event_sources.stream import StreamEventSource
from local.event_sources.stream_batches import RetryPolicy
from local.lambda_runtime.function import LambdaFunction
from tests.harness.function_runner import FunctionRunner
from tests.harness.logs import read_json_lines
from tests.harness.queue_counts import counts, is_empty

#: Writes down what it gets, and reports as failed what says so until it was seen as often as it says.
CODE = """
import json, pathlib

seen = {}

def handler(event, context):
    failures = []
    with (pathlib.Path(__file__).parent / "events.jsonl").open("a") as file:
        file.write(json.dumps(event) + "\\n")
    for record in event["Records"]:
        if "body" in record:
            name, content = record["messageId"], json.loads(record["body"])
        else:
            name = record["dynamodb"]["SequenceNumber"]
            content = {key: int(value["N"]) for key, value in record["dynamodb"]["NewImage"].items() if "N" in value}
        seen[name] = seen.get(name, 0) + 1
        if seen[name] <= content.get("fails", 0):
            failures.append({"itemIdentifier": name})
    return {"batchItemFailures": failures}
"""


@pytest.fixture(autouse=True)
def _code(write_function: Callable[[str], None]) -> None:
    write_function(CODE)


@pytest.fixture
def events(tmp_path: Path) -> Callable[[], list[Any]]:
    return lambda: read_json_lines(tmp_path / "events.jsonl")


async def run_until(source: EventSource, done: Callable[[], bool]) -> None:
    """Run an event source until `done`."""
    running = asyncio.create_task(run_event_source(source))
    try:
        async with asyncio.timeout(30):
            while not done():  # noqa: ASYNC110 - what it looks for happens on a server
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def make_queue(clients: LocalAwsClients, **attributes: str) -> tuple[str, str]:
    sqs = clients("sqs")
    url = sqs.create_queue(QueueName=f"queue-{uuid4().hex}", Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def queue_scenario(
    clients: LocalAwsClients, url: str, arn: str, done: Callable[[], bool]
) -> Callable[[LambdaFunction], Awaitable[None]]:
    async def scenario(function: LambdaFunction) -> None:
        with ThreadPoolExecutor(4) as executor:
            source = QueueEventSource(
                sqs=clients("sqs"),
                threads=Threads(executor),
                function=function,
                queue_url=url,
                queue_arn=arn,
                batch_size=10,
                reports_items=True,
            )
            await run_until(source, done)

    return scenario


def test_messages_are_carried_and_only_failed_ones_come_again(
    clients: LocalAwsClients, run_function: FunctionRunner, events: Callable[[], list[Any]]
) -> None:
    url, arn = make_queue(clients, VisibilityTimeout="1")
    sqs = clients("sqs")
    attributes = {
        "text": {"DataType": "String", "StringValue": "x"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    sqs.send_message(QueueUrl=url, MessageBody="{}", MessageAttributes=attributes)
    sqs.send_message(QueueUrl=url, MessageBody='{"fails": 1}')

    run_function(queue_scenario(clients, url, arn, lambda: is_empty(sqs, url)))
    records = [record for event in events() for record in event["Records"]]
    assert sorted(record["body"] for record in records) == ['{"fails": 1}', '{"fails": 1}', "{}"]
    whole = next(record for record in records if record["body"] == "{}")
    assert whole["eventSource"] == "aws:sqs"
    assert whole["eventSourceARN"] == arn
    assert whole["attributes"]["ApproximateReceiveCount"] == "1"
    assert whole["messageAttributes"]["text"]["stringValue"] == "x"
    assert whole["messageAttributes"]["raw"]["binaryValue"] == "AAE="
    assert {"SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} <= whole["attributes"].keys()


def test_a_message_that_always_fails_ends_in_the_dead_letter_queue(
    clients: LocalAwsClients, run_function: FunctionRunner
) -> None:
    dead_url, dead_arn = make_queue(clients)
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, arn = make_queue(clients, VisibilityTimeout="0", RedrivePolicy=redrive)
    clients("sqs").send_message(QueueUrl=url, MessageBody='{"fails": 99}')

    run_function(queue_scenario(clients, url, arn, lambda: sum(counts(clients("sqs"), dead_url)) == 1))
    assert is_empty(clients("sqs"), url)


def make_table(clients: LocalAwsClients) -> tuple[str, str]:
    name = f"table-{uuid4().hex}"
    table = clients("dynamodb").create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    return name, table["TableDescription"]["LatestStreamArn"]


def put(clients: LocalAwsClients, table: str, name: str, *, status: str, fails: int = 0) -> None:
    item = {"id": {"S": name}, "status": {"S": status}, "fails": {"N": str(fails)}}
    clients("dynamodb").put_item(TableName=table, Item=item)


def stream_scenario(
    clients: LocalAwsClients, stream_arn: str, done: Callable[[], bool], *, failure_queue_url: str | None = None
) -> Callable[[LambdaFunction], Awaitable[None]]:
    pattern = json.dumps({"dynamodb": {"NewImage": {"status": {"S": ["COMPLETED"]}}}})

    async def scenario(function: LambdaFunction) -> None:
        with ThreadPoolExecutor(4) as executor:
            source = StreamEventSource(
                streams=clients("dynamodbstreams"),
                sqs=clients("sqs"),
                threads=Threads(executor),
                function=function,
                stream_arn=stream_arn,
                starting_position="TRIM_HORIZON",
                batch_size=100,
                matches=read_filters({"Filters": [{"Pattern": pattern}]}),
                policy=RetryPolicy(maximum_attempts=1, bisects=True, reports_items=True),
                failure_queue_url=failure_queue_url,
            )
            await run_until(source, done)

    return scenario


def names(events: list[Any]) -> list[list[str]]:
    return [[record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]] for event in events]


def test_changes_that_pass_the_filter_are_carried_in_order(
    clients: LocalAwsClients, run_function: FunctionRunner, events: Callable[[], list[Any]]
) -> None:
    table, stream_arn = make_table(clients)
    put(clients, table, "a", status="IN_QUEUE")
    put(clients, table, "a", status="COMPLETED")
    put(clients, table, "b", status="COMPLETED", fails=1)
    put(clients, table, "c", status="COMPLETED")
    clients("dynamodb").delete_item(TableName=table, Key={"id": {"S": "a"}})

    def done() -> bool:
        return bool(events()) and names(events())[-1][-1] == "c" and len(events()) > 1

    run_function(stream_scenario(clients, stream_arn, done))
    assert names(events()) == [["a", "b", "c"], ["b", "c"]]
    first = events()[0]["Records"][0]
    assert first["eventName"] == "MODIFY"
    assert first["dynamodb"]["OldImage"]["status"] == {"S": "IN_QUEUE"}


def test_what_is_discarded_is_told_to_the_failure_queue(
    clients: LocalAwsClients, run_function: FunctionRunner, events: Callable[[], list[Any]]
) -> None:
    table, stream_arn = make_table(clients)
    url, _ = make_queue(clients)
    put(clients, table, "a", status="COMPLETED", fails=99)
    put(clients, table, "b", status="COMPLETED")

    def done() -> bool:
        return sum(counts(clients("sqs"), url)) == 1 and ["b"] in names(events())

    run_function(stream_scenario(clients, stream_arn, done, failure_queue_url=url))
    body = json.loads(clients("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"])
    assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert body["DDBStreamBatchInfo"]["batchSize"] == 1
    assert body["DDBStreamBatchInfo"]["streamArn"] == stream_arn
