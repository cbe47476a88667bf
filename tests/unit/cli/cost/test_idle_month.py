"""The bill of an idle month: what each resource adds, and what is unknown."""

import datetime as dt
from typing import Any

import pytest

from cli.cost.idle_month import BillLine, idle_month
from cli.cost.templates import TemplateResource
from stacks.config import Environment, RuntimeConfig
from stacks.config.capacity import Capacity, Scaling
from stacks.config.network import Network
from stacks.config.price_table import InstancePrices, Price, PriceTable

REGION = "eu-central-1"
PRICES = PriceTable.load()
WITHOUT_ENGINE = Environment(name="dev", runtimes=(RuntimeConfig(name="sdxl", dynamic_model=True),))


def ecs(**runtime: Any) -> Environment:
    return Environment(
        name="fleet",
        region=REGION,
        engine="ecs",
        network=Network(zones=("eu-central-1a", "eu-central-1b")),
        runtimes=(RuntimeConfig(name="sdxl", dynamic_model=True, **runtime),),
    )


def bill(*resources: tuple[str, dict[str, Any]], environment: Environment = WITHOUT_ENGINE) -> list[BillLine]:
    return idle_month([TemplateResource(*resource) for resource in resources], environment, PRICES, REGION)


def quantities(lines: list[BillLine]) -> dict[str, float]:
    return {line.item: line.quantity for line in lines}


@pytest.mark.parametrize(
    ("type_", "properties", "expected"),
    [
        ("AWS::CloudWatch::Alarm", {"MetricName": "Errors"}, {"alarm metrics": 1}),
        (
            "AWS::CloudWatch::Alarm",
            {"Metrics": [{"Expression": "a + b"}, {"MetricStat": {}}, {"MetricStat": {}}]},
            {"alarm metrics": 2},
        ),
        ("AWS::Lambda::EventSourceMapping", {}, {"SQS polls of functions": 657_000}),
        ("AWS::Lambda::EventSourceMapping", {"StartingPosition": "LATEST"}, {}),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]},
         {"interface endpoints in a zone": 2}),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"}, {}),
        ("AWS::EC2::NatGateway", {}, {"NAT gateways": 1}),
        ("AWS::WAFv2::WebACL", {"Rules": [{}, {}]}, {"web ACLs": 1, "rules of web ACLs": 2}),
        ("AWS::ECS::CapacityProvider", {}, {"alarm metrics": 2}),
        ("AWS::S3::Bucket", {}, {}),
        ("AWS::SageMaker::Endpoint", {}, {"AWS::SageMaker::Endpoint": 1}),
    ],
)  # fmt: skip
def test_each_resource_is_billed_as_aws_does(type_: str, properties: dict[str, Any], expected: dict[str, int]) -> None:
    assert quantities(bill((type_, properties))) == expected


def test_free_quantities_are_subtracted_once_for_all_lines() -> None:
    (line,) = bill(*[("AWS::CloudWatch::Alarm", {"MetricName": "Errors"})] * 15)
    assert (line.quantity, line.free) == (15, 10)
    assert line.usd == pytest.approx(0.5)


def test_a_gateway_is_paid_for_every_hour_of_the_month() -> None:
    (line,) = bill(("AWS::EC2::NatGateway", {}))
    assert line.usd == pytest.approx(0.052 * 730)


def test_what_has_no_price_is_unknown_and_comes_last() -> None:
    lines = bill(("AWS::SageMaker::Endpoint", {}), ("AWS::KMS::Key", {}))
    assert [(line.item, line.usd) for line in lines] == [("KMS keys", 1.0), ("AWS::SageMaker::Endpoint", None)]


def test_a_region_that_the_table_lacks_has_no_price_instead_of_one_of_another_region() -> None:
    (line,) = idle_month([TemplateResource("AWS::KMS::Key", {})], WITHOUT_ENGINE, PRICES, "ap-south-1")
    assert line.usd is None


def test_the_scaling_metrics_of_ecs_are_counted() -> None:
    # Of one queue and two services, and the nodes.
    assert quantities(bill(("AWS::ECS::Cluster", {}), environment=ecs()))["custom metrics"] == 7
    spot_only = ecs(capacity=Capacity(on_demand=None))
    assert quantities(bill(("AWS::ECS::Cluster", {}), environment=spot_only))["custom metrics"] == 5


@pytest.mark.parametrize(
    ("runtime", "item", "usd"),
    [
        ({}, "replicas of sdxl that minReplicas keeps (g6.xlarge, spot)", 2 * 0.44 * 730),
        (
            {"capacity": Capacity(spot=None)},
            "replicas of sdxl that minReplicas keeps (g6.xlarge, on demand)",
            2 * 1.0064 * 730,
        ),
        ({"price_per_gpu_hour": 0.5}, "replicas of sdxl that minReplicas keeps (pricePerGpuHour)", 2 * 0.5 * 730),
        ({"gpu_families": ("p5",)}, "replicas of sdxl that minReplicas keeps", None),
    ],
)
def test_replicas_that_are_kept_are_paid_for(runtime: dict[str, Any], item: str, usd: float | None) -> None:
    (line,) = bill(environment=ecs(scaling=Scaling(min_replicas=2), **runtime))
    assert (line.item, line.quantity) == (item, 2)
    assert line.usd == (usd if usd is None else pytest.approx(usd))


def test_without_an_engine_no_replica_is_kept() -> None:
    runtime = WITHOUT_ENGINE.runtimes[0].model_copy(update={"scaling": Scaling(min_replicas=2)})
    assert bill(environment=WITHOUT_ENGINE.model_copy(update={"runtimes": (runtime,)})) == []


def test_a_million_is_priced_by_the_million() -> None:
    price = Price(per="million", usd={REGION: 0.4}, source="https://example.com")
    table = PriceTable(
        read=dt.date(2026, 11, 29),
        prices={"SQS polls of functions": price},
        instances=InstancePrices(source="https://example.com", usd={}),
    )
    (line,) = idle_month([TemplateResource("AWS::Lambda::EventSourceMapping", {})], WITHOUT_ENGINE, table, REGION)
    assert line.usd == pytest.approx(0.657 * 0.4)


def test_every_price_has_a_source_and_the_regions_of_the_examples() -> None:
    assert all(price.source.startswith("https://aws.amazon.com/") for price in PRICES.prices.values())
    regions = [frozenset(price.usd) for price in PRICES.prices.values()]
    regions += [frozenset(usd) for usd in PRICES.instances.usd.values()]
    assert set(regions) == {frozenset({"eu-central-1", "us-east-1"})}
