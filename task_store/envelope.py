"""SNS envelope around a queue message; a queue without a topic delivers the bare message."""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Delivery:
    """One message without its envelope."""

    #: The id that SNS gave the message, the same for each delivery. Without a topic it is the id that SQS gave.
    message_id: str
    body: str
    attributes: Mapping[str, str]
    #: The topic that delivered it; None without an envelope.
    topic_arn: str | None = None


def open_envelope(body: str, *, sqs_message_id: str = "") -> Delivery:
    """Return the message inside an SQS body. A body without an SNS envelope is the message itself."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return Delivery(sqs_message_id, body, {})
    match envelope:
        case {
            "Type": "Notification",
            "MessageId": str(message_id),
            "TopicArn": str(topic_arn),
            "Message": str(message),
        }:
            return Delivery(message_id, message, _attributes(envelope.get("MessageAttributes")), topic_arn)
    return Delivery(sqs_message_id, body, {})


def _attributes(attributes: object) -> dict[str, str]:
    if not isinstance(attributes, Mapping):
        return {}
    return {
        name: value["Value"]
        for name, value in attributes.items()
        if isinstance(value, Mapping) and isinstance(value.get("Value"), str)
    }
