"""The alarms of one runtime: tasks that wait, fail, or meet no replica that works."""

from typing import Final

from aws_cdk import Duration, aws_cloudwatch, aws_sns
from constructs import Construct

from contract.record import FINAL_STATUSES, Status
from stacks.config import Alarms
from stacks.constructs.figures import MINUTE, RuntimeFigures
from stacks.constructs.runbook_alarm import RunbookAlarm

#: Seconds over which failures are set against all that ended.
FAILURE_WINDOW_SECONDS: Final = 900
#: Below this number of ends a share says nothing: one failure at night would be half of them.
MIN_ENDED: Final = 5
#: Minutes for which replicas may be starting. A Web UI is given up after 10 minutes (the agent's own patience).
UNREADY_MINUTES: Final = 15
#: Seconds over which failures of Web UIs are counted; replicas report once a minute, so five times in it.
WEBUI_PERIOD_SECONDS: Final = 300
#: Failures for each replica in a period that are no hiccup, and the periods in a row.
WEBUI_FAILURES: Final = 2
WEBUI_PERIODS: Final = 3


class RuntimeAlarms(Construct):
    """All of them tell `topic`."""

    def __init__(
        self, scope: Construct, id_: str, *, figures: RuntimeFigures, alarms: Alarms, topic: aws_sns.ITopic
    ) -> None:
        super().__init__(scope, id_)
        self._figures = figures
        self._topic = topic
        self._alarm(
            "OldestMessage",
            "oldest-message",
            f"A task has been in the queue for {alarms.oldest_message_minutes} minutes or more.",
            metric=figures.oldest_seconds(),
            threshold=60 * alarms.oldest_message_minutes,
            periods=3,
        )
        self._alarm(
            "Failures",
            "failures",
            f"{alarms.failure_percent} percent or more of the tasks that ended have failed or timed out.",
            metric=_failure_percent(figures),
            threshold=alarms.failure_percent,
            periods=1,
        )
        self._alarm(
            "NoReplica",
            "no-replica",
            f"Tasks have been waiting for {alarms.minutes_without_replica} minutes, and no replica runs.",
            metric=_expression(
                "IF(waiting > 0, IF(FILL(replicas, 0) < 1, 1, 0), 0)",
                "tasks wait for a replica",
                waiting=figures.waiting(),
                replicas=figures.of_agents("Replicas", "Sum"),
            ),
            threshold=1,
            periods=alarms.minutes_without_replica,
        )
        self._alarm(
            "UnreadyReplicas",
            "unready-replicas",
            f"Half of the replicas or more have had no Web UI that works for {UNREADY_MINUTES} minutes.",
            metric=_expression(
                "IF(replicas > 0, 100 * (1 - FILL(ready, 0) / replicas), 0)",
                "percent of replicas that are not ready",
                replicas=figures.of_agents("Replicas", "Sum"),
                ready=figures.of_agents("ReadyReplicas", "Sum"),
            ),
            threshold=50,
            periods=UNREADY_MINUTES,
        )
        self._alarm(
            "FailingWebUis",
            "failing-webuis",
            "Replica after replica gives tasks back because its Web UI fails.",
            metric=_expression(
                "(FILL(failures, 0) + FILL(handed_back, 0)) / IF(FILL(replicas, 0) > 5, replicas / 5, 1)",
                "failures of a replica in five minutes",
                period_seconds=WEBUI_PERIOD_SECONDS,
                failures=figures.of_agents("WebUiFailures", "Sum", period_seconds=WEBUI_PERIOD_SECONDS),
                # An agent whose Web UI fails again and again is gone before it reports what happened in its minute.
                handed_back=figures.of_agents("TasksHandedBack", "Sum", period_seconds=WEBUI_PERIOD_SECONDS),
                replicas=figures.of_agents("Replicas", "Sum", period_seconds=WEBUI_PERIOD_SECONDS),
            ),
            threshold=WEBUI_FAILURES,
            periods=WEBUI_PERIODS,
        )

    def _alarm(
        self, id_: str, runbook: str, meaning: str, *, metric: aws_cloudwatch.IMetric, threshold: float, periods: int
    ) -> None:
        RunbookAlarm(
            self,
            id_,
            environment=self._figures.environment,
            subject=self._figures.runtime,
            runbook=runbook,
            meaning=meaning,
            metric=metric,
            threshold=threshold,
            periods=periods,
            topic=self._topic,
        )


def _failure_percent(figures: RuntimeFigures) -> aws_cloudwatch.MathExpression:
    metrics = {
        status.value.lower(): figures.ended(status, period_seconds=FAILURE_WINDOW_SECONDS) for status in FINAL_STATUSES
    }
    failed = " + ".join(f"FILL({status.value.lower()}, 0)" for status in (Status.FAILED, Status.TIMED_OUT))
    ended = " + ".join(f"FILL({name}, 0)" for name in metrics)
    return aws_cloudwatch.MathExpression(
        expression=f"IF({ended} >= {MIN_ENDED}, 100 * ({failed}) / ({ended}), 0)",
        using_metrics=metrics,
        label="percent that failed",
        period=Duration.seconds(FAILURE_WINDOW_SECONDS),
    )


def _expression(
    expression: str, label: str, *, period_seconds: int = MINUTE, **metrics: aws_cloudwatch.IMetric
) -> aws_cloudwatch.MathExpression:
    return aws_cloudwatch.MathExpression(
        expression=expression, using_metrics=metrics, label=label, period=Duration.seconds(period_seconds)
    )
