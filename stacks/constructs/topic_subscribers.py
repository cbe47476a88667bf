"""The subscribers that the environment names: of the completion topic, which get callbacks, and of the alarm topic."""

import hashlib
from collections.abc import Iterable

from aws_cdk import aws_lambda, aws_sns
from constructs import Construct

from stacks.config import CallbackSubscriber, Subscriber


class TopicSubscribers(Construct):
    """One subscription for each; subscribers added by hand are none of its business and keep working.

    A queue of another owner must itself allow the topic to send; a function of this account is allowed here.
    """

    def __init__(self, scope: Construct, id_: str, *, topic: aws_sns.ITopic, subscribers: Iterable[Subscriber]) -> None:
        super().__init__(scope, id_)
        for subscriber in subscribers:
            # By endpoint, not by position, so that leaving out one does not replace all that follow.
            digest = hashlib.sha256(subscriber.endpoint.encode()).hexdigest()[:8]
            name = f"{subscriber.protocol.capitalize()}{digest}"
            aws_sns.Subscription(
                self,
                name,
                topic=topic,
                protocol=aws_sns.SubscriptionProtocol[subscriber.protocol.upper()],
                endpoint=subscriber.endpoint,
                filter_policy=_filter_policy(subscriber) if isinstance(subscriber, CallbackSubscriber) else None,
            )
            if subscriber.protocol == "lambda":
                aws_lambda.CfnPermission(
                    self,
                    f"{name}Permission",
                    action="lambda:InvokeFunction",
                    function_name=subscriber.endpoint,
                    principal="sns.amazonaws.com",
                    source_arn=topic.topic_arn,
                )


def _filter_policy(subscriber: CallbackSubscriber) -> dict[str, aws_sns.SubscriptionFilter] | None:
    accepted = {
        "status": subscriber.status,
        "runtime": subscriber.runtime,
        "tasktype": [tasktype.value for tasktype in subscriber.tasktype],
    }
    policy = {
        attribute: aws_sns.SubscriptionFilter.string_filter(allowlist=list(values))
        for attribute, values in accepted.items()
        if values
    }
    return policy or None
