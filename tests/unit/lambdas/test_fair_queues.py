"""Fairness between senders: the message groups of the task topic, and what SQS makes of them.

The Amazon SQS developer guide describes fair queues. A group with more messages in flight than others is noisy.
Messages of quiet groups are delivered before its messages.
"""

import json
from collections import Counter, deque
from dataclasses import dataclass, field

import pytest

from contract.record import Record
from contract.tenancy import Tenant
from lambdas.messaging.queues import SqsQueue
from lambdas.messaging.topics import SnsTopic
from tests.harness.records import make_record
from tests.unit.lambdas.harness import Harness, MakeTask, client

REPLICAS = 4


@dataclass
class FairQueue:
    """Model of a fair queue with one message in flight for each replica."""

    waiting: dict[str, deque[str]] = field(default_factory=dict)
    in_flight: Counter[str] = field(default_factory=Counter)
    delivered: list[str] = field(default_factory=list)

    def send(self, group: str, task_id: str) -> None:
        self.waiting.setdefault(group, deque()).append(task_id)

    def receive(self) -> str:
        group = min((name for name in self.waiting if self.waiting[name]), key=lambda name: self.in_flight[name])
        self.delivered.append(self.waiting[group].popleft())
        self.in_flight[group] += 1
        return group

    def drain(self) -> list[str]:
        busy: deque[str] = deque()
        while any(self.waiting.values()):
            if len(busy) == REPLICAS:
                self.in_flight[busy.popleft()] -= 1
            busy.append(self.receive())
        return self.delivered


def submit(harness: Harness, make_task: MakeTask, sender: str, count: int) -> None:
    for number in range(count):
        task_id = f"{sender}-{number}"
        harness.submit(make_task(task_id), task_id, tenant=Tenant(sender), key_name=sender)


def test_ten_tasks_of_one_key_do_not_wait_behind_a_thousand_of_another(harness: Harness, make_task: MakeTask) -> None:
    submit(harness, make_task, "a", 100)
    submit(harness, make_task, "b", 10)
    queue = FairQueue()
    for (body, _), group in zip(harness.task_topic.sent, harness.task_topic.groups, strict=True):
        assert group is not None
        queue.send(group, json.loads(body)["task"]["metadata"]["id"])
    # Nine hundred more of `a`, without the cost of their submission.
    for number in range(100, 1000):
        queue.send("a", f"a-{number}")
    delivered = queue.drain()
    last_of_b = max(position for position, task_id in enumerate(delivered) if task_id.startswith("b-"))
    assert last_of_b < 2 * 10 + REPLICAS
    assert len(delivered) == 1010


@pytest.mark.parametrize(
    ("record", "group"),
    [
        (make_record(tenant="shop", key_name="shop"), "shop"),
        (make_record(key_name="shop"), "shop"),
        (make_record(tenant="batch"), "batch"),
        (make_record(tenant="shop", key_name="boss"), "boss"),
        (make_record(), "entry-topic"),
    ],
)
def test_each_sender_is_a_group(record: Record, group: str) -> None:
    assert record.sender == group


def test_the_group_of_the_topic_reaches_the_queue(harness: Harness) -> None:
    sns, sqs = client("sns"), client("sqs")
    topic = sns.create_topic(Name="tasks")["TopicArn"]
    url = sqs.create_queue(QueueName="runtime")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    SnsTopic(client=sns, topic_arn=topic).publish("{}", {"runtime": "sdruntime"}, group="shop")
    SqsQueue(client=sqs, queue_url=url).send_webhook(make_record(webhook="https://a.example", key_name="guest"))
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    assert {message["Attributes"]["MessageGroupId"] for message in received["Messages"]} == {"shop", "guest"}
