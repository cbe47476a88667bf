"""Service under step scaling, minute by minute, with the alarms and policies of a template."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.infrastructure.metric_math import evaluate
from tests.infrastructure.templates import Templates

Figures = Mapping[str, float | None]


@dataclass
class Rule:
    """Alarm with the policy that it starts."""

    expression: str
    periods: int
    threshold: float
    cooldown_seconds: int
    #: Lower bound above the threshold, upper bound or None, change.
    steps: list[tuple[float, float | None, int]]
    #: Treatment of a minute without a value.
    missing_data: str
    metrics: list[dict[str, Any]]
    breaches: int = 0
    value: float = 0
    #: Minute of the last change, and its size.
    changed_at: float = float("-inf")
    changed_by: int = 0

    def change(self, minute: int, figures: Figures) -> int:
        """Return by how many tasks the policy changes the service in this minute."""
        value = evaluate(self.expression, figures)
        if value is not None:
            self.breaches = self.breaches + 1 if value >= self.threshold else 0
            self.value = value
        elif self.missing_data == "notBreaching":
            self.breaches = 0
        elif self.missing_data != "ignore":
            raise NotImplementedError(self.missing_data)
        if self.breaches < self.periods:
            return 0
        # An alarm that ignores minutes without data stays what it is, and goes on starting its policy.
        above = self.value - self.threshold
        change = next(step for low, high, step in self.steps if low <= above and (high is None or above < high))
        return self._after_cooldown(minute, change)

    def _after_cooldown(self, minute: int, change: int) -> int:
        if (minute - self.changed_at) * 60 < self.cooldown_seconds:
            # Within the cooldown a larger step adds the difference, and nothing is removed a second time.
            change = max(change - self.changed_by, 0) if change > 0 else 0
            self.changed_by += change
        else:
            self.changed_by = change
        if change:
            self.changed_at = minute
        return change


def rules_of(templates: Templates, service: str) -> list[Rule]:
    """Return the scaling rules of a service, read from the template."""
    targets = {
        target.logical_id
        for target in templates.resources("AWS::ApplicationAutoScaling::ScalableTarget")
        if target.properties["ResourceId"].endswith(f"/{service}")
    }
    policies = {
        policy.logical_id: policy.properties["StepScalingPolicyConfiguration"]
        for policy in templates.resources("AWS::ApplicationAutoScaling::ScalingPolicy")
        if policy.properties["ScalingTargetId"]["Ref"] in targets
    }
    rules = []
    for alarm in templates.resources("AWS::CloudWatch::Alarm"):
        properties = alarm.properties
        action = properties["AlarmActions"][0].get("Ref")
        if action in policies:
            (expression,) = [item["Expression"] for item in properties["Metrics"] if "Expression" in item]
            steps = [
                (step["MetricIntervalLowerBound"], step.get("MetricIntervalUpperBound"), step["ScalingAdjustment"])
                for step in policies[action]["StepAdjustments"]
            ]
            cooldown_seconds = policies[action]["Cooldown"]
            rules.append(
                Rule(
                    expression,
                    properties["EvaluationPeriods"],
                    properties["Threshold"],
                    cooldown_seconds,
                    steps,
                    properties["TreatMissingData"],
                    [item["MetricStat"]["Metric"] for item in properties["Metrics"] if "MetricStat" in item],
                )
            )
    return rules


@dataclass
class ScaledService:
    """Service between its bounds; `figures` returns CloudWatch's values of a minute, with their delay."""

    rules: list[Rule]
    minimum: int
    maximum: int
    #: Minutes until CloudWatch shows a new number of tasks.
    lag_minutes: int = 2
    desired: int = 0
    history: list[int] = field(default_factory=list)

    def shown(self) -> int:
        """Return the number of tasks that CloudWatch shows now."""
        return self.history[-self.lag_minutes] if len(self.history) >= self.lag_minutes else self.minimum

    def run(self, minutes: int, figures: Callable[[int, "ScaledService"], Figures]) -> None:
        """Simulate further minutes."""
        for _ in range(minutes):
            minute = len(self.history)
            now = figures(minute, self)
            for rule in self.rules:
                self.desired += rule.change(minute, now)
            self.desired = min(max(self.desired, self.minimum), self.maximum)
            self.history.append(self.desired)


def service_of(templates: Templates, service: str, *, desired: int = 0) -> ScaledService:
    """Return a service of a template with `desired` tasks."""
    (target,) = [
        target.properties
        for target in templates.resources("AWS::ApplicationAutoScaling::ScalableTarget")
        if target.properties["ResourceId"].endswith(f"/{service}")
    ]
    scaled = ScaledService(rules_of(templates, service), target["MinCapacity"], target["MaxCapacity"])
    scaled.desired = max(desired, scaled.minimum)
    scaled.history = [scaled.desired] * scaled.lag_minutes
    return scaled
