"""Checks of the network before a deployment: quotas of a new one, zones, and the subnets of an existing one."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cli.doctor.finding import Clients, Finding, ok, problem, unknown, warning
from cli.doctor.quotas import quota
from cli.doctor.stacks import deployed_stacks
from stacks.config import Environment, Network

#: Quotas of the account that a new network counts against: service, code and name (Service Quotas console).
_ADDRESSES: Final = ("ec2", "L-0263D0A3", "EC2-VPC Elastic IPs")
_NETWORKS: Final = ("vpc", "L-F678F1CE", "VPCs per Region")
#: Ids of the zones in which EKS accepts no subnet (EKS user guide, "Subnet requirements for clusters"). The name of
#: such a zone differs from account to account.
_WITHOUT_EKS: Final = frozenset({"use1-az3", "usw1-az2", "cac1-az3"})
#: Free addresses of a subnet below which replicas may not start; a subnet usually has hundreds.
LEAST_FREE_ADDRESSES: Final = 16


def check_network(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check the quotas of a new network, or the subnets of an existing one."""
    network = environment.network
    if network is None:
        yield ok("no network in the environment file")
        return
    yield from _check_zones(network, clients, engine=environment.engine)
    if network.vpc_id is not None:
        yield from _check_subnets(network, clients)
    elif "Network" in deployed_stacks(environment, clients):
        yield ok("the network is deployed")
    else:
        addresses = len(clients("ec2").describe_addresses()["Addresses"])
        gateways = len(network.zones) if network.nat == "perZone" else 1
        yield _fits(_ADDRESSES, used=addresses, needed=gateways, clients=clients)
        pages = clients("ec2").get_paginator("describe_vpcs").paginate()
        yield _fits(_NETWORKS, used=sum(len(page["Vpcs"]) for page in pages), needed=1, clients=clients)


def _fits(asked: tuple[str, str, str], *, used: int, needed: int, clients: Clients) -> Finding:
    service, code, name = asked
    limit = quota(service, code, clients)
    if limit is None:
        return unknown(f"Service Quotas has no quota {name!r} in this region")
    if used + needed > limit:
        return problem(
            f"the quota {name!r} is {limit:g}; {used} are in use, and the network needs {needed} more",
            f"request {used + needed} in Service Quotas, remove unused ones, or name an existing network.vpcId",
        )
    return ok(f"{name}: {limit:g}, {used} in use, {needed} needed")


def _check_zones(network: Network, clients: Clients, *, engine: str) -> Iterator[Finding]:
    zones = clients("ec2").describe_availability_zones(AllAvailabilityZones=True)["AvailabilityZones"]
    known = {zone["ZoneName"]: zone.get("ZoneId") for zone in zones if zone.get("OptInStatus") != "not-opted-in"}
    refused = {name: zone_id for name, zone_id in known.items() if engine == "eks" and zone_id in _WITHOUT_EKS}
    wanted = dict.fromkeys(network.zones)
    advice = f"write any of {', '.join(sorted(known.keys() - refused.keys()))}"
    if missing := [zone for zone in wanted if zone not in known]:
        yield problem(f"network.zones: this account has no zone {', '.join(missing)} in this region", advice)
    elif unusable := [f"{zone} ({refused[zone]})" for zone in wanted if zone in refused]:
        yield problem(f"network.zones: EKS accepts no subnet in {', '.join(unusable)}", advice)
    else:
        yield ok(f"the account has the zones {', '.join(wanted)}")


def _check_subnets(network: Network, clients: Clients) -> Iterator[Finding]:
    ec2 = clients("ec2")
    # A filter, unlike a list of ids, is no error if one of them does not exist.
    wanted = [{"Name": "subnet-id", "Values": list(network.subnet_ids)}]
    subnets = {subnet["SubnetId"]: subnet for subnet in ec2.describe_subnets(Filters=wanted)["Subnets"]}
    of_network = [{"Name": "vpc-id", "Values": [network.vpc_id]}]
    tables = ec2.describe_route_tables(Filters=of_network)["RouteTables"]
    for subnet_id, zone in zip(network.subnet_ids, network.zones, strict=True):
        subnet = subnets.get(subnet_id)
        if subnet is None or subnet["VpcId"] != network.vpc_id:
            place = f"is in {subnet['VpcId']}, not in {network.vpc_id}" if subnet else "does not exist"
            yield problem(f"{subnet_id} {place}", "correct network.subnetIds")
        elif subnet["AvailabilityZone"] != zone:
            yield problem(
                f"{subnet_id} is in {subnet['AvailabilityZone']}, and network.zones says {zone}",
                "write the zone of each subnet, in the same order",
            )
        else:
            yield _judged_route(subnet, _way_out(subnet_id, tables))


def _judged_route(subnet: Mapping[str, Any], target: str | None) -> Finding:
    name, free = subnet["SubnetId"], subnet["AvailableIpAddressCount"]
    if target is None:
        return warning(
            f"{name} has no route to the internet",
            "add a NAT gateway, or endpoints for all services that replicas call (docs/how-to/deployment.md)",
        )
    if target.startswith("igw-"):
        return problem(
            f"{name} is public: its route leads to {target}, which replicas without public addresses cannot use",
            "name private subnets with a NAT gateway",
        )
    if free < LEAST_FREE_ADDRESSES:
        return warning(
            f"{name} has {free} free addresses, and each node and replica needs some", "name a larger subnet"
        )
    return ok(f"{name} is in {subnet['AvailabilityZone']} and reaches the internet by {target}")


def _way_out(subnet_id: str, tables: list[Mapping[str, Any]]) -> str | None:
    """Return the target of a subnet's default route, by its route table or else by the main one."""
    own = [table for table in tables if any(link.get("SubnetId") == subnet_id for link in table["Associations"])]
    main = [table for table in tables if any(link.get("Main") for link in table["Associations"])]
    for table in own or main:
        for route in table["Routes"]:
            if route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State", "active") == "active":
                keys = ("NatGatewayId", "GatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId")
                return next((str(route[key]) for key in keys if key in route), "another target")
    return None
