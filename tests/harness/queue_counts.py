"""Numbers of messages in a queue."""

from types_boto3_sqs import SQSClient
from types_boto3_sqs.literals import QueueAttributeNameType


def counts(sqs: SQSClient, url: str) -> tuple[int, int]:
    """Return the numbers of visible messages and of messages in flight.

    Moto counts the visible ones first, so a message that becomes visible meanwhile is in neither number. The larger
    of two counts is right.
    """
    return max((_count(sqs, url) for _ in range(2)), key=sum)


def is_empty(sqs: SQSClient, url: str) -> bool:
    """Return True if a queue has no messages."""
    return counts(sqs, url) == (0, 0)


def _count(sqs: SQSClient, url: str) -> tuple[int, int]:
    names: list[QueueAttributeNameType] = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    visible, in_flight = (int(attributes[name]) for name in names)
    return visible, in_flight
