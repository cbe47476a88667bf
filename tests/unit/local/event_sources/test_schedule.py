import asyncio
from typing import Any

import pytest

from local.cloudformation.errors import TemplateError
from local.event_sources.schedule import ScheduleEventSource, interval_seconds
from local.lambda_runtime.runtime_api import InvocationResult


class Ticked:
    def __init__(self) -> None:
        self.events: list[Any] = []

    async def invoke(self, event: Any) -> InvocationResult:
        self.events.append(event)
        return InvocationResult(b"null")


@pytest.mark.parametrize(
    ("expression", "seconds"), [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(2 hours)", 7200)]
)
def test_rates(expression: str, seconds: int) -> None:
    assert interval_seconds(expression) == seconds


@pytest.mark.parametrize("expression", ["cron(0 * * * ? *)", "rate(1 week)", "rate(minute)", ""])
def test_other_schedules_are_refused(expression: str) -> None:
    with pytest.raises(TemplateError, match="rate"):
        interval_seconds(expression)


def test_a_tick_has_eventbridges_shape() -> None:
    function: Any = Ticked()
    source = ScheduleEventSource(function=function, rule_arn="arn:rule", region="us-east-1", interval_seconds=0)
    asyncio.run(source.poll())
    (event,) = function.events
    assert event["detail-type"] == "Scheduled Event"
    assert event["source"] == "aws.events"
    assert event["resources"] == ["arn:rule"]
    assert event["time"].endswith("Z")
