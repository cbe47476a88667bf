"""When a service's replicas come and go: step scaling on what is missing, and on what is spare for long enough."""

import math
from collections.abc import Mapping
from typing import Final

from aws_cdk import Aws, Duration, aws_applicationautoscaling, aws_cloudwatch, aws_cloudwatch_actions, aws_iam
from constructs import Construct

from stacks.config import Scaling
from stacks.constructs.ecs.scaling_math import steps_up_to
from stacks.constructs.figures import MINUTE

#: Seconds until the figures show what a change has done: a measurement is up to a minute old, an alarm looks once a
#: minute. While they last, the same gap is not closed twice: a cooldown counts what its own policy has just added.
FIGURE_LAG_SECONDS: Final = 180

_SERVICE_ROLE: Final = (
    f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)

Metrics = Mapping[str, aws_cloudwatch.IMetric]


class ServiceScaling(Construct):
    """The number of tasks of one service, between `minimum` and the runtime's `maxReplicas`."""

    def __init__(
        self, scope: Construct, id_: str, *, cluster_name: str, service_name: str, minimum: int, scaling: Scaling
    ) -> None:
        super().__init__(scope, id_)
        self._scaling = scaling
        self._target = aws_applicationautoscaling.ScalableTarget(
            self,
            "Target",
            service_namespace=aws_applicationautoscaling.ServiceNamespace.ECS,
            resource_id=f"service/{cluster_name}/{service_name}",
            scalable_dimension="ecs:service:DesiredCount",
            min_capacity=minimum,
            max_capacity=scaling.max_replicas,
            # AWS makes this role when it is first needed, and takes no other for ECS.
            role=aws_iam.Role.from_role_arn(self, "Role", _SERVICE_ROLE, mutable=False),
        )

    def add_when_missing(self, expression: str, metrics: Metrics, *, minutes: int) -> None:
        """Add replicas when `expression` says for so many minutes that some are missing."""
        self._step(
            "Missing",
            self._alarm("Missing", expression, metrics, "replicas missing", minutes),
            cooldown_seconds=FIGURE_LAG_SECONDS,
            sign=1,
        )

    def remove_when_spare(self, expression: str, metrics: Metrics) -> None:
        """Take replicas away when `expression` says for the whole cooldown that some are spare."""
        minutes = max(1, math.ceil(self._scaling.cooldown_seconds / MINUTE))
        self._step(
            "Spare",
            self._alarm("Spare", expression, metrics, "replicas to spare", minutes),
            cooldown_seconds=max(FIGURE_LAG_SECONDS, self._scaling.cooldown_seconds),
            sign=-1,
        )

    def _alarm(self, id_: str, expression: str, metrics: Metrics, label: str, minutes: int) -> aws_cloudwatch.Alarm:
        return aws_cloudwatch.MathExpression(
            expression=expression, using_metrics=metrics, label=label, period=Duration.seconds(MINUTE)
        ).create_alarm(
            self,
            id_,
            alarm_description=f"Scaling of {self.node.path}: no message to anybody",
            threshold=1,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=minutes,
            # Without figures nothing changes. An alarm that kept its state would go on starting its policy.
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )

    def _step(self, id_: str, alarm: aws_cloudwatch.Alarm, *, cooldown_seconds: int, sign: int) -> None:
        action = aws_applicationautoscaling.StepScalingAction(
            self,
            f"{id_}Policy",
            scaling_target=self._target,
            adjustment_type=aws_applicationautoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
            cooldown=Duration.seconds(cooldown_seconds),
            metric_aggregation_type=aws_applicationautoscaling.MetricAggregationType.MAXIMUM,
        )
        steps = steps_up_to(self._scaling.max_replicas)
        for step, next_step in zip(steps, [*steps[1:], None], strict=True):
            # Bounds count from the alarm's threshold, which is a replica.
            action.add_adjustment(
                adjustment=sign * step, lower_bound=step - 1, upper_bound=None if next_step is None else next_step - 1
            )
        alarm.add_alarm_action(aws_cloudwatch_actions.ApplicationScalingAction(action))
