"""Network policy as the agent on EKS's nodes reads it: one table of addresses instead of a union of rules.

The entry with the longest prefix decides alone. Rules for the same block are joined, ports and exceptions alike. An
entry inherits the ports of wider blocks unless one of their exceptions covers it. An exception without an entry blocks
all traffic.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

#: Block of a rule without addresses.
ANYWHERE = ip_network("0.0.0.0/0")

Port = Mapping[str, Any]


class EgressTable:
    """The table for one policy; in a cluster with IPv4, as all of ours are."""

    def __init__(self, policy: Mapping[str, Any]) -> None:
        self._ports: dict[Any, list[Port]] = {}
        excepted: dict[Any, set[Any]] = {}
        # Narrower blocks come later, so that they can inherit from wider ones.
        for block, exceptions, ports in sorted(_rules(policy), key=lambda rule: rule[0].prefixlen):
            if block not in self._ports:
                inherited = [
                    port
                    for wider, its_ports in self._ports.items()
                    if _within(block, [wider]) and not _within(block, excepted[wider])
                    for port in its_ports
                ]
                self._ports[block] = inherited
                excepted[block] = set()
            self._ports[block] += ports
            excepted[block] |= exceptions
        for block in set[Any]().union(*excepted.values()):
            self._ports.setdefault(block, [])

    def lets_through(self, address: str, port: int, protocol: str = "TCP") -> bool:
        """Return True if a pod under this policy reaches a port of an address."""
        matching = [block for block in self._ports if ip_address(address) in block]
        if not matching:
            return False
        decisive = max(matching, key=lambda block: block.prefixlen)
        return any(_fits(entry, port, protocol) for entry in self._ports[decisive])


def _rules(policy: Mapping[str, Any]) -> Iterator[tuple[IPv4Network, set[Any], Sequence[Port]]]:
    for rule in policy["spec"]["egress"]:
        ports = rule.get("ports") or [{"protocol": protocol} for protocol in ("TCP", "UDP", "SCTP")]
        for peer in rule.get("to") or [{"ipBlock": {"cidr": str(ANYWHERE)}}]:
            # Our policies have no peers by selector, which would require the cluster's pods.
            block = ip_network(peer["ipBlock"]["cidr"])
            if isinstance(block, IPv4Network):
                yield block, {ip_network(cidr) for cidr in peer["ipBlock"].get("except", ())}, ports


def _within(block: IPv4Network, wider: Iterable[IPv4Network]) -> bool:
    return any(block.network_address in other for other in wider)


def _fits(entry: Port, port: int, protocol: str) -> bool:
    if entry.get("protocol", "TCP") != protocol:
        return False
    first = entry.get("port")
    return first is None or first <= port <= entry.get("endPort", first)
