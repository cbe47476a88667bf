"""The topics on which tasks come in, go to their runtime, and are called back."""

from aws_cdk import RemovalPolicy, aws_kms, aws_sns
from constructs import Construct

from stacks.config import SNS_DEFAULT_MESSAGE_BYTES


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
