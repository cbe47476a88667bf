"""What a queue behind a topic delivers: SNS's envelope around a message, or the bare message."""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Delivery:
    """One message, however it came."""

    #: SNS's id of the message, the same for each of its deliveries; SQS's where the message came without a topic.
    message_id: str
    body: str
    attributes: Mapping[str, str]


def open_envelope(body: str, *, sqs_message_id: str) -> Delivery:
    """Return the message inside an SQS body; a body that is no envelope of SNS's is the message itself."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return Delivery(sqs_message_id, body, {})
    match envelope:
        case {"Type": "Notification", "MessageId": str(message_id), "TopicArn": str(), "Message": str(message)}:
            return Delivery(message_id, message, _attributes(envelope.get("MessageAttributes")))
    return Delivery(sqs_message_id, body, {})


def _attributes(attributes: object) -> dict[str, str]:
    if not isinstance(attributes, Mapping):
        return {}
    return {
        name: value["Value"]
        for name, value in attributes.items()
        if isinstance(value, Mapping) and isinstance(value.get("Value"), str)
    }
