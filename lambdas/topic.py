"""A topic that functions publish to: tasks go to their runtimes on one, callbacks to their subscribers on another."""

from collections.abc import Mapping
from typing import Any, Protocol


class Topic(Protocol):
    """What publishers need of a topic."""

    def publish(self, body: str, attributes: Mapping[str, str]) -> None:
        """Send a message with string attributes."""


class SnsTopic:
    """A topic in SNS."""

    def __init__(self, *, client: Any, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, body: str, attributes: Mapping[str, str]) -> None:
        """Send a message with string attributes."""
        values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self._client.publish(TopicArn=self._topic_arn, Message=body, MessageAttributes=values)
