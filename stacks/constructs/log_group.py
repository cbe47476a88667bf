"""Where logs go, with an end to how long they are kept."""

from aws_cdk import RemovalPolicy, aws_logs
from constructs import Construct


class RetainedLogGroup(aws_logs.LogGroup):
    """A log group that does not grow for ever, as the ones that Lambda and EKS make by themselves do.

    It needs a name only where somebody else would choose it, and find it taken.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        retention_days: int,
        removal_policy: RemovalPolicy,
        name: str | None = None,
    ) -> None:
        super().__init__(scope, id_, log_group_name=name, removal_policy=removal_policy)
        resource = self.node.default_child
        assert isinstance(resource, aws_logs.CfnLogGroup)  # noqa: S101  # narrows the type for mypy
        # CDK's own parameter takes names (ONE_MONTH), the environment file and CloudFormation take days.
        resource.retention_in_days = retention_days


class TaskLogGroup(RetainedLogGroup):
    """Where functions or replicas tell what becomes of tasks: what the saved queries look into, and nothing else."""
