"""No notation of a private address passes for a public one."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_http.addresses import is_public

PRIVATE_NETWORKS = [
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
PRIVATE = st.sampled_from(PRIVATE_NETWORKS).flatmap(
    lambda network: st.integers(0, network.num_addresses - 1).map(lambda offset: network[offset])
)


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1",
        "8.8.8.8",
        "52.216.0.1",
        "2606:4700:4700::1111",
        "2a00:1450:4001::1",
        "64:ff9b::808:808",
        "::ffff:808:808",
    ],
)
def test_public_addresses_pass(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "100::1",
        "3fff::1",
        "2001::1",
        "2002:808:808::1",
        "64:ff9b:1::808:808",
        "::808:808",
        "5f00::1",
    ],
)
def test_private_ipv6_is_refused(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@given(PRIVATE)
def test_private_ipv4_is_refused_in_every_disguise(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    disguises: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [
        address,
        ipaddress.IPv6Address(0xFFFF << 32 | number),
        ipaddress.IPv6Address(number),
        ipaddress.IPv6Address((0x0064_FF9B << 96) | number),
        ipaddress.IPv6Address((0x0064_FF9B_0001 << 80) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1),
        ipaddress.IPv6Address((0x2001_0000 << 96) | (0x08080808 << 64) | (number ^ 0xFFFF_FFFF)),
        ipaddress.IPv6Address((0x2001_0000 << 96) | (number << 64) | (0x08080808 ^ 0xFFFF_FFFF)),
        ipaddress.IPv6Address((0x2606_4700 << 96) | (0x0000_5EFE << 32) | number),
        ipaddress.IPv6Address((0x2606_4700 << 96) | (0x0200_5EFE << 32) | number),
    ]

    assert [str(disguise) for disguise in disguises if is_public(disguise)] == []
