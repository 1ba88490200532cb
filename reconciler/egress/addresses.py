"""Where requests may go: to public addresses, and to those that the server configuration allows."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

METADATA: frozenset[Address] = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
"""Where clouds keep the credentials of machines. A network that holds one does not allow it; naming it alone does."""

_EMBEDDING: tuple[tuple[ipaddress.IPv6Network, int], ...] = (
    (ipaddress.IPv6Network("::ffff:0:0/96"), 0),
    (ipaddress.IPv6Network("::/96"), 0),
    (ipaddress.IPv6Network("64:ff9b::/96"), 0),
    (ipaddress.IPv6Network("2002::/16"), 80),
)
"""IPv6 networks whose addresses lead to an IPv4 address, and how many bits stand behind that one."""

_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")
"""Leads to IPv4 addresses as well, and only its owner knows where in it they stand."""


def refusal(address: Address, allowed: Iterable[Network]) -> str:
    """Why nothing is sent to an address, or "" when something may be.

    An address that leads to another one is judged as both.
    """
    networks = tuple(allowed)
    for one in (address, *_embedded(address)):
        if one in METADATA:
            if not any(one in network and network.num_addresses == 1 for network in networks):
                return f"{address} is where a cloud keeps its machines' credentials"
        elif not (_public(one) or any(one in network for network in networks)):
            return f"{address} is {_what(one)}"
    return ""


def _embedded(address: Address) -> tuple[Address, ...]:
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found = {
        ipaddress.IPv4Address(int(address) >> behind & 0xFFFF_FFFF)
        for network, behind in _EMBEDDING
        if address in network
    }
    # `::1` and `::` are themselves, and no way to an IPv4 address.
    return () if address.is_loopback or address.is_unspecified else tuple(found)


def _public(address: Address) -> bool:
    # Where one IPv4 address stands inside, that one is judged as well; the IPv6 form alone is public then.
    if isinstance(address, ipaddress.IPv6Address) and _embedded(address):
        return True
    if isinstance(address, ipaddress.IPv6Address) and (address in _LOCAL_NAT64 or address.is_site_local):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _what(address: Address) -> str:
    """The kind of an address that is not public."""
    kinds = (
        ("the machine itself", address.is_loopback or address.is_unspecified),
        ("a link-local address", address.is_link_local),
        ("a multicast address", address.is_multicast),
    )
    return next((words for words, holds in kinds if holds), "a private or reserved address")
