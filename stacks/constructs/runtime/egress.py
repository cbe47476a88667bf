"""Egress of a replica, the same for every engine: public addresses for links, and private ones for services."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network
from typing import Final

#: Ranges without public hosts.
PRIVATE_CIDRS: Final = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")
HTTP_PORT: Final = 80
HTTPS_PORT: Final = 443
DNS_PORT: Final = 53
LAST_PORT: Final = 65_535


def private_ports(allowed_link_hosts: Iterable[str]) -> Sequence[int]:
    """Return the TCP ports of private addresses: AWS's services, the Kubernetes API, and the hosts of links.

    Args:
        allowed_link_hosts: Hosts with private addresses that links may reach: `host` or `host:port`.
    """
    return sorted({HTTPS_PORT, *(port for host in allowed_link_hosts for port in _ports(host))})


def public_cidrs() -> Sequence[str]:
    """Return the ranges of all other addresses, for rules that cannot make exceptions."""
    ranges = [IPv4Network("0.0.0.0/0")]
    for cidr in PRIVATE_CIDRS:
        private = IPv4Network(cidr)
        ranges = [
            part
            for block in ranges
            for part in (block.address_exclude(private) if private.subnet_of(block) else (block,))
        ]
    return [str(block) for block in sorted(ranges)]


def _ports(host: str) -> tuple[int, ...]:
    port = host.rpartition("]")[2].rpartition(":")[2] if ":" in host.rpartition("]")[2] else ""
    return (int(port),) if port else (HTTP_PORT, HTTPS_PORT)
