"""Where functions and the HTTP API write their logs."""

from typing import Final

from aws_cdk import RemovalPolicy, aws_logs
from constructs import Construct

#: Long enough to look into last month's complaint; records of tasks are gone by then.
LOG_RETENTION: Final = aws_logs.RetentionDays.ONE_MONTH


class TaskLogGroup(aws_logs.LogGroup):
    """A log group that does not grow for ever, as the ones that Lambda makes by itself do."""

    def __init__(self, scope: Construct, id_: str, *, removal_policy: RemovalPolicy) -> None:
        super().__init__(scope, id_, retention=LOG_RETENTION, removal_policy=removal_policy)
