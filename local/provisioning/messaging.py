"""Topics, queues, subscriptions and their keys, created on the moto server."""

import json
from typing import Any, Final

from local.aws.clients import LocalAwsClients
from local.cloudformation.errors import TemplateError
from local.cloudformation.properties import Properties
from local.cloudformation.stack import Created

#: Characters of a queue's name (SQS quotas).
_MAX_QUEUE_NAME: Final = 80
#: Characters of a topic's name (SNS quotas).
_MAX_TOPIC_NAME: Final = 256
#: What moto delivers to by itself.
_DELIVERED_PROTOCOLS: Final = ("email", "http", "https", "sqs")


def create_queue(clients: LocalAwsClients, properties: Properties) -> Created:
    """Make a queue; every property but tags is an attribute of SQS's own API."""
    name = properties.resource.physical_name(longest=_MAX_QUEUE_NAME)
    properties.ignore("Tags", "SqsManagedSseEnabled", "RedriveAllowPolicy")
    client = clients("sqs")
    url = client.create_queue(QueueName=name, Attributes=_attributes(properties.pop_all()))["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Created(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


def create_topic(clients: LocalAwsClients, properties: Properties) -> Created:
    """Make a topic. moto keeps its limit of 256 KiB whatever the template says."""
    name = properties.resource.physical_name(longest=_MAX_TOPIC_NAME)
    properties.ignore("DisplayName", "KmsMasterKeyId", "MaximumMessageSize", "Tags", "TracingConfig")
    arn = clients("sns").create_topic(Name=name)["TopicArn"]
    return Created(arn, {"TopicArn": arn, "TopicName": name})


def create_subscription(clients: LocalAwsClients, properties: Properties) -> Created:
    """Subscribe an endpoint to a topic."""
    topic_arn, protocol = properties.require("TopicArn"), properties.require("Protocol")
    endpoint = properties.require("Endpoint")
    properties.ignore("RedrivePolicy", "Region")
    if protocol not in _DELIVERED_PROTOCOLS:
        raise TemplateError(
            f"{properties.resource.place}: the local system does not deliver to {protocol} subscribers,"
            f" only to {', '.join(_DELIVERED_PROTOCOLS)}"
        )
    arn = clients("sns").subscribe(
        TopicArn=topic_arn,
        Protocol=protocol,
        Endpoint=endpoint,
        Attributes=_attributes(properties.pop_all()),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    return Created(arn, {"Arn": arn})


def create_key(clients: LocalAwsClients, properties: Properties) -> Created:
    """Make a key. moto encrypts nothing with it and checks no policy."""
    properties.ignore("Description", "EnableKeyRotation", "KeyPolicy", "PendingWindowInDays", "Tags")
    metadata = clients("kms").create_key()["KeyMetadata"]
    return Created(metadata["KeyId"], {"Arn": metadata["Arn"], "KeyId": metadata["KeyId"]})


def _attributes(values: dict[str, Any]) -> dict[str, str]:
    return {name: _attribute(value) for name, value in values.items()}


def _attribute(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict | list) else str(value)
