"""How an environment is watched: who is told of what, and for how long logs are kept."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from contract.routing import CamelModel
from stacks.config.access import Subscriber, unique_endpoints

#: The retentions that CloudWatch Logs knows, in days.
LogRetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 3653]


class Alarms(CamelModel):
    """Who is told when something is wrong, and what counts as wrong."""

    subscribers: Annotated[tuple[Subscriber, ...], AfterValidator(unique_endpoints)] = Field(
        default=(), description="who gets the messages of the alarm topic"
    )
    oldest_message_minutes: int = Field(
        default=30, ge=1, le=10_080, description="minutes that a task may be in its queue, waiting and running"
    )
    failure_percent: int = Field(
        default=20, ge=1, le=100, description="tasks that may fail or time out, of those that end within 15 minutes"
    )
    minutes_without_replica: int = Field(
        default=20,
        ge=5,
        le=720,
        description="minutes that tasks may wait while no replica runs; a start takes some",
    )
