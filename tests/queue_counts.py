"""How many messages a queue has."""

from typing import Any


def counts(sqs: Any, url: str) -> tuple[int, int]:
    """Return how many messages are visible and in flight.

    Moto counts the visible ones first: one that becomes visible just then is in neither number. So this is the one of
    two looks that finds more.
    """
    return max((_look(sqs, url) for _ in range(2)), key=sum)


def is_empty(sqs: Any, url: str) -> bool:
    """Tell whether a queue has no messages."""
    return counts(sqs, url) == (0, 0)


def _look(sqs: Any, url: str) -> tuple[int, int]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    visible, in_flight = (int(attributes[name]) for name in names)
    return visible, in_flight
