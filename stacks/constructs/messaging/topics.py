"""Topics of tasks, callbacks and alarms, with their encryption key, publishers and subscribers."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from aws_cdk import Aws, RemovalPolicy, Stack, aws_iam, aws_kms, aws_lambda, aws_sns
from constructs import Construct

from stacks.config import SNS_DEFAULT_MESSAGE_BYTES, CallbackSubscriber, NamedPublisher, Subscriber

#: Service that publishes alarms. It has no role in this account, so topic and key must allow the service itself.
ALARM_SERVICE: Final = "cloudwatch.amazonaws.com"
#: Permissions of a publisher on the key: SNS requests a data key in the publisher's name.
_KEY_ACTIONS: Final = ("kms:Decrypt", "kms:GenerateDataKey")


class TopicKey(aws_kms.Key):
    """Key of all topics. Other accounts and services that publish cannot use AWS's own key for SNS."""

    def __init__(self, scope: Construct, id_: str, *, removal_policy: RemovalPolicy) -> None:
        super().__init__(
            scope,
            id_,
            description="Messages of Darkroom's topics at rest",
            enable_key_rotation=True,
            removal_policy=removal_policy,
        )
        self.add_to_resource_policy(_alarms_publish(self, _KEY_ACTIONS, "*"))


class EncryptedTopic(aws_sns.Topic):
    """Topic that is encrypted at rest and accepts messages over TLS only."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        key: aws_kms.IKey,
        maximum_message_bytes: int = SNS_DEFAULT_MESSAGE_BYTES,
    ) -> None:
        super().__init__(scope, id_, master_key=key, enforce_ssl=True)
        if maximum_message_bytes != SNS_DEFAULT_MESSAGE_BYTES:
            # Partitions without larger messages refuse the property, even with the default value.
            resource = self.node.default_child
            assert isinstance(resource, aws_sns.CfnTopic)  # noqa: S101  # narrows the type for mypy
            resource.maximum_message_size = maximum_message_bytes


class AlarmTopic(EncryptedTopic):
    """Topic to which CloudWatch of this account publishes alarms."""

    def __init__(self, scope: Construct, id_: str, *, key: aws_kms.IKey) -> None:
        super().__init__(scope, id_, key=key)
        self.add_to_resource_policy(_alarms_publish(self, ("sns:Publish",), self.topic_arn))


class TopicSubscribers(Construct):
    """Subscriptions that the environment file names. Subscriptions that were added by hand keep working.

    A queue of another owner must itself allow the topic to send. A function of this account is allowed here.
    """

    def __init__(self, scope: Construct, id_: str, *, topic: aws_sns.ITopic, subscribers: Iterable[Subscriber]) -> None:
        super().__init__(scope, id_)
        for subscriber in subscribers:
            # The id comes from the endpoint, because ids by position would replace all later subscriptions.
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


def allow_publishers(publishers: Sequence[NamedPublisher], *, topic: aws_sns.Topic) -> None:
    """Allow accounts, roles and users to publish to a topic."""
    topic.add_to_resource_policy(
        aws_iam.PolicyStatement(
            sid="Publishers", actions=["sns:Publish"], principals=_principals(publishers), resources=[topic.topic_arn]
        )
    )


def allow_use_of_key(publishers: Sequence[NamedPublisher], *, key: aws_kms.Key) -> None:
    """Allow accounts, roles and users to use the key of the topics to which they publish."""
    key.add_to_resource_policy(
        aws_iam.PolicyStatement(
            sid="Publishers",
            actions=list(_KEY_ACTIONS),
            principals=_principals(publishers),
            # In a key's policy, `*` is the key itself.
            resources=["*"],
            conditions={"StringEquals": {"kms:ViaService": f"sns.{Aws.REGION}.{Aws.URL_SUFFIX}"}},
        )
    )


def _principals(publishers: Sequence[NamedPublisher]) -> list[aws_iam.IPrincipal]:
    return [
        aws_iam.AccountPrincipal(publisher.principal)
        if publisher.is_account
        else aws_iam.ArnPrincipal(publisher.principal)
        for publisher in publishers
    ]


def _alarms_publish(scope: Construct, actions: Sequence[str], resource: str) -> aws_iam.PolicyStatement:
    return aws_iam.PolicyStatement(
        sid="AlarmsPublish",
        principals=[aws_iam.ServicePrincipal(ALARM_SERVICE)],
        actions=list(actions),
        resources=[resource],
        conditions={"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}},
    )


def _filter_policy(subscriber: CallbackSubscriber) -> dict[str, aws_sns.SubscriptionFilter] | None:
    policy = {
        attribute: aws_sns.SubscriptionFilter.string_filter(allowlist=list(values))
        for attribute in ("status", "runtime", "tasktype", "tenant")
        if (values := getattr(subscriber, attribute))
    }
    return policy or None
