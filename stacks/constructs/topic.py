"""The topics on which tasks come in, go to their runtime, are called back, and on which alarms are told."""

from typing import Final

from aws_cdk import RemovalPolicy, Stack, aws_iam, aws_kms, aws_sns
from constructs import Construct

from stacks.config import SNS_DEFAULT_MESSAGE_BYTES

#: What publishes alarms. It has no role of ours, so topic and key must let it in.
ALARM_SERVICE: Final = "cloudwatch.amazonaws.com"


class TopicKey(aws_kms.Key):
    """The key of all topics; AWS's own key for SNS cannot be used by other accounts or services that publish."""

    def __init__(self, scope: Construct, id_: str, *, removal_policy: RemovalPolicy) -> None:
        super().__init__(
            scope,
            id_,
            description="Messages of Darkroom's topics at rest",
            enable_key_rotation=True,
            removal_policy=removal_policy,
        )
        self.add_to_resource_policy(
            aws_iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[aws_iam.ServicePrincipal(ALARM_SERVICE)],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )


class EncryptedTopic(aws_sns.Topic):
    """A topic that is encrypted at rest and published to over TLS only."""

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
            # Only where it differs: partitions without larger messages refuse the property itself.
            resource = self.node.default_child
            assert isinstance(resource, aws_sns.CfnTopic)  # noqa: S101  # narrows the type for mypy
            resource.maximum_message_size = maximum_message_bytes


class AlarmTopic(EncryptedTopic):
    """Where this account's CloudWatch publishes alarms."""

    def __init__(self, scope: Construct, id_: str, *, key: aws_kms.IKey) -> None:
        super().__init__(scope, id_, key=key)
        self.add_to_resource_policy(
            aws_iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[aws_iam.ServicePrincipal(ALARM_SERVICE)],
                actions=["sns:Publish"],
                resources=[self.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
