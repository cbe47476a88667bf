"""The alarms of an environment as a whole: what could not be delivered, the way in, and the functions."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration, aws_cloudwatch, aws_sns, aws_sqs
from constructs import Construct, IConstruct

from stacks.constructs.figures import MINUTE
from stacks.constructs.runbook_alarm import RunbookAlarm
from stacks.constructs.task_function import TaskFunction
from stacks.constructs.task_queue import DeadLetterQueue

#: A function empties the dead-letter queues within seconds; what still lies there after this it cannot settle.
DEAD_LETTER_MINUTES: Final = 5
#: Seconds a message may wait for the router, which takes milliseconds for it.
INTAKE_AGE_SECONDS: Final = 300
#: Milliseconds for which the record of a finished task may wait for its callback.
CALLBACK_DELAY_MS: Final = 300_000
#: Minutes in a row in which a function fails. One event that no function can take fails now and then until it is set
#: aside, which the dead letters tell.
FUNCTION_ERROR_MINUTES: Final = 5


class EnvironmentAlarms(Construct):
    """All of them tell `topic`."""

    def __init__(self, scope: Construct, id_: str, *, environment: str, topic: aws_sns.ITopic) -> None:
        super().__init__(scope, id_)
        self._environment = environment
        self._topic = topic

    def watch_dead_letters(self, queues: Sequence[DeadLetterQueue]) -> None:
        """Go off when something stays in one of `queues`."""
        for queue in queues:
            place = _place(queue)
            metrics = {
                "waiting": queue.metric_approximate_number_of_messages_visible(statistic="Maximum"),
                "in_flight": queue.metric_approximate_number_of_messages_not_visible(statistic="Maximum"),
            }
            self._alarm(
                place,
                "dead-letters",
                f"Messages lie in {place}, which a function should have emptied or which somebody must look at.",
                metric=aws_cloudwatch.MathExpression(
                    expression="FILL(waiting, 0) + FILL(in_flight, 0)",
                    using_metrics=metrics,
                    label="messages",
                    period=Duration.seconds(MINUTE),
                ),
                threshold=1,
                periods=DEAD_LETTER_MINUTES,
            )

    def watch_intake(self, queue: aws_sqs.IQueue) -> None:
        """Go off when the router does not keep up with the entry topic."""
        self._alarm(
            "Intake",
            "intake",
            f"A message from the entry topic has waited for {INTAKE_AGE_SECONDS // 60} minutes for the router.",
            metric=queue.metric_approximate_age_of_oldest_message(statistic="Maximum", period=Duration.seconds(MINUTE)),
            threshold=INTAKE_AGE_SECONDS,
            periods=3,
        )

    def watch_callbacks(self, notify: TaskFunction) -> None:
        """Go off when finished tasks wait for their callbacks."""
        self._alarm(
            "Notify",
            "late-callbacks",
            f"Finished tasks have waited for {CALLBACK_DELAY_MS // 60_000} minutes for their callbacks.",
            metric=notify.metric("IteratorAge", statistic="Maximum", period=Duration.seconds(MINUTE)),
            threshold=CALLBACK_DELAY_MS,
            periods=3,
        )

    def watch_functions(self, functions: Sequence[TaskFunction]) -> None:
        """Go off when one of `functions` fails minute after minute."""
        for function in functions:
            self._alarm(
                function.node.id,
                "function-errors",
                f"The function {function.node.id} fails, runs out of time, or is not let in by Lambda.",
                metric=aws_cloudwatch.MathExpression(
                    expression="FILL(errors, 0) + FILL(throttles, 0)",
                    using_metrics={"errors": function.metric_errors(), "throttles": function.metric_throttles()},
                    label="errors",
                    period=Duration.seconds(MINUTE),
                ),
                threshold=1,
                periods=FUNCTION_ERROR_MINUTES,
            )

    def _alarm(
        self,
        subject: str,
        runbook: str,
        meaning: str,
        *,
        metric: aws_cloudwatch.IMetric,
        threshold: float,
        periods: int,
    ) -> None:
        RunbookAlarm(
            self,
            "".join(part.capitalize() for part in f"{subject}-{runbook}".replace("-", " ").split()),
            environment=self._environment,
            subject=subject,
            runbook=runbook,
            meaning=meaning,
            metric=metric,
            threshold=threshold,
            periods=periods,
            topic=self._topic,
        )


def _place(queue: IConstruct) -> str:
    """Return where a queue stands: `RuntimeSdxl-DeadLetterQueue`, or `NotifyFailures`."""
    return queue.node.path.split("/", 1)[1].replace("/", "-")
