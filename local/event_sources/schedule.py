"""Schedule of an EventBridge rule: its ticks are events of a function."""

import asyncio
import re
import uuid
from datetime import UTC, datetime
from typing import Final

from local.cloudformation.errors import TemplateError
from local.cloudformation.stack import ACCOUNT_ID
from local.lambda_runtime.function import LambdaFunction

_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_UNIT_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86_400}


class ScheduleEventSource:
    """Invokes a function once in every interval, the first time when one has passed. A failure waits for the next."""

    def __init__(self, *, function: LambdaFunction, rule_arn: str, region: str, interval_seconds: float) -> None:
        self.name = f"event source of rule {rule_arn}"
        self._function = function
        self._rule_arn = rule_arn
        self._region = region
        self._interval_seconds = interval_seconds

    async def poll(self) -> None:
        """Wait for one tick and process it."""
        await asyncio.sleep(self._interval_seconds)
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT_ID,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._region,
            "resources": [self._rule_arn],
            "detail": {},
        }
        await self._function.invoke(event)


def interval_seconds(schedule_expression: str) -> float:
    """Return the seconds between two ticks, or raise TemplateError on what is not `rate(...)`."""
    match = _RATE.fullmatch(schedule_expression)
    if match is None:
        raise TemplateError(f"the local system knows schedules by rate(...) only, not {schedule_expression}")
    return int(match[1]) * _UNIT_SECONDS[match[2]]
