"""Recognizes public IP addresses in any notation. Pure."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# IPv4 addresses embedded in IPv6 addresses, which a gateway or the system unpacks: the last four bytes.
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052; IPv6-only hosts reach IPv4 sites through it
_UNICAST = ipaddress.IPv6Network("2000::/3")  # the only block allocated as global unicast
# Never public sites, though some Python versions report them as global. 2002::/16 (6to4) is deprecated: RFC 7526.
_SPECIAL_IPV4 = tuple(map(ipaddress.IPv4Network, ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")))
_SPECIAL_IPV6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))


@lru_cache(maxsize=1000)  # it is asked for each use of a connection
def is_public(text: str) -> bool:
    """Return whether an address is on the public internet; a string that is not an IP address is not.

    https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
    """
    try:
        address = _unpacked(ipaddress.ip_address(text))
    except ValueError:
        return False
    if address.is_multicast or not address.is_global:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _UNICAST and not any(address in network for network in _SPECIAL_IPV6)
    return not any(address in network for network in _SPECIAL_IPV4)


def _unpacked(address: IPAddress) -> IPAddress:
    if isinstance(address, ipaddress.IPv6Address) and (address in _MAPPED or address in _NAT64):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address


@lru_cache(maxsize=1000)  # an attempt compares the same few hosts several times
def normal(host: str) -> str:
    """Return a host name or address in normal form for comparison: lower case, no brackets, no trailing dot."""
    name = host.strip().rstrip(".").lower()
    name = name[1:-1] if name.startswith("[") and name.endswith("]") else name
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
