"""Who may send tasks, who hears of their end, and who administers: the environment's ways in and out."""

import re
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from contract.callback import CALLBACK_STATUS
from contract.routing import CamelModel
from contract.task import TaskType
from stacks.config.validation import unique

#: Form of the endpoint of a subscriber, for each protocol: pattern, and what to write.
_ENDPOINTS: Final = {
    "https": (r"https://[^\s/]+(/\S*)?", "an https:// URL"),
    "sqs": (r"arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[\w.-]+", "the ARN of a queue"),
    "lambda": (r"arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+", "the ARN of a function"),
    "email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an email address"),
}
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_PRINCIPAL: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]{1,576}", re.ASCII)


class ApiKey(CamelModel):
    """One key of the HTTP API; its value is generated and kept in Secrets Manager."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = Field(
        description="lower-case letters, digits and hyphens, 40 at most; it names the caller in logs"
    )


#: Active tasks of a key at most: each is named in one item, and every submission is billed by its size (50 KB then).
MAX_ACTIVE_TASKS: Final = 1_000


#: Number of synchronous functions (`stacks.constructs.functions.synchronous_functions`). Each reserves executions.
WAITING_FUNCTIONS: Final = 2


class Throttling(CamelModel):
    """What the HTTP API accepts of each key."""

    requests_per_second: int = Field(
        default=50, ge=1, le=10_000, description="requests per second of one key, on average"
    )
    burst: int = Field(default=100, ge=1, le=5_000, description="requests of one key at a moment, above the rate")
    requests_per_day: int | None = Field(default=None, ge=1, description="quota of one key, or null for none")
    active_tasks_per_key: int | None = Field(
        default=None,
        ge=1,
        le=MAX_ACTIVE_TASKS,
        description="tasks of one key that may wait or run at a time, so that none fills the queue of all, or null",
    )
    waiting_calls: int | None = Field(
        default=None,
        ge=1,
        le=1_000,
        description="calls at a time of each of the two functions that wait for a task's end (RunPod's API, an SD Web"
        " UI's), so that those who wait leave the other functions theirs: Lambda reserves twice as many executions,"
        " which a new account does not have (docs/explanation/scale.md); null reserves none",
    )

    @property
    def reserved_concurrency(self) -> int:
        """Executions of the account's that Lambda sets aside for this environment."""
        return WAITING_FUNCTIONS * (self.waiting_calls or 0)

    @property
    def active_tasks_setting(self) -> str:
        """The limit of active tasks as the functions read it."""
        return "" if self.active_tasks_per_key is None else str(self.active_tasks_per_key)


class Subscriber(CamelModel):
    """Who gets the messages of a topic."""

    protocol: Literal["https", "sqs", "lambda", "email"] = Field(description="how messages travel to the endpoint")
    endpoint: str = Field(description="URL, ARN or address, as the protocol needs it")

    @model_validator(mode="after")
    def _endpoint_fits_protocol(self) -> Self:
        pattern, what = _ENDPOINTS[self.protocol]
        if not re.fullmatch(pattern, self.endpoint, re.ASCII):
            raise ValueError(f"endpoint {self.endpoint!r} does not fit protocol {self.protocol}: write {what}")
        return self


class CallbackSubscriber(Subscriber):
    """A subscriber of the completion topic; an empty filter lets everything through."""

    status: tuple[str, ...] = Field(default=(), description=f"any of {', '.join(CALLBACK_STATUS.values())}")
    runtime: tuple[str, ...] = Field(default=(), description="names of runtimes of this environment")
    tasktype: tuple[TaskType, ...] = Field(default=(), description="any types of task")

    @model_validator(mode="after")
    def _status_is_known(self) -> Self:
        known = CALLBACK_STATUS.values()
        if unknown := [status for status in self.status if status not in known]:
            raise ValueError(f"there is no status {unknown[0]!r}; write any of {', '.join(known)}")
        return self


_Subscriber = TypeVar("_Subscriber", bound=Subscriber)


def unique_endpoints(subscribers: tuple[_Subscriber, ...]) -> tuple[_Subscriber, ...]:
    """Refuse an endpoint that would get every message twice."""
    return unique(subscribers, lambda subscriber: (subscriber.protocol, subscriber.endpoint), "endpoint")


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


def _check_publisher(value: str) -> str:
    if not _ACCOUNT.fullmatch(value) and not _PRINCIPAL.fullmatch(value):
        raise ValueError(
            f"is {value!r}; write the 12 digits of an account in quotes, or the ARN of a role or user, such as"
            ' "arn:aws:iam::123456789012:role/shop"'
        )
    return value


def _check_principal(value: str) -> str:
    if not _PRINCIPAL.fullmatch(value):
        raise ValueError(
            f"is {value!r}; write the ARN of a role or user, such as arn:aws:iam::123456789012:role/operators"
        )
    return value


#: Who may post to the entry topic: an account (12 digits), a role or a user.
Publisher = Annotated[str, AfterValidator(_check_publisher)]
#: A role or a user, by ARN.
Principal = Annotated[str, AfterValidator(_check_principal)]


def is_account(publisher: str) -> bool:
    """Tell whether a publisher is a whole account."""
    return _ACCOUNT.fullmatch(publisher) is not None


def partition_of_arn(arn: str) -> str:
    """Return the partition in an ARN, such as `aws-cn`."""
    return arn.split(":")[1]
