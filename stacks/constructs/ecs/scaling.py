"""Scaling of an ECS service: step policies for missing replicas, and for replicas that stay spare.

The expressions are metric math of CloudWatch; tests evaluate them. `waiting` and `in_flight` are the queue's messages,
`desired` and `running` the tasks of the service, `first_desired` and `first_running` those of the first service. All
of a runtime are measured at one moment and written together (`lambdas/publish_scaling_metrics`). A minute lacks all of
them or none. Otherwise metric math would treat the missing ones as 0.
"""

import math
from collections.abc import Mapping
from typing import Final

from aws_cdk import Aws, Duration, aws_applicationautoscaling, aws_cloudwatch, aws_cloudwatch_actions, aws_iam
from constructs import Construct

from stacks.config import Scaling
from stacks.constructs.monitoring.metrics import MINUTE, expression

#: Changes of the number of replicas. A policy takes 20 steps at most, and each step takes effect at its own size:
#: small gaps are closed exactly, large ones by three quarters at least, the rest a cooldown later.
STEPS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024)
#: Seconds until the metrics show a change: a measurement is up to a minute old, and an alarm evaluates once a minute.
#: In this time the same gap is not closed twice, because a cooldown counts what its own policy has just added.
METRIC_LAG_SECONDS: Final = 180


_SERVICE_ROLE: Final = (
    f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_ECSService"
)

Metrics = Mapping[str, aws_cloudwatch.IMetric]


class ServiceScaling(Construct):
    """Number of tasks of one service, between `minimum` and the runtime's `maxReplicas`."""

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
            # AWS creates this role on first use, and takes no other for ECS.
            role=aws_iam.Role.from_role_arn(self, "Role", _SERVICE_ROLE, mutable=False),
        )

    def add_when_missing(self, text: str, metrics: Metrics, *, minutes: int) -> None:
        """Add the replicas that the expression counts as missing for so many minutes."""
        alarm = self._alarm("Missing", text, metrics, "replicas missing", minutes)
        self._step("Missing", alarm, cooldown_seconds=METRIC_LAG_SECONDS, sign=1)

    def remove_when_spare(self, text: str, metrics: Metrics) -> None:
        """Remove the replicas that the expression counts as spare for the whole cooldown."""
        minutes = max(1, math.ceil(self._scaling.cooldown_seconds / MINUTE))
        alarm = self._alarm("Spare", text, metrics, "replicas to spare", minutes)
        self._step("Spare", alarm, cooldown_seconds=max(METRIC_LAG_SECONDS, self._scaling.cooldown_seconds), sign=-1)

    def remove_all(self, desired: aws_cloudwatch.IMetric) -> None:
        """Remove all replicas, idle ones first: the runtime is switched off, whatever its queue holds."""
        self.remove_when_spare("desired + 0", {"desired": desired})

    def _alarm(self, id_: str, text: str, metrics: Metrics, label: str, minutes: int) -> aws_cloudwatch.Alarm:
        return expression(text, label, period_seconds=MINUTE, **metrics).create_alarm(
            self,
            id_,
            alarm_description=f"Scaling of {self.node.path}; it sends no message",
            threshold=1,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=minutes,
            # Without data nothing changes. An alarm that kept its state would repeat its policy.
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
        # The replicas of a runtime that is switched off are from an earlier limit.
        most = self._scaling.max_replicas or STEPS[-1]
        steps = [step for step in STEPS if step <= most]
        for step, next_step in zip(steps, [*steps[1:], None], strict=True):
            # Bounds count from the alarm's threshold, which is one replica.
            action.add_adjustment(
                adjustment=sign * step, lower_bound=step - 1, upper_bound=None if next_step is None else next_step - 1
            )
        alarm.add_alarm_action(aws_cloudwatch_actions.ApplicationScalingAction(action))
