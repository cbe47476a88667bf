"""Environment: the configuration of one deployment, with the rules that its parts must fulfil together."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from contract.routing import CamelModel, Catalogue
from contract.tenancy import OutputDestination, Tenancy
from stacks.config.access import (
    MAX_PUBLISHERS,
    SAFE_MESSAGE_BYTES,
    SNS_DEFAULT_MESSAGE_BYTES,
    SNS_MAX_MESSAGE_BYTES,
    UNIQUE_ENDPOINTS,
    Alarms,
    ApiKey,
    CallbackSubscriber,
    KeyHeader,
    LinkHost,
    LogRetentionDays,
    Origin,
    Principal,
    Publishers,
    Throttling,
    UnnamedPublisher,
    check_arns,
    partition_of_region,
)
from stacks.config.gpu_instances import GPU_FAMILIES
from stacks.config.network import Network
from stacks.config.runtime import RuntimeConfig, check_runtimes
from stacks.config.validation import MAX_TAGS, all_different, check_tags

#: Different zones of the subnets that EKS requires for its control plane.
MIN_EKS_ZONES: Final = 2
#: ECS's quota of capacity providers per cluster. Each purchase option of a runtime is one.
MAX_ECS_CAPACITY_PROVIDERS: Final = 20

_BUCKET: Final = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"


class Environment(CamelModel):
    """One deployment of Darkroom. An account may contain several."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,28}[a-z0-9]$")] = Field(
        description="2 to 30 lower-case letters, digits and hyphens; part of the stacks' names"
    )
    account: Annotated[str, Field(pattern=r"^\d{12}$")] | None = Field(
        default=None, description="12 digits in quotes; by default the account of your credentials"
    )
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d+$")] | None = Field(
        default=None, description="for example eu-central-1; by default the region of your credentials"
    )
    removal_policy: Literal["retain", "destroy"] = Field(
        default="retain", description="whether buckets, table, keys and logs are kept or deleted with their stack"
    )
    engine: Literal["none", "eks", "ecs"] = Field(
        default="none",
        description="orchestrator of the replicas: Kubernetes (eks), ECS (ecs), or none if you start agents by hand",
    )
    network: Network | None = Field(default=None, description="network of the GPU nodes; required with an engine")
    administrators: Annotated[tuple[Principal, ...], all_different("value")] = Field(
        default=(), description="ARNs of the roles and users with all permissions in the Kubernetes cluster"
    )
    model_bucket: Annotated[str, Field(pattern=_BUCKET)] | None = Field(
        default=None, description="name of an existing bucket with the models; null creates one"
    )
    retention_hours: int = Field(
        default=24, ge=1, le=8_760, description="hours that the record of a finished task can be read"
    )
    output_retention_days: int | None = Field(
        default=None, ge=1, description="days after which pictures are deleted, or null to keep them"
    )
    api_keys: Annotated[tuple[ApiKey, ...], Field(min_length=1), all_different("name", lambda key: key.name)] = (
        ApiKey(name="default"),
    )
    api_key_header: KeyHeader | None = Field(
        default=None,
        description="the only header in which callers of the HTTP API send their key: API Gateway then refuses a"
        " request without it, and keeps the authorizer's answer to a key for a minute; null allows both headers, and"
        " the clients of RunPod and of a Web UI send authorization only",
    )
    console: bool = Field(default=True, description="whether the HTTP API serves the console, the page at `/console/`")
    cors: tuple[Origin, ...] = Field(
        default=(),
        description="origins whose pages may call the API from a browser, for example `https://app.shop.example`; the"
        " port may be `*`, and `*` alone allows every page (docs/how-to/clients.md)",
    )
    isolate_keys: bool = Field(
        default=True,
        description="whether a task belongs to the key that sent it, so that other keys neither see nor change it; the"
        " tasks of the entry topic belong to the first key (docs/explanation/tenants.md)",
    )
    throttling: Throttling = Throttling()
    alarms: Alarms = Alarms()
    callbacks: Annotated[tuple[CallbackSubscriber, ...], UNIQUE_ENDPOINTS] = ()
    publishers: Publishers = Field(
        default=(),
        description=f"at most {MAX_PUBLISHERS} accounts (12 digits in quotes), roles and users (ARNs), or"
        " `{name, principal}`, that may publish tasks. Each has its own topic, by which its tasks are known as its own;"
        " with `isolateKeys: false` they post to the entry topic",
    )
    link_buckets: tuple[Annotated[str, Field(pattern=_BUCKET)], ...] = Field(
        default=(), description="names of the buckets that s3:// links may name"
    )
    output_destinations: tuple[OutputDestination, ...] = Field(
        default=(),
        description="buckets and folders into which tasks may have their pictures copied (docs/how-to/outputs.md)",
    )
    allowed_link_hosts: tuple[LinkHost, ...] = Field(
        default=(),
        description="host or host:port that links and webhooks may reach although its address is not public; without a"
        " port, on ports 80 and 443",
    )
    entry_topic_maximum_message_bytes: (
        Annotated[int, Field(ge=SNS_DEFAULT_MESSAGE_BYTES, le=SNS_MAX_MESSAGE_BYTES)] | None
    ) = Field(
        default=None,
        description=f"bytes of a task on the entry topic; null is {SAFE_MESSAGE_BYTES}, and {SNS_DEFAULT_MESSAGE_BYTES}"
        " in China, where SNS allows no more. A larger message with many quotation marks or line breaks can exceed the"
        " limit of the intake queue, and is lost then",
    )
    log_retention_days: LogRetentionDays = Field(default=30, description="days that logs are kept")
    function_url: bool = Field(
        default=False,
        description="true gives the functions that wait for a task's end their own addresses besides the HTTP API,"
        " where they wait for up to 5 minutes instead of 25 seconds (docs/how-to/runpod.md); requires"
        " throttling.waitingCalls",
    )
    tracing: bool = Field(
        default=False, description="true traces the functions, the HTTP API and the replicas with X-Ray"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="lowest level of the entries in the logs of functions and replicas"
    )
    runtimes: Annotated[tuple[RuntimeConfig, ...], Field(min_length=1), AfterValidator(check_runtimes)]
    tags: Annotated[dict[str, str], AfterValidator(check_tags)] = Field(
        default={}, description=f"tags of all resources, at most {MAX_TAGS}"
    )

    @model_validator(mode="after")
    def _callbacks_name_known_runtimes(self) -> Self:
        names = [runtime.name for runtime in self.runtimes]
        for index, subscriber in enumerate(self.callbacks):
            for name in subscriber.runtime:
                if name not in names:
                    raise ValueError(
                        f"callbacks[{index}].runtime: there is no runtime {name!r}; write any of {', '.join(names)}"
                    )
            self._check_tenants(f"callbacks[{index}].tenant", subscriber.tenant)
        for index, destination in enumerate(self.output_destinations):
            self._check_tenants(f"outputDestinations[{index}].tenants", destination.tenants)
        return self

    def _check_tenants(self, key: str, names: Sequence[str]) -> None:
        for name in names:
            if name not in self.tenancy.names:
                known = f"write any of {', '.join(self.tenancy.names)}" if self.tenancy.names else "leave it out"
                raise ValueError(f"{key}: there is no tenant {name!r}; {known}")

    @model_validator(mode="after")
    def _engine_has_a_network(self) -> Self:
        if self.engine != "none":
            if self.region is None:
                raise ValueError(f"region: is required when `engine` is `{self.engine}`, for example `eu-central-1`")
            if self.network is None:
                raise ValueError(f"network: is required when `engine` is `{self.engine}`; write at least its zones")
        if self.network and self.region:
            for index, zone in enumerate(self.network.zones):
                if zone[:-1] != self.region:
                    raise ValueError(
                        f"network.zones[{index}]: {zone} is not in {self.region}; write for example {self.region}a"
                    )
        if self.network and self.engine == "eks" and len(set(self.network.zones)) < MIN_EKS_ZONES:
            raise ValueError(
                f"network.zones: EKS requires two zones or more; write another one, for example {self.region}b"
            )
        return self

    @model_validator(mode="after")
    def _engine_runs_the_runtimes(self) -> Self:
        for index, runtime in enumerate(self.runtimes if self.engine == "eks" else ()):
            if runtime.secrets:
                raise ValueError(
                    f"runtimes[{index}].secrets: EKS does not pass them to containers; leave them out, or let the"
                    " program read the secret"
                )
            for instance in runtime.instances:
                if not GPU_FAMILIES[instance.family].in_auto_mode:
                    raise ValueError(
                        f"runtimes[{index}]: EKS Auto Mode does not start {instance.family}; write another family, or"
                        " engine: ecs"
                    )
        options = sum(len(runtime.capacity.options) for runtime in self.runtimes)
        if self.engine == "ecs" and options > MAX_ECS_CAPACITY_PROVIDERS:
            raise ValueError(
                f"runtimes: have {options} purchase options together, and an ECS cluster allows"
                f" {MAX_ECS_CAPACITY_PROVIDERS}; write onDemand: false or spot: false for some, or use two environments"
            )
        return self

    @model_validator(mode="after")
    def _tenants_are_shared_on_purpose(self) -> Self:
        # Otherwise a role that has the name of a key by chance would see that key's tasks.
        keys = {key.name for key in self.api_keys}
        for index, publisher in enumerate(self.publishers):
            if self.isolate_keys and isinstance(publisher, UnnamedPublisher) and publisher.name in keys:
                raise ValueError(
                    f"publishers[{index}]: would be named {publisher.name!r}, which is an API key; write"
                    f" {{name: {publisher.name}, principal: {publisher.principal!r}}} to share the tasks of that key,"
                    " or another name"
                )
        return self

    @model_validator(mode="after")
    def _arns_are_of_the_partition(self) -> Self:
        arns = {f"administrators[{index}]": principal for index, principal in enumerate(self.administrators)}
        arns |= {f"publishers[{index}]": publisher.principal for index, publisher in enumerate(self.publishers)}
        for key, subscribers in (("callbacks", self.callbacks), ("alarms.subscribers", self.alarms.subscribers)):
            arns |= {f"{key}[{index}].endpoint": each.endpoint for index, each in enumerate(subscribers)}
        check_arns(arns, region=self.region, account=self.account)
        return self

    @model_validator(mode="after")
    def _lambda_features_are_available(self) -> Self:
        # Neither usage plans nor WAF cover a function URL.
        if self.function_url and self.throttling.waiting_calls is None:
            raise ValueError(
                "functionUrl: requires throttling.waitingCalls, because calls without a key could use up all executions"
                " of the account; write for example waitingCalls: 100"
            )
        # https://docs.amazonaws.cn/en_us/aws/latest/userguide/lambda.html
        if self.partition == "aws-cn" and self.function_url:
            raise ValueError(
                f"functionUrl: Lambda has no function URLs in {self.region}; write false, and read the result"
                " of a task that takes more than 25 seconds with a second call"
            )
        if self.partition == "aws-cn" and self.entry_topic_bytes > SNS_DEFAULT_MESSAGE_BYTES:
            raise ValueError(
                f"entryTopicMaximumMessageBytes: SNS allows {SNS_DEFAULT_MESSAGE_BYTES} in {self.region}; write that,"
                " or leave it out"
            )
        if self.partition == "aws-cn" and self.tracing:
            raise ValueError(
                f"tracing: Lambda does not support X-Ray in {self.region}; write false, and use the saved queries of"
                " CloudWatch Logs instead"
            )
        return self

    def without_engine(self) -> Self:
        """Return the environment without an engine, for the local system."""
        return self.model_copy(update={"engine": "none"})

    @property
    def partition(self) -> str:
        """Partition of the region, such as `aws-cn`; `aws` if the credentials select the region."""
        return partition_of_region(self.region or "")

    @property
    def entry_topic_bytes(self) -> int:
        """Highest size of a message on the entry topic."""
        if self.entry_topic_maximum_message_bytes is not None:
            return self.entry_topic_maximum_message_bytes
        return SNS_DEFAULT_MESSAGE_BYTES if self.partition == "aws-cn" else SAFE_MESSAGE_BYTES

    @property
    def cluster_name(self) -> str:
        """Name of the engine's cluster."""
        return f"darkroom-{self.name}"

    @property
    def resource_tags(self) -> dict[str, str]:
        """Tags of every resource, including those that an engine creates."""
        return {"darkroom:environment": self.name, **self.tags}

    @property
    def retention_seconds(self) -> int:
        """Seconds that a finished task can be read."""
        return self.retention_hours * 3600

    @property
    def tenancy(self) -> Tenancy:
        """Owners of tasks. A single tenant needs no name, so that its records and links stay as they always were."""
        names = dict.fromkeys((*(key.name for key in self.api_keys), *(each.name for each in self.publishers)))
        if not self.isolate_keys or len(names) == 1:
            return Tenancy(destinations=self.output_destinations)
        administrators = tuple(key.name for key in self.api_keys if key.admin)
        return Tenancy(destinations=self.output_destinations, names=tuple(names), administrators=administrators)

    @property
    def catalogue_json(self) -> str:
        """Runtimes in the functions' settings."""
        return Catalogue(self.runtimes).to_json()
