"""Bill of a month without tasks, line by line."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli.cost.templates import TemplateResource
from stacks.config import Environment
from stacks.config.price_table import HOURS_PER_MONTH, PriceTable

#: Polls of an idle queue by one event source: Lambda keeps five long polls of 20 s (Lambda guide, "Using Lambda with
#: Amazon SQS").
POLLS_PER_MONTH: Final = 5 * 3 * 60 * HOURS_PER_MONTH
#: Alarms that ECS itself creates for a capacity provider with managed scaling, one for each direction.
ALARMS_OF_PROVIDER: Final = 2

#: Services and types that cost nothing at rest: AWS bills their requests, bytes and seconds, or nothing at all.
_NOTHING_AT_REST: Final = (
    "AWS::ApiGateway::",
    "AWS::ApplicationAutoScaling::",
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::DynamoDB::Table",
    "AWS::EC2::FlowLog",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::LaunchTemplate",
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::ECS::",
    "AWS::EKS::AccessEntry",
    "AWS::EKS::PodIdentityAssociation",
    "AWS::Events::Rule",
    "AWS::IAM::",
    "AWS::Lambda::",
    "AWS::Logs::",
    "AWS::S3::",
    "AWS::SNS::",
    "AWS::SQS::",
    "AWS::SSM::Parameter",
    "AWS::WAFv2::WebACLAssociation",
    "Custom::",
)

Quantities = Iterable[tuple[str, float]]


@dataclass(frozen=True)
class BillLine:
    """One line: so many things, and what they cost in a month. `usd` is None if their price is unknown."""

    item: str
    quantity: float
    free: int = 0
    usd_each: float | None = None
    usd: float | None = None


def idle_month(
    resources: Iterable[TemplateResource], environment: Environment, prices: PriceTable, region: str
) -> list[BillLine]:
    """Return the lines of a month without tasks, the most expensive first, and the unknown ones at the end."""
    counted: Counter[str] = Counter()
    for resource in resources:
        for item, quantity in _billed(resource, environment):
            counted[item] += quantity  # type: ignore[assignment] # a Counter adds fractions as well
    lines = [_line(item, quantity, prices, region) for item, quantity in counted.items()]
    lines += _kept_replicas(environment, prices, region)
    return sorted(lines, key=lambda line: (line.usd is None, -(line.usd or 0), line.item))


def _billed(resource: TemplateResource, environment: Environment) -> Quantities:
    billed = _BILLED.get(resource.type)
    if billed is not None:
        return billed(resource.properties, environment)
    return () if resource.type.startswith(_NOTHING_AT_REST) else ((resource.type, 1),)


def _alarm(properties: Mapping[str, Any], _: Environment) -> Quantities:
    # An alarm on a math expression is billed by the metrics that it reads.
    metrics = sum("MetricStat" in query for query in properties.get("Metrics", ()))
    yield "alarm metrics", max(metrics, 1)


def _event_source(properties: Mapping[str, Any], _: Environment) -> Quantities:
    # Only streams have a position at which reading starts. Lambda reads those free of charge.
    if "StartingPosition" not in properties:
        yield "SQS polls of functions", POLLS_PER_MONTH


def _endpoint(properties: Mapping[str, Any], _: Environment) -> Quantities:
    if properties.get("VpcEndpointType") == "Interface":
        yield "interface endpoints in a zone", len(properties["SubnetIds"])


def _cluster(_: Mapping[str, Any], __: Environment) -> Quantities:
    yield "EKS clusters", 1
    yield "small instances for KEDA, of a type that EKS chooses", 1


def _web_acl(properties: Mapping[str, Any], _: Environment) -> Quantities:
    yield "web ACLs", 1
    yield "rules of web ACLs", len(properties["Rules"])


def _cluster_of_ecs(_: Mapping[str, Any], environment: Environment) -> Quantities:
    # `publish_scaling_metrics` writes these each minute: of each queue, of each service, and the number of nodes.
    services = sum(len(runtime.capacity.options) for runtime in environment.runtimes)
    yield "custom metrics", 2 * len(environment.runtimes) + 2 * services + 1


def _one(item: str, quantity: int = 1) -> Callable[[Mapping[str, Any], Environment], Quantities]:
    return lambda _properties, _environment: ((item, quantity),)


_BILLED: Final[Mapping[str, Callable[[Mapping[str, Any], Environment], Quantities]]] = {
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::Dashboard": _one("dashboards"),
    "AWS::EC2::EIP": _one("public IPv4 addresses"),
    "AWS::EC2::NatGateway": _one("NAT gateways"),
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::ECS::CapacityProvider": _one("alarm metrics", ALARMS_OF_PROVIDER),
    "AWS::ECS::Cluster": _cluster_of_ecs,
    "AWS::EKS::Cluster": _cluster,
    "AWS::KMS::Key": _one("KMS keys"),
    "AWS::Lambda::EventSourceMapping": _event_source,
    "AWS::SecretsManager::Secret": _one("secrets"),
    "AWS::WAFv2::WebACL": _web_acl,
}


def _line(item: str, quantity: float, prices: PriceTable, region: str) -> BillLine:
    price = prices.prices.get(item)
    each = price.of_month(region) if price else None
    if price is None or each is None:
        return BillLine(item, quantity)
    return BillLine(item, quantity, price.free, each, max(quantity - price.free, 0) * each)


def _kept_replicas(environment: Environment, prices: PriceTable, region: str) -> Iterator[BillLine]:
    for runtime in environment.runtimes if environment.engine != "none" else ():
        quantity = runtime.scaling.min_replicas
        if not quantity:
            continue
        price = prices.of_replica(runtime, region)
        item = f"replicas of {runtime.name} that minReplicas keeps"
        if price is None:
            yield BillLine(item, quantity)
        else:
            each = price.usd_per_hour * HOURS_PER_MONTH
            yield BillLine(f"{item} ({price.basis})", quantity, 0, each, quantity * each)
