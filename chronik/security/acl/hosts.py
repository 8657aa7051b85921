"""Hosts of access control entries: every one, an address, a network in CIDR notation; and those of peers that are compared with them."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final, NamedTuple

EVERYWHERE: Final = "*"
"""As a host: every one."""

ADDRESSES_REMEMBERED: Final = 4096
"""Peers' addresses that are read once; a busy broker has some hundred clients."""

_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")
_NUMERIC: Final = re.compile(r"[0-9.]+")


class Network(NamedTuple):
    """A network: its IP version, the length of its prefix, and that prefix as a number."""

    version: int
    length: int
    prefix: int


class PeerHost(NamedTuple):
    """A peer's host as entries are compared with it: ``version`` is 0 where it is no IP address."""

    text: str
    version: int
    number: int

    def prefix(self, length: int) -> int:
        """The first bits of its address."""
        return self.number >> ((32 if self.version == 4 else 128) - length)


def host_problem(host: str) -> str | None:
    """What is wrong with an entry's host, None if nothing is.

    A name is allowed, as in Kafka, although no peer is known by one: peers are addresses.
    """
    if host == EVERYWHERE or is_address(host):
        return None
    if not host:
        return "the host is empty; * is every one"
    if "/" in host:
        return _network_problem(host)
    if _NUMERIC.fullmatch(host) or ":" in host:
        return f"{host!r} is no IP address"
    return None if _NAME.fullmatch(host) else f"{host!r} is neither *, nor an address, nor a network such as 10.0.0.0/8"


def is_address(host: str) -> bool:
    """Whether it is one IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _network_problem(host: str) -> str | None:
    try:
        ipaddress.ip_network(host)
    except ValueError as problem:
        try:
            return f"{host!r} has bits beyond its prefix; write {ipaddress.ip_network(host, strict=False)}"
        except ValueError:
            return f"{host!r} is no network: {problem}"
    return None


def entry_host(host: str) -> str | Network:
    """An entry's host in the one form in which it is compared: a network, or a text."""
    if "/" in host:
        try:
            network = ipaddress.ip_network(host, strict=False)
        except ValueError:
            return host
        length = network.prefixlen
        return Network(network.version, length, int(network.network_address) >> (network.max_prefixlen - length))
    return peer_host(host).text


@lru_cache(ADDRESSES_REMEMBERED)
def peer_host(host: str) -> PeerHost:
    """A peer's host in the one form in which it is compared. An IPv4 address that came over IPv6 is an IPv4 address."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return PeerHost(host, 0, 0)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return PeerHost(str(address), address.version, int(address))
