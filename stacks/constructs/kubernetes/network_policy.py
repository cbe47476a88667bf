"""Network policy of a replica: egress to links, AWS and the cluster, and no ingress."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from stacks.config import RuntimeConfig
from stacks.constructs.kubernetes.names import Manifest, metadata
from stacks.constructs.runtime.egress import DNS_PORT, HTTP_PORT, LAST_PORT, PRIVATE_CIDRS, private_ports

#: Range of the instance metadata with the node's credentials.
LINK_LOCAL_CIDR: Final = "169.254.0.0/16"
LOOPBACK_CIDR: Final = "127.0.0.0/8"
#: Address of the credentials of a pod's role (EKS Pod Identity).
POD_IDENTITY_CIDR: Final = "169.254.170.23/32"
#: Address of a node's DNS cache. Pods reach it transparently, by the address of the cluster's DNS service.
NODE_DNS_CIDR: Final = "169.254.20.10/32"


def use_network_policies() -> Manifest:
    """Return the object that enables network policies in EKS Auto Mode."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "amazon-vpc-cni", "namespace": "kube-system"},
        "data": {"enable-network-policy-controller": "true"},
    }


def network_policy(runtime: RuntimeConfig, *, allowed_link_hosts: Iterable[str]) -> Manifest:
    """Return the policy of all pods in a runtime's namespace.

    Args:
        runtime: Runtime of the namespace.
        allowed_link_hosts: Hosts with private addresses that links may reach: `host` or `host:port`.
    """
    dns = [_port(DNS_PORT, "UDP"), _port(DNS_PORT)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(runtime),
        "spec": {
            "podSelector": {},
            "policyTypes": ["Ingress", "Egress"],
            # Probes come from the pod's own node, which policies never block.
            "ingress": [],
            # Each block is in one rule, with all of its ports. The agent on EKS's nodes joins rules for the same block,
            # exceptions included. A second rule for all addresses would therefore lose the private ones, and a rule
            # without addresses applies to all addresses.
            "egress": [
                # Links of tasks may name any port of a public host. The ports are a range, because the agent drops a
                # protocol without ports when it joins it with one that has some.
                {
                    "to": [_block("0.0.0.0/0", but=[*PRIVATE_CIDRS, LINK_LOCAL_CIDR, LOOPBACK_CIDR])],
                    "ports": [{**_port(1), "endPort": LAST_PORT}],
                },
                # DNS, the Kubernetes API, and the interface endpoints of AWS's services.
                {
                    "to": [_block(cidr) for cidr in PRIVATE_CIDRS],
                    "ports": [*dns, *(_port(port) for port in private_ports(allowed_link_hosts))],
                },
                {"to": [_block(NODE_DNS_CIDR)], "ports": dns},
                {"to": [_block(POD_IDENTITY_CIDR)], "ports": [_port(HTTP_PORT)]},
            ],
        },
    }


def _port(number: int, protocol: str = "TCP") -> dict[str, Any]:
    return {"port": number, "protocol": protocol}


def _block(cidr: str, but: Sequence[str] = ()) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr, **({"except": list(but)} if but else {})}}
