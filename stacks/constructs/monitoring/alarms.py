"""Alarms of an environment and of each runtime. Each has a runbook in docs/how-to/operations.md."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration, aws_cloudwatch, aws_cloudwatch_actions, aws_sns, aws_sqs
from constructs import Construct, IConstruct

from contract.record import FINAL_STATUSES, Status
from stacks.config import Alarms
from stacks.constructs.functions.task_function import TaskFunction
from stacks.constructs.messaging.queues import DeadLetterQueue
from stacks.constructs.monitoring.metrics import MINUTE, RuntimeMetrics, expression

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
    """Alarm for `metric` at or above `threshold` in `periods` consecutive periods; missing data is not an alarm.

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
        metric: aws_cloudwatch.IMetric,
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
            evaluation_periods=periods,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        action = aws_cloudwatch_actions.SnsAction(group.topic)
        self.add_alarm_action(action)
        self.add_ok_action(action)


class EnvironmentAlarms(AlarmGroup):
    """Alarms of an environment as a whole: dead letters, intake, callbacks and functions."""

    def watch_dead_letters(self, queues: Sequence[DeadLetterQueue]) -> None:
        """Alarm when messages stay in one of `queues`."""
        for queue in queues:
            name = _path_of(queue)
            RunbookAlarm(
                self,
                name,
                "dead-letters",
                f"Messages are left in {name}: the function that empties it fails, or an operator must decide.",
                metric=expression(
                    "FILL(waiting, 0) + FILL(in_flight, 0)",
                    "messages",
                    waiting=queue.metric_approximate_number_of_messages_visible(statistic="Maximum"),
                    in_flight=queue.metric_approximate_number_of_messages_not_visible(statistic="Maximum"),
                ),
                threshold=1,
                periods=DEAD_LETTER_MINUTES,
            )

    def watch_intake(self, queue: aws_sqs.IQueue) -> None:
        """Alarm when the router falls behind the entry topic."""
        RunbookAlarm(
            self,
            "Intake",
            "intake",
            f"A message from the entry topic has waited for {INTAKE_AGE_SECONDS // 60} minutes for the router.",
            metric=queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=Duration.seconds(MINUTE)),
            threshold=INTAKE_AGE_SECONDS,
            periods=3,
        )

    def watch_callbacks(self, notify: TaskFunction) -> None:
        """Alarm when finished tasks wait for their callbacks."""
        RunbookAlarm(
            self,
            "Notify",
            "late-callbacks",
            f"Finished tasks have waited for {CALLBACK_DELAY_MS // 60_000} minutes for their callbacks.",
            metric=notify.metric("IteratorAge", statistic="Maximum", period=Duration.seconds(MINUTE)),
            threshold=CALLBACK_DELAY_MS,
            periods=3,
        )

    def watch_functions(self, functions: Sequence[TaskFunction]) -> None:
        """Alarm when one of `functions` fails minute after minute."""
        for function in functions:
            RunbookAlarm(
                self,
                function.node.id,
                "function-errors",
                f"The function {function.node.id} fails, times out, or is throttled by Lambda.",
                metric=expression(
                    "FILL(errors, 0) + FILL(throttles, 0)",
                    "errors",
                    errors=function.metric_errors(),
                    throttles=function.metric_throttles(),
                ),
                threshold=1,
                periods=FUNCTION_ERROR_MINUTES,
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
            f"At least half of the replicas have had no working Web UI for {UNREADY_MINUTES} minutes.",
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
            "Replica after replica requeues tasks because its Web UI fails.",
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


def _path_of(queue: IConstruct) -> str:
    """Return the path of a queue in its stack: `RuntimeSdxl-DeadLetterQueue`, or `NotifyFailures`."""
    return queue.node.path.split("/", 1)[1].replace("/", "-")
