"""Checks of the GPU capacity before a deployment: quotas, and instance types of the zones."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from cli.doctor.finding import Clients, Finding, ok, problem, unknown, warning
from cli.doctor.quotas import quotas_by_name
from stacks.config import Environment, GpuInstance, Purchase, RuntimeConfig

#: Names of EC2's quotas in vCPUs, by the beginning of a family's name; the longest one counts.
QUOTAS: Final[Mapping[str, Mapping[Purchase, str]]] = {
    "g": {"onDemand": "Running On-Demand G and VT instances", "spot": "All G and VT Spot Instance Requests"},
    "p": {"onDemand": "Running On-Demand P instances", "spot": "All P4, P3 and P2 Spot Instance Requests"},
    "p5": {"onDemand": "Running On-Demand P instances", "spot": "All P5 Spot Instance Requests"},
    # EC2's guide lists no spot quota of P6. Where an account has none of this name, the doctor says so.
    "p6": {"onDemand": "Running On-Demand P instances", "spot": "All P6 Spot Instance Requests"},
}


def quotas_of(instance: GpuInstance) -> Mapping[Purchase, str] | None:
    """Return the quotas that an instance type counts against, by how it is bought; None for families we do not know."""
    fitting = [prefix for prefix in QUOTAS if instance.family.startswith(prefix)]
    return QUOTAS[max(fitting, key=len)] if fitting else None


def check_quotas(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check the quotas for the replicas of all runtimes."""
    if environment.engine == "none":
        yield ok("no engine, so no GPUs are needed")
        return
    quotas = quotas_by_name("ec2", clients)
    first, in_all = _needed_vcpus(environment.runtimes)
    for name in in_all:
        yield _judged(name, quotas.get(name), needed=first.get(name, 0), with_substitutes=in_all[name])


def _judged(name: str, have: float | None, *, needed: int, with_substitutes: int) -> Finding:
    """Return the finding on one quota, for the first purchase option and for its substitutes."""
    if have is None:
        return unknown(f"EC2 lists no quota {name!r} in this region")
    if have == 0 and needed:
        return problem(
            f"the quota {name!r} is 0: no replica can start",
            f"request {with_substitutes} vCPUs in Service Quotas; the answer needs hours to days",
        )
    if have < needed:
        return warning(
            f"the quota {name!r} is {have:g} vCPUs; all replicas of maxReplicas need {needed}",
            "request more in Service Quotas, or lower maxReplicas",
        )
    if have < with_substitutes:
        return warning(
            f"the quota {name!r} is {have:g} vCPUs; {with_substitutes} are needed when the first purchase option"
            " has no GPUs",
            "request more in Service Quotas, or accept that tasks wait at such times",
        )
    return ok(f"{name}: {have:g} vCPUs, {with_substitutes} needed")


def check_offerings(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that the environment's zones offer the instance types."""
    if environment.network is None:
        yield ok("no network in the environment file, so no zones to check")
        return
    zones = sorted(set(environment.network.zones))
    offered = _offerings(clients, {item.name for runtime in environment.runtimes for item in runtime.instances}, zones)
    for runtime in environment.runtimes:
        names = [instance.name for instance in runtime.instances]
        empty = [zone for zone in zones if not any(zone in offered[name] for name in names)]
        missing = [name for name in names if not offered[name]]
        if len(empty) == len(zones):
            yield problem(
                f"{runtime.name}: none of {', '.join(names)} is offered in {', '.join(zones)}",
                "write other gpuFamilies or instanceTypes, or other zones",
            )
        elif empty:
            yield warning(
                f"{runtime.name}: {', '.join(empty)} offers no instance type of it",
                "its replicas will all be in the other zones; write other zones for more spot capacity",
            )
        elif missing:
            yield warning(f"{runtime.name}: {', '.join(missing)} is offered in none of the zones")
        else:
            yield ok(f"{runtime.name}: its instance types are offered in {', '.join(zones)}")


def _needed_vcpus(runtimes: tuple[RuntimeConfig, ...]) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Return the vCPUs of all replicas by quota, if each runs on its smallest type.

    First for the purchase option that is tried first, then for all options together.
    """
    first: dict[str, int] = defaultdict(int)
    in_all: dict[str, int] = defaultdict(int)
    for runtime in runtimes:
        smallest = min(runtime.instances, key=lambda instance: instance.vcpus)
        names = quotas_of(smallest)
        if names is None:
            continue
        machines = -(-runtime.scaling.max_replicas * runtime.gpus_per_replica // smallest.gpus)
        for position, purchase in enumerate(runtime.capacity.options):
            name = names[purchase]
            in_all[name] += machines * smallest.vcpus
            if position == 0:
                first[name] += machines * smallest.vcpus
    return first, in_all


def _offerings(clients: Clients, names: set[str], zones: list[str]) -> dict[str, set[str]]:
    pages = clients("ec2").get_paginator("describe_instance_type_offerings")
    filters = [{"Name": "instance-type", "Values": sorted(names)}, {"Name": "location", "Values": zones}]
    offered: dict[str, set[str]] = {name: set() for name in names}
    for page in pages.paginate(LocationType="availability-zone", Filters=filters):
        for offering in page["InstanceTypeOfferings"]:
            offered[offering["InstanceType"]].add(offering["Location"])
    return offered
