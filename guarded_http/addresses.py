"""Addresses that a link may lead to: the public internet, and no machine of the private networks."""

import ipaddress
from typing import Final

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

#: IANA's registry of special IPv4 addresses, multicast and reserved ones included. It is written down here because
#: Python versions differ in what they call global.
_SPECIAL_IPV4: Final = tuple(map(ipaddress.IPv4Network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
)))  # fmt: skip
#: The only IPv6 addresses in public use, and the special ones among them: protocols and Teredo, documentation, 6to4.
_GLOBAL_IPV6: Final = ipaddress.IPv6Network("2000::/3")
_SPECIAL_IPV6: Final = tuple(
    map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"))
)
#: Prefixes whose last 32 bits are an IPv4 address that is connected to: mapped (RFC 4291), translated (RFC 6052).
_IPV4_PREFIXES: Final = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
#: Bits 33 to 64 of an ISATAP address (RFC 5214), apart from the bit that says whether the IPv4 address is unique.
_ISATAP: Final = 0x0000_5EFE
_ISATAP_MASK: Final = 0xFDFF_FFFF
_LAST_32_BITS: Final = 0xFFFF_FFFF


def is_public(address: IpAddress) -> bool:
    """Return True if an address belongs to the public internet, and so does an IPv4 address inside it."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    inner = ipaddress.IPv4Address(int(address) & _LAST_32_BITS)
    if address.scope_id is not None:
        return False
    if any(address in network for network in _IPV4_PREFIXES):
        return is_public(inner)
    is_isatap = int(address) >> 32 & _ISATAP_MASK == _ISATAP
    is_special = address not in _GLOBAL_IPV6 or any(address in network for network in _SPECIAL_IPV6)
    return not is_special and (not is_isatap or is_public(inner))
