"""Who of other accounts, and which roles, may post tasks to the entry topic."""

from collections.abc import Sequence

from aws_cdk import Aws, aws_iam, aws_kms, aws_sns

from stacks.config import is_account


def allow_publishers(publishers: Sequence[str], *, topic: aws_sns.Topic, key: aws_kms.Key) -> None:
    """Let accounts, roles and users publish to a topic, and use the key that its messages are encrypted with."""
    if not publishers:
        return
    principals: list[aws_iam.IPrincipal] = [
        aws_iam.AccountPrincipal(publisher) if is_account(publisher) else aws_iam.ArnPrincipal(publisher)
        for publisher in publishers
    ]
    topic.add_to_resource_policy(
        aws_iam.PolicyStatement(
            sid="Publishers", actions=["sns:Publish"], principals=principals, resources=[topic.topic_arn]
        )
    )
    key.add_to_resource_policy(
        aws_iam.PolicyStatement(
            sid="Publishers",
            # SNS asks for a data key in the publisher's name.
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            principals=principals,
            # In a key's policy, `*` is the key itself.
            resources=["*"],
            conditions={"StringEquals": {"kms:ViaService": f"sns.{Aws.REGION}.{Aws.URL_SUFFIX}"}},
        )
    )
