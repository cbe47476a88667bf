"""Two queues as one: what is not urgent comes when nothing else does, and goes back to where it came from."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from types_boto3_sqs import SQSClient

from runtime_image.agent.core.errors import MessageNotInFlight
from runtime_image.agent.core.task_queue import TaskQueue
from runtime_image.process.clock import Clock
from tests.harness.queue_counts import counts


@pytest.fixture
def sqs() -> Iterator[SQSClient]:
    with mock_aws():
        yield boto3.client("sqs")


@pytest.fixture
def urls(sqs: SQSClient) -> dict[str, str]:
    return {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("normal", "low")}


@pytest.fixture
def queue(sqs: SQSClient, urls: dict[str, str]) -> TaskQueue:
    return TaskQueue(
        client=sqs,
        queue_url=urls["normal"],
        low_priority_queue_url=urls["low"],
        visibility_timeout_seconds=60,
        clock=Clock(),
    )


def test_what_is_urgent_comes_first(sqs: SQSClient, urls: dict[str, str], queue: TaskQueue) -> None:
    for name in ("low", "normal"):
        sqs.send_message(QueueUrl=urls[name], MessageBody=name)
    assert [message.body for message in queue.receive(10)] == ["normal"]
    assert [message.body for message in queue.receive(10)] == ["low"]
    assert queue.receive(10) == ()


@pytest.mark.parametrize("name", ["normal", "low"])
def test_a_message_goes_back_to_its_own_queue(
    sqs: SQSClient, urls: dict[str, str], queue: TaskQueue, name: str
) -> None:
    sqs.send_message(QueueUrl=urls[name], MessageBody=name)
    [message] = queue.receive(1)
    queue.extend(message.receipt_handle)
    assert counts(sqs, urls[name]) == (0, 1)
    queue.requeue(message.receipt_handle)
    assert counts(sqs, urls[name]) == (1, 0)
    [again] = queue.receive(1)
    assert (again.message_id, again.receive_count) == (message.message_id, 2)
    queue.delete(again.receipt_handle)
    assert counts(sqs, urls[name]) == (0, 0)
    queue.delete(again.receipt_handle)
    with pytest.raises(MessageNotInFlight):
        queue.extend(again.receipt_handle)


def test_a_refusal_that_is_not_about_the_message_is_an_error(
    sqs: SQSClient, urls: dict[str, str], queue: TaskQueue
) -> None:
    sqs.delete_queue(QueueUrl=urls["normal"])
    for call in (queue.extend, queue.requeue, queue.delete):
        with pytest.raises(ClientError, match="does not exist"):
            call("handle")


def test_an_agent_without_the_second_queue_asks_one_only(sqs: SQSClient, urls: dict[str, str]) -> None:
    sqs.send_message(QueueUrl=urls["low"], MessageBody="low")
    alone = TaskQueue(client=sqs, queue_url=urls["normal"], visibility_timeout_seconds=60, clock=Clock())
    assert alone.receive(1) == ()
