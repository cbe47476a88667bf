"""Topics of the functions: tasks go to their runtimes, callbacks and rejections to their subscribers."""

from collections.abc import Mapping
from typing import Any, Protocol

from contract.callback import rejection, rejection_attributes
from contract.errors import DarkroomError
from contract.json_values import compact_json


class Topic(Protocol):
    """Interface of a topic."""

    def publish(self, body: str, attributes: Mapping[str, str], *, group: str | None = None) -> None:
        """Send a message with string attributes. Subscribed queues serve all groups fairly."""


class SnsTopic:
    """A topic in SNS."""

    def __init__(self, *, client: Any, topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, body: str, attributes: Mapping[str, str], *, group: str | None = None) -> None:
        """Send a message with string attributes. Subscribed queues serve all groups fairly."""
        options = {"MessageGroupId": group} if group else {}
        values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self._client.publish(TopicArn=self._topic_arn, Message=body, MessageAttributes=values, **options)


def publish_rejection(
    topic: Topic, error: DarkroomError, *, body: object, message_id: str, runtime: str | None = None, tenant: str = ""
) -> None:
    """Publish a rejection to the completion topic; `body` is the parsed message, None if it is no JSON object.

    `runtime` is the attribute that names it for a message of the RunPod format.
    """
    callback = rejection(error, body=body, message_id=message_id, runtime=runtime)
    topic.publish(compact_json(callback), rejection_attributes(callback, body=body, tenant=tenant))
