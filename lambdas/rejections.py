"""Answers what never became a task: a callback that says why, with what could be read of the message."""

from contract.callback import rejection, rejection_attributes
from contract.errors import DarkroomError
from contract.json_values import compact_json
from lambdas.topic import Topic


def publish_rejection(topic: Topic, error: DarkroomError, *, body: object, message_id: str) -> None:
    """Publish a rejection to the completion topic; `body` is the parsed message, None if it is no JSON object."""
    callback = rejection(error, body=body, message_id=message_id)
    topic.publish(compact_json(callback), rejection_attributes(callback, body=body))
