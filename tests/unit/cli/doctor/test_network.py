"""Checks of the network: quotas of a new one, zones of the account, subnets of an existing one."""

from typing import Any

import pytest

from cli.doctor import network
from cli.doctor.finding import Finding
from stacks.config.network import Network
from tests.unit.cli.doctor.examined import (
    DEPLOYED,
    ENVIRONMENT,
    NOT_DEPLOYED,
    described,
    fails,
    findings,
    levels,
    stack,
)
from tests.unit.cli.doctor.recorded_aws import AwsError, RecordedAnswer

ZONES = {
    "AvailabilityZones": [
        {"ZoneName": f"eu-central-1{letter}", "State": "available", "OptInStatus": status}
        for letter, status in (("a", "opt-in-not-required"), ("b", "opted-in"), ("c", "not-opted-in"))
    ]
}
EXISTING = Network(
    vpc_id="vpc-0123456789abcdef0",
    subnet_ids=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
    zones=("eu-central-1a", "eu-central-1b"),
)


def new_network(*, addresses: int, networks: int, nat: str = "perZone", **others: RecordedAnswer) -> list[Finding]:
    """Find out whether a new network in two zones fits into an account with so many addresses and networks."""
    limits = {"L-0263D0A3": 5.0, "L-F678F1CE": 5.0}
    answers: dict[str, Any] = {
        "cloudformation__DescribeStacks": NOT_DEPLOYED,
        "ec2__DescribeAvailabilityZones": ZONES,
        "ec2__DescribeAddresses": {"Addresses": [{}] * addresses},
        "ec2__DescribeVpcs": {"Vpcs": [{}] * networks},
        "service_quotas__GetServiceQuota": lambda params: {"Quota": {"Value": limits[params["QuotaCode"]]}},
    }
    zones = ("eu-central-1a", "eu-central-1b")
    environment = ENVIRONMENT.model_copy(update={"network": Network.model_validate({"zones": zones, "nat": nat})})
    return findings(network.check_network, environment, **answers | others)


@pytest.mark.parametrize(
    ("addresses", "networks", "nat", "expected"),
    [
        (3, 4, "perZone", ["ok", "ok", "ok"]),
        (4, 4, "perZone", ["ok", "problem", "ok"]),
        (4, 4, "one", ["ok", "ok", "ok"]),
        (0, 5, "one", ["ok", "ok", "problem"]),
    ],
)
def test_a_new_network_fits_into_the_quotas(addresses: int, networks: int, nat: str, expected: list[str]) -> None:
    found = new_network(addresses=addresses, networks=networks, nat=nat)
    assert levels(found) == expected
    if expected[1] == "problem":
        assert "'EC2-VPC Elastic IPs' is 5; 4 are in use, and the network needs 2 more" in found[1].message


def test_an_account_without_an_applied_quota_has_the_default() -> None:
    def default(params: dict[str, Any]) -> dict[str, Any]:
        if params["QuotaCode"] != "L-0263D0A3":
            raise AwsError("NoSuchResourceException")
        return {"Quota": {"Value": 1.0}}

    found = new_network(
        addresses=0,
        networks=0,
        service_quotas__GetServiceQuota=fails("NoSuchResourceException"),
        service_quotas__GetAWSDefaultServiceQuota=default,
    )
    assert levels(found) == ["ok", "problem", "unknown"]


def test_a_deployed_network_needs_nothing_more() -> None:
    answers: dict[str, Any] = {"cloudformation__DescribeStacks": DEPLOYED, "ec2__DescribeAvailabilityZones": ZONES}
    assert levels(findings(network.check_network, **answers)) == ["ok", "ok"]


@pytest.mark.parametrize("zone", ["eu-central-1c", "eu-central-1z"])
def test_a_zone_that_the_account_lacks_is_a_problem(zone: str) -> None:
    lacking = ENVIRONMENT.model_copy(update={"network": Network(zones=("eu-central-1a", zone))})
    first, *_ = findings(
        network.check_network,
        lacking,
        cloudformation__DescribeStacks=described(stack("Darkroom-prod-Network")),
        ec2__DescribeAvailabilityZones=ZONES,
    )
    assert first.level.value == "problem"
    assert f"no zone {zone}" in first.message
    assert first.advice == "write any of eu-central-1a, eu-central-1b"


@pytest.mark.parametrize(("engine", "level"), [("eks", "problem"), ("ecs", "ok")])
def test_a_zone_that_eks_refuses_is_a_problem_before_the_network_is_made(engine: str, level: str) -> None:
    ids = {"us-east-1a": "use1-az1", "us-east-1e": "use1-az3"}
    zones = [{"ZoneName": name, "ZoneId": zone_id} for name, zone_id in ids.items()]
    wanted = {"engine": engine, "region": "us-east-1", "network": Network(zones=tuple(ids))}
    first, *_ = findings(
        network.check_network,
        ENVIRONMENT.model_copy(update=wanted),
        cloudformation__DescribeStacks=described(stack("Darkroom-prod-Network")),
        ec2__DescribeAvailabilityZones={"AvailabilityZones": zones},
    )
    assert first.level.value == level
    if level == "problem":
        assert first.message == "network.zones: EKS accepts no subnet in us-east-1e (use1-az3)"
        assert first.advice == "write any of us-east-1a"


def test_without_an_engine_there_is_no_network_to_examine() -> None:
    without = ENVIRONMENT.model_copy(update={"engine": "none", "network": None})
    assert levels(findings(network.check_network, without)) == ["ok"]


def subnet(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "SubnetId": f"subnet-0123456789abcdef{number}",
        "VpcId": EXISTING.vpc_id,
        "AvailabilityZone": EXISTING.zones[number],
        "AvailableIpAddressCount": 250,
        **changes,
    }


def table(association: dict[str, Any], **route: str) -> dict[str, Any]:
    default = [{"DestinationCidrBlock": "0.0.0.0/0", "State": "active", **route}] if route else []
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    return {"Associations": [association], "Routes": [local, *default]}


NAT = table({"Main": True}, NatGatewayId="nat-1")
OWN = {"SubnetId": "subnet-0123456789abcdef0"}


@pytest.mark.parametrize(
    ("subnets", "tables", "expected", "part"),
    [
        ([subnet(0), subnet(1)], [NAT], ["ok", "ok"], "by nat-1"),
        ([subnet(1)], [NAT], ["problem", "ok"], "does not exist"),
        ([subnet(0, VpcId="vpc-1"), subnet(1)], [NAT], ["problem", "ok"], "is in vpc-1"),
        ([subnet(0, AvailabilityZone="eu-central-1b"), subnet(1)], [NAT], ["problem", "ok"], "network.zones says"),
        ([subnet(0, AvailableIpAddressCount=3), subnet(1)], [NAT], ["warning", "ok"], "3 free addresses"),
        ([subnet(0), subnet(1)], [NAT, table(OWN, GatewayId="igw-1")], ["problem", "ok"], "is public"),
        ([subnet(0), subnet(1)], [NAT, table(OWN)], ["warning", "ok"], "no route to the internet"),
        ([subnet(0), subnet(1)], [NAT, table(OWN, TransitGatewayId="tgw-1")], ["ok", "ok"], "by tgw-1"),
    ],
)
def test_subnets_of_an_existing_network(
    subnets: list[dict[str, Any]], tables: list[dict[str, Any]], expected: list[str], part: str
) -> None:
    _, *found = findings(
        network.check_network,
        ENVIRONMENT.model_copy(update={"network": EXISTING}),
        ec2__DescribeAvailabilityZones=ZONES,
        ec2__DescribeSubnets={"Subnets": subnets},
        ec2__DescribeRouteTables={"RouteTables": tables},
    )
    assert levels(found) == expected
    assert part in found[0].message
