"""Alarms of an environment and of each runtime. Each has a runbook in docs/how-to/operations.md."""

import math
from collections.abc import Mapping
from typing import Final

from aws_cdk import aws_cloudwatch, aws_cloudwatch_actions, aws_sns
from constructs import Construct

from contract.record import FINAL_STATUSES, Status
from stacks.config import Alarms, Environment
from stacks.constructs.messaging.queues import DeadLetterQueue
from stacks.constructs.monitoring.metrics import (
    MINUTE,
    RuntimeMetrics,
    busy_share,
    expression,
    node_count,
    of_function,
    of_queue,
)

RUNBOOKS: Final = "docs/how-to/operations.md"

#: Minutes in a dead-letter queue. A function empties these queues within seconds unless it cannot.
DEAD_LETTER_MINUTES: Final = 5
#: Seconds that a message may wait for the router, which needs milliseconds for it.
INTAKE_AGE_SECONDS: Final = 300
#: Milliseconds that the record of a finished task may wait for its callback.
CALLBACK_DELAY_MS: Final = 300_000
#: Minutes in a row in which a function fails. One event that no function can process fails now and then until it is
#: set aside, and the dead-letter alarm reports that event.
FUNCTION_ERROR_MINUTES: Final = 5
#: Seconds until the metrics of a minute are complete. Until then FILL makes the minute a good one. So an alarm
#: looks further back by this time, and requires as many bad periods as without it.
METRIC_DELAY_SECONDS: Final = 120
#: Minutes for which GPU nodes may run without work: a node, the image, the models and the Web UI need them to start,
#: and ECS removes an empty node after 15 minutes.
IDLE_GPU_MINUTES: Final = 30

#: Seconds over which the share of failed tasks is computed.
FAILURE_WINDOW_SECONDS: Final = 900
#: Finished tasks below which a share means nothing: one failure at night would be half of them.
MIN_FINISHED: Final = 5
#: Minutes that replicas may need to start. The agent gives up on a Web UI after 10 minutes.
UNREADY_MINUTES: Final = 15
#: Seconds over which failures of Web UIs are counted. Replicas report once a minute, so five times in it.
WEBUI_PERIOD_SECONDS: Final = 300
#: Failures per replica and period from which a period counts, and the periods in a row.
WEBUI_FAILURES: Final = 2
WEBUI_PERIODS: Final = 3


class AlarmGroup(Construct):
    """Alarms of an environment that publish to the same topic."""

    def __init__(self, scope: Construct, id_: str, *, environment: str, topic: aws_sns.ITopic) -> None:
        super().__init__(scope, id_)
        self.environment = environment
        self.topic = topic


class RunbookAlarm(aws_cloudwatch.Alarm):
    """Alarm for `metric` at or above `threshold` in `periods` periods; missing data is not an alarm.

    The periods are consecutive, but for those in which the newest data may still be on its way.
    `runbook` is the anchor of its runbook's heading, such as `oldest-message`. `subject` is the name of the runtime,
    queue or function that it watches.
    """

    def __init__(
        self,
        group: AlarmGroup,
        subject: str,
        runbook: str,
        meaning: str,
        *,
        metric: aws_cloudwatch.Metric | aws_cloudwatch.MathExpression,
        threshold: float,
        periods: int,
        id_: str | None = None,
    ) -> None:
        words = f"{subject}-{runbook}".replace("-", " ").split()
        super().__init__(
            group,
            id_ or "".join(word.capitalize() for word in words),
            alarm_name=f"Darkroom/{group.environment}/{subject}/{runbook}",
            alarm_description=f"{meaning} Runbook: {RUNBOOKS}#{runbook}",
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods + _incomplete_periods(metric),
            datapoints_to_alarm=periods,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        action = aws_cloudwatch_actions.SnsAction(group.topic)
        self.add_alarm_action(action)
        self.add_ok_action(action)


class EnvironmentAlarms(AlarmGroup):
    """Alarms of an environment as a whole: dead letters, intake, callbacks and functions."""

    def watch_dead_letters(self, queues: Mapping[DeadLetterQueue, str], *, extent: str) -> None:
        """Alarm when messages stay in one of `queues`, each with its name.

        Only a consumer keeps messages in flight, so an essential alarm of a queue without one reads a single metric.
        """
        for queue, queue_name in queues.items():
            # Its path in its stack: `RuntimeSdxl-DeadLetterQueue`, or `NotifyFailures`.
            name = queue.node.path.split("/", 1)[1].replace("/", "-")
            waiting = of_queue("ApproximateNumberOfMessagesVisible", queue_name)
            # SQS writes both or none.
            messages = expression(
                "waiting + in_flight",
                "messages",
                waiting=waiting,
                in_flight=of_queue("ApproximateNumberOfMessagesNotVisible", queue_name),
            )
            RunbookAlarm(
                self,
                name,
                "dead-letters",
                f"Messages are left in {name}: the function that empties it fails, or an operator must decide.",
                metric=messages if queue.has_consumer or extent == "all" else waiting,
                threshold=1,
                periods=DEAD_LETTER_MINUTES,
            )

    def watch_intake(self, queue_name: str) -> None:
        """Alarm when the router falls behind the entry topic."""
        RunbookAlarm(
            self,
            "Intake",
            "intake",
            f"A message from the entry topic has waited for {INTAKE_AGE_SECONDS // 60} minutes for the router.",
            metric=of_queue("ApproximateAgeOfOldestMessage", queue_name),
            threshold=INTAKE_AGE_SECONDS,
            periods=3,
        )

    def watch_callbacks(self, reader: str, function: str, *, awaited: str) -> None:
        """Alarm when finished tasks wait for what a reader of the stream makes of them; `function` is its name."""
        RunbookAlarm(
            self,
            reader,
            "late-callbacks",
            f"Finished tasks have waited for {CALLBACK_DELAY_MS // 60_000} minutes for their {awaited}.",
            metric=of_function("IteratorAge", function, statistic="Maximum"),
            threshold=CALLBACK_DELAY_MS,
            periods=3,
        )

    def watch_functions(self, functions: Mapping[str, str]) -> None:
        """Alarm when one of `functions`, the names by ids, fails minute after minute."""
        for function, function_name in functions.items():
            RunbookAlarm(
                self,
                function,
                "function-errors",
                f"The function {function} fails, times out, or is throttled by Lambda.",
                metric=expression(
                    "FILL(errors, 0) + FILL(throttles, 0)",
                    "errors",
                    errors=of_function("Errors", function_name),
                    throttles=of_function("Throttles", function_name),
                ),
                threshold=1,
                periods=FUNCTION_ERROR_MINUTES,
            )

    def watch_gpus(self, environment: Environment) -> None:
        """Alarm when more nodes run than `minReplicas` keeps, and no GPU works."""
        kept = sum(runtime.scaling.min_replicas for runtime in environment.runtimes)
        cooldown_seconds = max(runtime.scaling.cooldown_seconds for runtime in environment.runtimes)
        minutes = IDLE_GPU_MINUTES + math.ceil(cooldown_seconds / MINUTE)
        RunbookAlarm(
            self,
            "Nodes",
            "idle-gpus",
            f"GPU nodes have run for {minutes} minutes, and none has worked.",
            metric=expression(
                f"IF(nodes > {kept}, IF(FILL(busy, 0) > 0, 0, 1), 0)",
                "GPUs are idle",
                nodes=node_count(environment),
                busy=busy_share(environment),
            ),
            threshold=1,
            periods=minutes,
        )


class RuntimeAlarms(AlarmGroup):
    """Alarms of one runtime: tasks that wait or fail, and replicas that are missing or do not work."""

    def __init__(
        self, scope: Construct, id_: str, *, metrics: RuntimeMetrics, alarms: Alarms, topic: aws_sns.ITopic
    ) -> None:
        super().__init__(scope, id_, environment=metrics.environment, topic=topic)
        runtime = metrics.runtime
        RunbookAlarm(
            self,
            runtime,
            "oldest-message",
            f"A task has been in the queue for {alarms.oldest_message_minutes} minutes or more.",
            id_="OldestMessage",
            metric=metrics.oldest_seconds(),
            threshold=60 * alarms.oldest_message_minutes,
            periods=3,
        )
        if alarms.extent == "all":
            self._watch_replicas(metrics, alarms)

    def _watch_replicas(self, metrics: RuntimeMetrics, alarms: Alarms) -> None:
        runtime = metrics.runtime
        RunbookAlarm(
            self,
            runtime,
            "failures",
            f"{alarms.failure_percent} percent or more of the finished tasks have failed or timed out.",
            id_="Failures",
            metric=_failure_percent(metrics),
            threshold=alarms.failure_percent,
            periods=1,
        )
        RunbookAlarm(
            self,
            runtime,
            "no-replica",
            f"Tasks have been waiting for {alarms.minutes_without_replica} minutes, and no replica runs.",
            id_="NoReplica",
            metric=expression(
                "IF(waiting > 0, IF(FILL(replicas, 0) < 1, 1, 0), 0)",
                "tasks wait for a replica",
                waiting=metrics.waiting(),
                replicas=metrics.of_agents("Replicas", "Sum"),
            ),
            threshold=1,
            periods=alarms.minutes_without_replica,
        )
        RunbookAlarm(
            self,
            runtime,
            "unready-replicas",
            f"At least half of the replicas have had no working engine for {UNREADY_MINUTES} minutes.",
            id_="UnreadyReplicas",
            metric=expression(
                "IF(replicas > 0, 100 * (1 - FILL(ready, 0) / replicas), 0)",
                "percent of replicas that are not ready",
                replicas=metrics.of_agents("Replicas", "Sum"),
                ready=metrics.of_agents("ReadyReplicas", "Sum"),
            ),
            threshold=50,
            periods=UNREADY_MINUTES,
        )
        RunbookAlarm(
            self,
            runtime,
            "failing-webuis",
            "Replica after replica requeues tasks because its engine fails.",
            id_="FailingWebUis",
            metric=expression(
                "(FILL(failures, 0) + FILL(released, 0)) / IF(FILL(replicas, 0) > 5, replicas / 5, 1)",
                "failures of a replica in five minutes",
                period_seconds=WEBUI_PERIOD_SECONDS,
                failures=metrics.of_agents("WebUiFailures", "Sum", period_seconds=WEBUI_PERIOD_SECONDS),
                # An agent whose Web UI keeps failing exits before it reports the failures of its last minute.
                released=metrics.of_agents("TasksHandedBack", "Sum", period_seconds=WEBUI_PERIOD_SECONDS),
                replicas=metrics.of_agents("Replicas", "Sum", period_seconds=WEBUI_PERIOD_SECONDS),
            ),
            threshold=WEBUI_FAILURES,
            periods=WEBUI_PERIODS,
        )


def _failure_percent(metrics: RuntimeMetrics) -> aws_cloudwatch.MathExpression:
    finished = {
        status.value.lower(): metrics.finished(status, period_seconds=FAILURE_WINDOW_SECONDS)
        for status in FINAL_STATUSES
    }
    failed_sum = " + ".join(f"FILL({status.value.lower()}, 0)" for status in (Status.FAILED, Status.TIMED_OUT))
    finished_sum = " + ".join(f"FILL({name}, 0)" for name in finished)
    return expression(
        f"IF({finished_sum} >= {MIN_FINISHED}, 100 * ({failed_sum}) / ({finished_sum}), 0)",
        "percent that failed",
        period_seconds=FAILURE_WINDOW_SECONDS,
        **finished,
    )


def _incomplete_periods(metric: aws_cloudwatch.Metric | aws_cloudwatch.MathExpression) -> int:
    """Return the number of newest periods whose missing data the metric fills in."""
    if not isinstance(metric, aws_cloudwatch.MathExpression) or "FILL(" not in metric.expression:
        return 0
    return math.ceil(METRIC_DELAY_SECONDS / metric.period.to_seconds())
