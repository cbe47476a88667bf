"""An alarm that says what to do: every one has a runbook in docs/how-to/operations.md."""

from typing import Final

from aws_cdk import aws_cloudwatch, aws_cloudwatch_actions, aws_sns
from constructs import Construct

RUNBOOKS: Final = "docs/how-to/operations.md"


class RunbookAlarm(aws_cloudwatch.Alarm):
    """Goes off when `metric` is at or above `threshold` for `periods` on end; silence is not an alarm.

    `runbook` is the heading of its runbook as a link has it: `oldest-message`. `subject` is what it watches: a runtime,
    queue or function, by name.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: str,
        subject: str,
        runbook: str,
        meaning: str,
        metric: aws_cloudwatch.IMetric,
        threshold: float,
        periods: int,
        topic: aws_sns.ITopic,
    ) -> None:
        super().__init__(
            scope,
            id_,
            alarm_name=f"Darkroom/{environment}/{subject}/{runbook}",
            alarm_description=f"{meaning} Runbook: {RUNBOOKS}#{runbook}",
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        action = aws_cloudwatch_actions.SnsAction(topic)
        self.add_alarm_action(action)
        self.add_ok_action(action)
