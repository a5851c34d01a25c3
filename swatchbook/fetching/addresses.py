"""Which addresses a download may connect to: those of the public internet.

The check stands where a socket is opened, on the very address that it will be connected to. So
it holds for every redirect, for a name that is resolved anew, and for any way to write an address.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

from swatchbook.base.machine import IPNetwork

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_REFUSED = [
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # public by the registry, but Azure's metadata and names
        "192.0.0.0/24",  # for protocols; older versions of Python take it for public
        # IPv6 that stands for IPv4: translated (RFC 6052, 8215), 6to4, Teredo
        "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32",
    )
]  # fmt: skip


class AddressRefused(OSError):
    """A connection to an address that is not of the public internet."""


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: not this machine's, its network's,
    a multicast, reserved or metadata address, nor one of those in the form of IPv6.
    """
    ip: Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    unusual = ip.is_multicast or ip.is_reserved or ip.is_private or ip.is_unspecified
    if isinstance(ip, ipaddress.IPv6Address):
        unusual = unusual or ip.is_site_local
    return ip.is_global and not unusual and not any(ip in network for network in _REFUSED)


def opener(allowed: Sequence[IPNetwork]) -> Callable[[Any], socket.socket]:
    """A factory of sockets for public addresses and those in ``allowed``.

    It takes what ``socket.getaddrinfo`` gives, and raises AddressRefused for others.
    """

    def opened(info: Any) -> socket.socket:
        family, kind, protocol, _, target = info
        address = target[0]
        ip = ipaddress.ip_address(address.partition("%")[0])
        if not is_public(address) and not any(ip in network for network in allowed):
            # the same words for each address: all of a name's together are then one error
            raise AddressRefused("not an address of the public internet")
        return socket.socket(family, kind, protocol)

    return opened
