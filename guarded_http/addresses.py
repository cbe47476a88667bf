"""Addresses that a link may lead to: the public internet, and no machine of the private networks."""

import ipaddress
from typing import Final

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Prefixes whose last 32 bits are an IPv4 address to which a translator forwards (RFC 6052, RFC 8215).
_TRANSLATED: Final = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
#: IPv4-compatible addresses (RFC 4291), long out of use, still understood here and there.
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
#: Relays of the old 6to4 service (RFC 7526): routed anywhere.
_RELAYS: Final = ipaddress.IPv4Network("192.88.99.0/24")
_LAST_32_BITS: Final = 0xFFFF_FFFF


def is_public(address: IpAddress) -> bool:
    """Return True if an address is global unicast, and so is every IPv4 address inside it."""
    return _is_global_unicast(address) and all(_is_global_unicast(inner) for inner in embedded(address))


def embedded(address: IpAddress) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address carries: mapped, 6to4, Teredo, NAT64, compatible."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _COMPATIBLE or any(address in network for network in _TRANSLATED):
        inner.append(ipaddress.IPv4Address(int(address) & _LAST_32_BITS))
    return [found for found in inner if found is not None]


def _is_global_unicast(address: IpAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            # Python versions differ in what they say of the outer form; the inner one is asked as well.
            return _is_global_unicast(address.ipv4_mapped)
        if address.is_site_local or (address.scope_id is not None):
            return False
    elif address in _RELAYS:
        return False
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )
