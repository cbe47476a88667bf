"""Retention of stateful resources and of logs."""

from aws_cdk import RemovalPolicy, aws_logs
from constructs import Construct

from stacks.config import Environment


def removal_policy_of(environment: Environment) -> RemovalPolicy:
    """Return the removal policy of an environment's stateful resources.

    A failed first deployment removes its resources in any case. They are empty and would only confuse the next reader.
    """
    if environment.removal_policy == "destroy":
        return RemovalPolicy.DESTROY
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


class RetainedLogGroup(aws_logs.LogGroup):
    """Log group with an expiry of its entries. The groups that AWS creates itself never expire.

    A `name` contains the id of another resource, because a group that was retained would block its next creation.
    """

    def __init__(self, scope: Construct, id_: str, *, environment: Environment, name: str | None = None) -> None:
        super().__init__(scope, id_, log_group_name=name, removal_policy=removal_policy_of(environment))
        resource = self.node.default_child
        assert isinstance(resource, aws_logs.CfnLogGroup)  # noqa: S101  # narrows the type for mypy
        # CDK's own parameter takes names (ONE_MONTH). The environment file and CloudFormation take days.
        resource.retention_in_days = environment.log_retention_days


class TaskLogGroup(RetainedLogGroup):
    """Log group of functions or replicas. The saved queries read these groups and no others."""
