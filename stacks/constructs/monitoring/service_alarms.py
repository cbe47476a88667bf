"""Alarms of the HTTP API, the task table and the task reaper, for what no alarm on a function reports."""

from collections.abc import Sequence
from typing import Final

from stacks.constructs.monitoring.alarms import AlarmGroup, RunbookAlarm
from stacks.constructs.monitoring.metrics import MINUTE, expression, metric, of_function

#: Seconds over which the errors of the HTTP API are counted, and their number in it. One crash of a function is less.
API_PERIOD_SECONDS: Final = 300
API_ERRORS: Final = 5
#: Minutes in a row in which DynamoDB throttles requests. The SDK repeats those of a short peak.
THROTTLED_MINUTES: Final = 5
#: Seconds over which the failed checks of the task reaper are counted, and the periods in a row. A task that
#: it can never settle counts in each, because it checks it again after five minutes. A short failure of AWS does not.
UNSETTLED_PERIOD_SECONDS: Final = 600
UNSETTLED_PERIODS: Final = 3
#: Operations of functions and agents. A throttled index counts for the operation that reads or writes it.
TABLE_OPERATIONS: Final = ("PutItem", "UpdateItem", "GetItem", "BatchGetItem", "Query")


class ServiceAlarms(AlarmGroup):
    """Alarms of the environment's HTTP API, task table and task reaper."""

    def watch_api(self, name: str, *, function_urls: Sequence[str]) -> None:
        """Alarm when callers of the API named `name` receive errors that are not theirs.

        API Gateway does not see the calls of `function_urls`, the names of the functions with their own address.
        """
        api = metric("5XXError", "Sum", namespace="AWS/ApiGateway", period_seconds=API_PERIOD_SECONDS, ApiName=name)
        urls = {f"url{number}": of_function("Url5xxCount", function) for number, function in enumerate(function_urls)}
        # As below, a missing value counts as 0.
        text = " + ".join(["api", *urls])
        RunbookAlarm(
            self,
            "HttpApi",
            "api-errors",
            f"The HTTP API has answered {API_ERRORS} requests within five minutes with a status from 500.",
            metric=expression(text, "errors", period_seconds=API_PERIOD_SECONDS, api=api, **urls) if urls else api,
            threshold=API_ERRORS,
            periods=1,
        )

    def watch_table(self, name: str) -> None:
        """Alarm when DynamoDB throttles requests to the table named `name` or to its indexes."""
        operations = {
            operation.lower(): metric(
                "ThrottledRequests", "Sum", namespace="AWS/DynamoDB", TableName=name, Operation=operation
            )
            for operation in TABLE_OPERATIONS
        }
        RunbookAlarm(
            self,
            "TaskTable",
            "throttled-table",
            f"DynamoDB has throttled requests to the task table for {THROTTLED_MINUTES} minutes.",
            # DynamoDB writes no zeros, and metric math reads what is missing as 0 if another operation has a value.
            metric=expression(" + ".join(operations), "throttled requests", period_seconds=MINUTE, **operations),
            threshold=1,
            periods=THROTTLED_MINUTES,
        )

    def watch_reaper(self) -> None:
        """Alarm when the task reaper cannot settle a task. Its function does not fail, because other tasks follow."""
        minutes = UNSETTLED_PERIODS * UNSETTLED_PERIOD_SECONDS // MINUTE
        RunbookAlarm(
            self,
            "TaskReaper",
            "unsettled-tasks",
            f"A task could not be ended or published for {minutes} minutes.",
            metric=metric(
                "SweepFailures", "Sum", period_seconds=UNSETTLED_PERIOD_SECONDS, environment=self.environment
            ),
            threshold=1,
            periods=UNSETTLED_PERIODS,
        )
