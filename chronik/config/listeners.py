"""Listener addresses as Kafka writes them: ``NAME://host:port``, an empty host meaning every address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PROTOCOLS: Final = frozenset({"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"})
"""Kafka's security protocols."""

_LISTENER: Final = re.compile(r"(?P<name>[A-Za-z0-9_-]+)://(?:\[(?P<ipv6>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\[\]/:\s]*)):(?P<port>[0-9]{1,5})")
_WILDCARDS: Final = frozenset({"", "0.0.0.0", "::"})
_LOOPBACK: Final = frozenset({"localhost", "::1"})


@dataclass(frozen=True, slots=True)
class ListenerAddress:
    """One listener.

    :ivar name: upper-cased.
    :ivar host: without brackets; empty for every address.
    :ivar port: 0 lets the system choose.
    """

    name: str
    host: str
    port: int

    @property
    def wildcard(self) -> bool:
        """Whether it binds every address of the machine."""
        return self.host in _WILDCARDS

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in _LOOPBACK or self.host.startswith("127.")

    def __str__(self) -> str:
        """Kafka's spelling."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name}://{host}:{self.port}"


def parse_listener(text: str) -> ListenerAddress:
    """One address.

    :raises ValueError: when the text is not ``NAME://host:port``.
    """
    match = _LISTENER.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise ValueError(f"{text!r} is not NAME://host:port with a port of at most 65535")
    return ListenerAddress(match["name"].upper(), match["ipv6"] or match["host"] or "", int(match["port"]))


def parse_protocol_map(text: str) -> Mapping[str, str]:
    """Security protocols by upper-cased listener name.

    :raises ValueError: when the text is not ``NAME:PROTOCOL,…``.
    """
    protocols: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, separator, protocol = item.partition(":")
        if not separator or not name or protocol.upper() not in PROTOCOLS:
            raise ValueError(f"{item!r} is not NAME:PROTOCOL")
        protocols[name.strip().upper()] = protocol.upper()
    return protocols
