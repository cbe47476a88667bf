"""Network policy of a replica on Kubernetes, as the agent on EKS's nodes reads it."""

from collections.abc import Callable

import pytest

from tests.infrastructure.conftest import TemplatesOf
from tests.infrastructure.policy_agent import EgressTable
from tests.infrastructure.templates import Templates, environment_parameters


@pytest.fixture
def reaches(templates_of: TemplatesOf) -> Callable[..., bool]:
    """Return True if the replicas of the first runtime reach an address, as their node's agent reads it."""

    def reaches(environment: str, address: str, port: int, protocol: str = "TCP") -> bool:
        templates = templates_of(environment)
        policy = templates.manifest("NetworkPolicy", f"runtime-{templates.environment.runtimes[0].name}")
        return EgressTable(policy).lets_through(address, port, protocol)

    return reaches


#: Addresses in the ranges that EKS gives to services (10.100.0.0/16 and 172.20.0.0/16).
CLUSTER_DNS = ("10.100.0.10", "172.20.0.10")
KUBERNETES_API = ("10.100.0.1", "172.20.0.1")


@pytest.mark.parametrize("environment", environment_parameters("everything", "eks", "prod", "existing"))
def test_a_replica_reaches_what_it_works_with(environment: str, reaches: Callable[..., bool]) -> None:
    for server in (*CLUSTER_DNS, "169.254.20.10"):
        for protocol in ("UDP", "TCP"):
            assert reaches(environment, server, 53, protocol), f"names, at {server} by {protocol}"
    for server in KUBERNETES_API:
        assert reaches(environment, server, 443), "the Kubernetes API, for its deletion cost"
    assert reaches(environment, "52.219.47.10", 443), "S3, whose gateway endpoint keeps its public addresses"
    assert reaches(environment, "10.0.12.34", 443), "SQS, by an interface endpoint"
    assert reaches(environment, "52.119.188.10", 443), "SQS, without an endpoint"
    assert reaches(environment, "169.254.170.23", 80), "its role's credentials"
    assert reaches(environment, "93.184.215.14", 80)
    assert reaches(environment, "93.184.215.14", 65535), "a link may name any port"


@pytest.mark.parametrize("environment", environment_parameters("everything", "eks", "prod", "existing"))
def test_a_replica_reaches_neither_metadata_nor_private_hosts(environment: str, reaches: Callable[..., bool]) -> None:
    for port in (53, 80, 443):
        assert not reaches(environment, "169.254.169.254", port), "the node's credentials"
    assert not reaches(environment, "169.254.170.23", 443)
    assert not reaches(environment, "169.254.20.10", 80)
    assert not reaches(environment, "127.0.0.1", 443)
    for private in ("10.0.12.34", "172.20.3.4", "192.168.1.1", "100.64.0.1"):
        assert not reaches(environment, private, 80)
        assert not reaches(environment, private, 443, "UDP")
    assert not reaches(environment, "93.184.215.14", 443, "UDP")


def test_a_replica_reaches_the_ports_of_private_hosts_that_the_environment_allows(reaches: Callable[..., bool]) -> None:
    assert reaches("everything", "10.0.12.34", 8080)
    assert not reaches("everything", "10.0.12.34", 8443)


def test_nobody_reaches_a_replica(everything: Templates) -> None:
    policy = everything.manifest("NetworkPolicy", "runtime-sdruntime")["spec"]
    assert policy["ingress"] == []
    assert "Ingress" in policy["policyTypes"]


def test_what_switches_policies_on_takes_over_what_eks_may_have_made(everything: Templates) -> None:
    by_kubectl = everything.resources("Custom::AWSCDK-EKS-KubernetesResource")
    (switch,) = [
        r for r in by_kubectl if "enable-network-policy-controller" in everything.flat(r.properties["Manifest"])
    ]
    assert switch.properties["Overwrite"] is True
    assert not any(r.properties.get("Overwrite") for r in by_kubectl if r is not switch)


def test_the_agent_reads_a_rule_without_addresses_as_one_for_the_same_block() -> None:
    dns = {"ports": [{"port": 53, "protocol": "UDP"}]}
    public = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}], "ports": [{"protocol": "TCP"}]}
    private = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 443, "protocol": "TCP"}]}
    table = EgressTable({"spec": {"egress": [dns, public, private]}})
    assert table.lets_through("93.184.215.14", 53, "UDP")
    assert not table.lets_through("10.100.0.10", 53, "UDP"), "the exception of one rule holds for the other"
    without = EgressTable({"spec": {"egress": [dns, private]}})
    assert without.lets_through("10.100.0.10", 53, "UDP"), "without the exception the ports are taken over"
