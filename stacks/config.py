"""What one environment consists of: the typed form of a file under `environments/`, from which all stacks are made."""

import re
from collections.abc import Callable
from itertools import combinations
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from contract.callback import CALLBACK_STATUS
from contract.routing import CHECKPOINT_EXTENSIONS, CamelModel, Catalogue, Runtime, is_checkpoint_name, same_checkpoint
from contract.task import TaskType

#: Bytes of the runtimes as JSON: Lambda takes 4 KB of environment variables in all, the other variables need 1 KB.
MAX_CATALOGUE_BYTES: Final = 3 * 1024
#: SNS's default limit of a message in bytes, which every partition has.
SNS_DEFAULT_MESSAGE_BYTES: Final = 256 * 1024
#: The highest limit of a message that a topic can be given, in bytes.
SNS_MAX_MESSAGE_BYTES: Final = 1024 * 1024

#: Form of the endpoint of a subscriber, for each protocol: pattern, and what to write.
_ENDPOINTS: Final = {
    "https": (r"https://[^\s/]+(/\S*)?", "an https:// URL"),
    "sqs": (r"arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[\w.-]+", "the ARN of a queue"),
    "lambda": (r"arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+", "the ARN of a function"),
    "email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", "an email address"),
}


_Item = TypeVar("_Item")


def _unique(items: tuple[_Item, ...], key: Callable[[_Item], object], what: str) -> tuple[_Item, ...]:
    seen: dict[object, int] = {}
    for index, item in enumerate(items):
        if key(item) in seen:
            raise ValueError(f"entries {seen[key(item)]} and {index} have the same {what}; give each its own")
        seen[key(item)] = index
    return items


class ApiKey(CamelModel):
    """One key of the HTTP API; its value is generated and kept in Secrets Manager."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = Field(
        description="lower-case letters, digits and hyphens, 40 at most; it names the caller in logs"
    )


class Throttling(CamelModel):
    """What the HTTP API accepts of each key."""

    requests_per_second: int = Field(
        default=50, ge=1, le=10_000, description="requests per second of one key, on average"
    )
    burst: int = Field(default=100, ge=1, le=5_000, description="requests of one key at a moment, above the rate")
    requests_per_day: int | None = Field(default=None, ge=1, description="quota of one key, or null for none")


class CallbackSubscriber(CamelModel):
    """A subscriber of the completion topic; an empty filter lets everything through."""

    protocol: Literal["https", "sqs", "lambda", "email"]
    endpoint: str = Field(description="URL, ARN or address, as the protocol needs it")
    status: tuple[str, ...] = Field(default=(), description=f"any of {', '.join(CALLBACK_STATUS.values())}")
    runtime: tuple[str, ...] = Field(default=(), description="names of runtimes of this environment")
    tasktype: tuple[TaskType, ...] = Field(default=(), description="any types of task")

    @model_validator(mode="after")
    def _endpoint_fits_protocol(self) -> Self:
        pattern, what = _ENDPOINTS[self.protocol]
        if not re.fullmatch(pattern, self.endpoint, re.ASCII):
            raise ValueError(f"endpoint {self.endpoint!r} does not fit protocol {self.protocol}: write {what}")
        known = CALLBACK_STATUS.values()
        if unknown := [status for status in self.status if status not in known]:
            raise ValueError(f"there is no status {unknown[0]!r}; write any of {', '.join(known)}")
        return self


def _check_model_filename(value: str | None) -> str | None:
    if value is not None and not (value.endswith(CHECKPOINT_EXTENSIONS) and is_checkpoint_name(value)):
        raise ValueError("is not the name of a checkpoint; write a file name such as v1-5-pruned-emaonly.safetensors")
    return value


class RuntimeConfig(Runtime):
    """A runtime: what submission knows of it, and its queue."""

    model_filename: Annotated[str | None, AfterValidator(_check_model_filename)] = Field(
        default=None, description="the one checkpoint that this runtime serves"
    )
    visibility_timeout_seconds: int = Field(
        default=60,
        ge=10,
        le=43_200,
        description="seconds after which another replica gets the task of one that fell silent; work extends it",
    )

    @property
    def pascal_name(self) -> str:
        """The name in the ids of the runtime's resources and outputs."""
        return pascal_name(self.name)


def pascal_name(name: str) -> str:
    """Return a hyphenated name as CloudFormation's ids need it: `sd-xl` becomes `SdXl`."""
    return "".join(part.capitalize() for part in name.split("-"))


def _check_runtimes(runtimes: tuple[RuntimeConfig, ...]) -> tuple[RuntimeConfig, ...]:
    _unique(runtimes, lambda runtime: runtime.name, "name")
    _unique(runtimes, lambda runtime: runtime.pascal_name, "name apart from hyphens")
    for first, second in combinations(runtimes, 2):
        models = first.model_filename, second.model_filename
        if models[0] and models[1] and same_checkpoint(models[0], models[1]):
            raise ValueError(
                f"{first.name} and {second.name} both serve {first.model_filename}, so v1alpha1 requests, which name"
                " only the model, would not know their runtime; let one runtime serve it"
            )
    size = len(Catalogue(runtimes).to_json().encode())
    if size > MAX_CATALOGUE_BYTES:
        raise ValueError(
            f"are {size} bytes of JSON, and the functions' environment takes {MAX_CATALOGUE_BYTES};"
            " shorten names, or spread the runtimes over two environments"
        )
    return runtimes


def _unique_names(keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
    return _unique(keys, lambda key: key.name, "name")


def _unique_endpoints(subscribers: tuple[CallbackSubscriber, ...]) -> tuple[CallbackSubscriber, ...]:
    return _unique(subscribers, lambda subscriber: (subscriber.protocol, subscriber.endpoint), "endpoint")


class Environment(CamelModel):
    """One deployment of Darkroom; several live side by side in one account."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,28}[a-z0-9]$")] = Field(
        description="part of the stacks' names: 2 to 30 lower-case letters, digits and hyphens"
    )
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = Field(
        default=None, description="12 digits in quotes; without it the account of the credentials at hand"
    )
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d+$")] | None = Field(
        default=None, description="such as eu-central-1; without it the region of the credentials at hand"
    )
    removal_policy: Literal["retain", "destroy"] = Field(
        default="retain", description="what becomes of buckets, table, keys and logs when their stack is deleted"
    )
    retention_hours: int = Field(
        default=24, ge=1, le=8_760, description="hours for which the record of a finished task can be read"
    )
    output_retention_days: int | None = Field(
        default=None, ge=1, description="days after which pictures are deleted, or null to keep them"
    )
    api_keys: Annotated[tuple[ApiKey, ...], Field(min_length=1), AfterValidator(_unique_names)] = (
        ApiKey(name="default"),
    )
    throttling: Throttling = Throttling()
    callbacks: Annotated[tuple[CallbackSubscriber, ...], AfterValidator(_unique_endpoints)] = ()
    link_buckets: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")], ...] = Field(
        default=(), description="names of the buckets that s3:// links may point to"
    )
    allowed_link_hosts: tuple[Annotated[str, Field(pattern=r"^(\[[0-9a-f:]+\]|[^\s/:@\[\]]+)(:\d{1,5})?$")], ...] = (
        Field(default=(), description="host or host:port that http links may reach although its address is not public")
    )
    entry_topic_maximum_message_bytes: int = Field(
        default=SNS_MAX_MESSAGE_BYTES,
        ge=SNS_DEFAULT_MESSAGE_BYTES,
        le=SNS_MAX_MESSAGE_BYTES,
        description="bytes of a task on the entry topic: 262144 where the partition takes no larger ones",
    )
    tracing: bool = Field(default=False, description="true to trace the functions and the HTTP API with X-Ray")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="the least severe entries in the functions' logs"
    )
    runtimes: Annotated[tuple[RuntimeConfig, ...], Field(min_length=1), AfterValidator(_check_runtimes)]
    tags: dict[str, str] = Field(default={}, description="tags of all resources")

    @model_validator(mode="after")
    def _callbacks_name_known_runtimes(self) -> Self:
        names = [runtime.name for runtime in self.runtimes]
        for index, subscriber in enumerate(self.callbacks):
            for name in subscriber.runtime:
                if name not in names:
                    raise ValueError(
                        f"callbacks[{index}].runtime: there is no runtime {name!r}; write any of {', '.join(names)}"
                    )
        return self

    @property
    def retention_seconds(self) -> int:
        """Seconds for which a finished task can be read."""
        return self.retention_hours * 3600

    @property
    def catalogue_json(self) -> str:
        """The runtimes as the functions read them."""
        return Catalogue(self.runtimes).to_json()
