"""Contracts of SNS: filter policies, raw delivery and the envelope."""

import json
from typing import Any, Final

import pytest

from tests.emulators.emulated_services import EmulatedServices
from tests.emulators.errors import error_code
from tests.harness.eventually import eventually

SECONDS: Final = 40.0
#: Attributes that the filter policy accepts.
PASSES: Final = {"runtime": "one", "priority": "normal"}


class Topic:
    """A topic with two subscribed queues."""

    def __init__(self, services: EmulatedServices) -> None:
        self.sns, self.sqs = services.clients("sns"), services.clients("sqs")
        self.arn = services.outputs["TopicArn"]
        #: Gets all messages, each in SNS's envelope.
        self.plain = services.outputs["PlainQueueUrl"]
        #: Gets the messages that pass its filter policy, as they were published.
        self.filtered = services.outputs["FilteredQueueUrl"]

    def publish(self, text: str, **attributes: str) -> str:
        values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        return str(self.sns.publish(TopicArn=self.arn, Message=text, MessageAttributes=values)["MessageId"])

    def receive(self, url: str, message_id: str = "") -> Any:
        """Return the next message of a queue, or that with this id in its envelope, and delete what was received."""

        def poll() -> Any:
            received = self.sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], WaitTimeSeconds=1)
            for message in received.get("Messages", []):
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                if message_id in message["Body"]:
                    return message
            return None

        return eventually(poll, f"a message in {url}", SECONDS)


@pytest.fixture
def topic(services: EmulatedServices) -> Topic:
    return Topic(services)


@pytest.mark.parametrize(
    ("attributes", "passes"),
    [
        ({"runtime": "one", "priority": "normal"}, True),
        ({"runtime": "two", "priority": "normal", "tenant": "x"}, True),
        ({"runtime": "one", "priority": "low"}, False),
        ({"runtime": "three", "priority": "normal"}, False),
        ({"runtime": "On", "priority": "normal"}, False),
        ({"runtime": "one"}, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_filter_policy_chooses_by_attributes(topic: Topic, attributes: dict[str, str], passes: bool) -> None:
    topic.publish("chosen", **attributes)
    # A message that passes follows, so that the queue has one in any case.
    if not passes:
        topic.publish("last", **PASSES)
    assert topic.receive(topic.filtered)["Body"] == ("chosen" if passes else "last")


def test_raw_delivery_keeps_text_and_attributes(topic: Topic) -> None:
    topic.publish('{"text": "ü"}', **PASSES, other="x")
    message = topic.receive(topic.filtered)
    assert message["Body"] == '{"text": "ü"}'
    values = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert values == PASSES | {"other": "x"}


def test_the_envelope_has_text_attributes_and_source(topic: Topic) -> None:
    message_id = topic.publish('{"text": "ü"}', runtime="two")
    message = topic.receive(topic.plain, message_id)
    envelope = json.loads(message["Body"])
    assert (envelope["Type"], envelope["MessageId"]) == ("Notification", message_id)
    assert (envelope["TopicArn"], envelope["Message"]) == (topic.arn, '{"text": "ü"}')
    assert envelope["MessageAttributes"] == {"runtime": {"Type": "String", "Value": "two"}}
    assert "MessageAttributes" not in message


def test_a_message_of_more_than_its_topic_accepts_is_refused(topic: Topic) -> None:
    assert error_code(lambda: topic.publish("x" * (256 * 1024 + 1))) == "InvalidParameter"


def test_a_topic_that_is_missing_is_named_by_the_error(topic: Topic) -> None:
    topic.arn += "-missing"
    assert error_code(lambda: topic.publish("x")) == "NotFound"
