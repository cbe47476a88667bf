"""Access and notification: keys, throttling, publishers, administrators, subscribers and alarms."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from contract.callback import BATCH_TASKTYPE, CALLBACK_STATUS
from contract.routing import CamelModel
from contract.task import TaskType
from stacks.config.validation import all_different, matches

#: SNS's default limit of a message in bytes, the same in every partition.
SNS_DEFAULT_MESSAGE_BYTES: Final = 256 * 1024
#: Limit of the entry topic. The envelope of SNS writes two bytes for each quotation mark and line break, and a message
#: of SQS has 1 MiB.
SAFE_MESSAGE_BYTES: Final = 512 * 1024
#: SNS's highest limit of a message in bytes.
SNS_MAX_MESSAGE_BYTES: Final = 1024 * 1024
#: Partitions by the prefix of their regions' names. All other regions are in `aws`.
_PARTITIONS: Final = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
#: Pattern of a subscriber's endpoint for each protocol, and its name in error messages.
_ENDPOINTS: Final = {
    "https": (r"https://[^\s/]+(/\S*)?", "an https:// URL"),
    "sqs": (r"arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[\w.-]+", "the ARN of a queue"),
    "lambda": (r"arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+", "the ARN of a function"),
    "email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an email address"),
}
_ACCOUNT: Final = re.compile(r"\d{12}", re.ASCII)
_PRINCIPAL: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]{1,576}", re.ASCII)


#: Pattern of the name of a key or publisher. It names the tenant in the table, in logs and in messages.
_TENANT: Final = r"^[a-z0-9][a-z0-9-]{0,39}$"
_MAX_TENANT_LENGTH: Final = 40


class ApiKey(CamelModel):
    """One key of the HTTP API; its value is generated and stored in Secrets Manager."""

    name: Annotated[str, Field(pattern=_TENANT)] = Field(
        description="lower-case letters, digits and hyphens, 40 at most; it names the caller in logs"
    )
    admin: bool = Field(
        default=False, description="true: the key also reads, cancels and retries the tasks of all other keys"
    )


#: Header in which a caller may send its key.
KeyHeader = Literal["x-api-key", "authorization"]

#: Highest limit of active tasks of a key. One item lists them all, and each submission is billed by its size (50 KB
#: at this limit).
MAX_ACTIVE_TASKS: Final = 1_000


#: Number of synchronous functions (`stacks.constructs.functions.synchronous_functions`). Each reserves executions.
WAITING_FUNCTIONS: Final = 4


class Throttling(CamelModel):
    """Limits of the HTTP API, for each key unless they say otherwise."""

    requests_per_second: int = Field(
        default=50, ge=1, le=10_000, description="requests per second of one key, on average"
    )
    burst: int = Field(default=100, ge=1, le=5_000, description="requests of one key at once, above the rate")
    requests_per_day: int | None = Field(default=None, ge=1, description="quota of one key, or null for none")
    requests_per_address: int | None = Field(
        default=None,
        ge=10,
        le=2_000_000_000,
        description="requests of one IP address in five minutes; AWS WAF, which has a price of its own, refuses those"
        " beyond, and requests without a key other than preflights, the API's description and the console's files,"
        " before they count for any key; null uses no WAF",
    )
    active_tasks_per_key: int | None = Field(
        default=200,
        ge=1,
        le=MAX_ACTIVE_TASKS,
        description="tasks of one key that may wait or run at once, so that none fills the queue of all; or null",
    )
    waiting_calls: int | None = Field(
        default=None,
        ge=1,
        le=1_000,
        description="concurrent calls of each of the four functions that wait for a task's end (RunPod's, OpenAI's,"
        " an SD Web UI's API, MCP), so that waiting calls leave executions for the other functions: Lambda reserves"
        " four times as many, which a new account does not have (docs/explanation/scale.md); null reserves none",
    )

    @property
    def reserved_concurrency(self) -> int:
        """Executions of the account that Lambda reserves for this environment."""
        return WAITING_FUNCTIONS * (self.waiting_calls or 0)


class Subscriber(CamelModel):
    """Receiver of a topic's messages."""

    protocol: Literal["https", "sqs", "lambda", "email"] = Field(description="protocol of the delivery to the endpoint")
    endpoint: str = Field(
        description="URL, ARN or address, as the protocol requires; a queue of another account receives nothing until"
        " its owner confirms the subscription (docs/how-to/deployment.md)"
    )

    @model_validator(mode="after")
    def _endpoint_fits_protocol(self) -> Self:
        pattern, what = _ENDPOINTS[self.protocol]
        if not re.fullmatch(pattern, self.endpoint, re.ASCII):
            raise ValueError(f"endpoint {self.endpoint!r} does not fit protocol {self.protocol}: write {what}")
        return self


#: Task types of callbacks: those of tasks, and that of the end of a batch.
_CALLBACK_TASKTYPES: Final = (*TaskType, BATCH_TASKTYPE)


def _check_tasktype(value: str) -> str:
    if value not in _CALLBACK_TASKTYPES:
        raise ValueError(f'is "{value}"; write any of {", ".join(_CALLBACK_TASKTYPES)}')
    return value


#: Task type that a subscriber may filter on.
_CallbackTaskType = Annotated[
    str, AfterValidator(_check_tasktype), Field(json_schema_extra={"enum": [*_CALLBACK_TASKTYPES]})
]


class CallbackSubscriber(Subscriber):
    """Subscriber of the completion topic; an empty filter accepts everything."""

    status: tuple[str, ...] = Field(default=(), description=f"any of {', '.join(CALLBACK_STATUS.values())}")
    runtime: tuple[str, ...] = Field(default=(), description="names of runtimes of this environment")
    tasktype: tuple[_CallbackTaskType, ...] = Field(
        default=(), description=f"any task types, and `{BATCH_TASKTYPE}` for the ends of batches"
    )
    tenant: tuple[str, ...] = Field(default=(), description="names of keys and publishers of this environment")

    @model_validator(mode="after")
    def _status_is_known(self) -> Self:
        known = CALLBACK_STATUS.values()
        if unknown := [status for status in self.status if status not in known]:
            raise ValueError(f"there is no status {unknown[0]!r}; write any of {', '.join(known)}")
        return self


#: Validator that refuses an endpoint that would receive every message twice.
UNIQUE_ENDPOINTS: Final = all_different("endpoint", lambda subscriber: (subscriber.protocol, subscriber.endpoint))

#: Origin of a page, as its browser sends it.
Origin = Annotated[str, Field(pattern=r"^(\*|https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:(\d{1,5}|\*))?)$")]

_MAX_PORT: Final = 65_535


def _check_port(host: str) -> str:
    port = re.search(r":(\d+)$", host)
    if port and not 1 <= int(port[1]) <= _MAX_PORT:
        raise ValueError(f"is {host!r}, whose port does not exist; write a port from 1 to {_MAX_PORT}")
    return host


#: Host of links and webhooks, with or without a port.
LinkHost = Annotated[str, Field(pattern=r"^(\[[0-9a-f:]+\]|[^\s/:@\[\]]+)(:\d{1,5})?$"), AfterValidator(_check_port)]

#: Retention periods of CloudWatch Logs, in days.
LogRetentionDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 3653]


class Alarms(CamelModel):
    """Subscribers of the alarms, and the thresholds of the alarms."""

    extent: Literal["all", "essential"] = Field(
        default="all",
        description="`essential` leaves out the alarms on functions, table, failed tasks and replicas, which are most"
        " of what an environment without tasks costs",
    )
    subscribers: Annotated[tuple[Subscriber, ...], UNIQUE_ENDPOINTS] = Field(
        default=(), description="receivers of the alarm topic's messages"
    )
    oldest_message_minutes: int = Field(
        default=30, ge=1, le=10_080, description="minutes that a task may be in its queue, waiting and running"
    )
    failure_percent: int = Field(
        default=20,
        ge=1,
        le=100,
        description="percent of the tasks within 15 minutes that may fail or time out",
    )
    minutes_without_replica: int = Field(
        default=20,
        ge=5,
        le=720,
        description="minutes that tasks may wait while no replica runs; a start takes several",
    )


#: A role or a user, by ARN.
Principal = Annotated[
    str, matches(_PRINCIPAL, "the ARN of a role or user, such as arn:aws:iam::123456789012:role/operators")
]
_PUBLISHER: Final = re.compile(f"{_ACCOUNT.pattern}|{_PRINCIPAL.pattern}", re.ASCII)


def _check_publisher(value: str) -> str:
    if not _PUBLISHER.fullmatch(value):
        raise ValueError(
            f"is {value!r}; write the 12 digits of an account in quotes, or the ARN of a role or user, such as"
            ' "arn:aws:iam::123456789012:role/shop"'
        )
    return value


class NamedPublisher(CamelModel):
    """Account, role or user that may publish tasks, and the tenant to which they belong."""

    name: Annotated[str, Field(pattern=_TENANT)] = Field(
        description="lower-case letters, digits and hyphens, 40 at most; with the name of a key, the tasks belong to it"
    )
    principal: Annotated[str, AfterValidator(_check_publisher)] = Field(
        description="12 digits of an account in quotes, or ARN of a role or user"
    )

    @property
    def is_account(self) -> bool:
        """Return True if the publisher is a whole account."""
        return _ACCOUNT.fullmatch(self.principal) is not None


class UnnamedPublisher(NamedPublisher):
    """Publisher that is named after the last part of its principal."""


def _read_publisher(value: object, read: ValidatorFunctionWrapHandler) -> NamedPublisher:
    if not isinstance(value, str):
        publisher: NamedPublisher = read(value)
        return publisher
    last_part = _check_publisher(value).rpartition("/")[2].lower()
    name = re.sub(r"[^a-z0-9]", "-", last_part)[:_MAX_TENANT_LENGTH].lstrip("-")
    return UnnamedPublisher.model_validate(dict(read({"name": name, "principal": value})))


_Publisher = Annotated[NamedPublisher, WrapValidator(_read_publisher, json_schema_input_type=NamedPublisher | str)]

#: Highest number of publishers. The policy of a queue has 20 statements and 8,192 bytes at most, and the intake queue
#: needs a statement for each topic.
MAX_PUBLISHERS: Final = 15


def _check_number_of_publishers(publishers: tuple[NamedPublisher, ...]) -> tuple[NamedPublisher, ...]:
    if len(publishers) > MAX_PUBLISHERS:
        raise ValueError(
            f"has {len(publishers)} entries; write at most {MAX_PUBLISHERS}, and give the others a key of the HTTP API"
        )
    return publishers


#: Publishers of tasks, as the environment file names them.
Publishers = Annotated[
    tuple[_Publisher, ...],
    all_different("name", lambda publisher: publisher.name),
    AfterValidator(_check_number_of_publishers),
]


def partition_of_region(region: str) -> str:
    """Return the partition of a region, `aws` without one."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")


def check_arns(arns: Mapping[str, str], *, region: str | None, account: str | None) -> None:
    """Refuse an ARN of another partition, and a function of another account or region. Other values are no ARNs.

    Args:
        arns: Values by their keys in the environment file.
        region: Region of the environment, or None if the credentials select it.
        account: Account of the environment, or None if the credentials select it.
    """
    for key, arn in arns.items():
        if not arn.startswith("arn:"):
            continue
        _, partition, service, region_of_arn, owner, *_ = arn.split(":")
        if region and partition != (expected := partition_of_region(region)):
            raise ValueError(f"{key}: {arn} is not in partition {expected} of region {region}; write arn:{expected}:…")
        for what, found, wanted in (("account", owner, account), ("region", region_of_arn, region)):
            # CloudFormation allows a topic to call functions of the stack's own account and region only.
            if service == "lambda" and wanted and found != wanted:
                raise ValueError(
                    f"{key}: {arn} is in another {what} than {wanted}, so the deployment cannot allow SNS to call it;"
                    f" write a function of {wanted}, or a queue of the other {what} (protocol: sqs)"
                )
