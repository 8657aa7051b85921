"""What all entries about one name say together: for each host, the operations that are allowed and those that are denied, as bit fields.

Some operations imply others when they are allowed, never when they are denied (KIP-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from chronik.security.acl.hosts import EVERYWHERE, Network, PeerHost, entry_host
from chronik.security.interfaces import Operation, Permission

_K = TypeVar("_K")

_EVERY_BIT: Final = sum(1 << operation for operation in Operation)

_IMPLIED: Final[Mapping[Operation, Operation]] = {
    Operation.READ: Operation.DESCRIBE,
    Operation.WRITE: Operation.DESCRIBE,
    Operation.DELETE: Operation.DESCRIBE,
    Operation.ALTER: Operation.DESCRIBE,
    Operation.ALTER_CONFIGS: Operation.DESCRIBE_CONFIGS,
}
"""Being allowed the first one allows the second one too."""


def bits(operation: Operation, permission: Permission) -> int:
    """The bits of all operations that an entry speaks of."""
    if operation is Operation.ALL:
        return _EVERY_BIT
    if permission is Permission.ALLOW and operation in _IMPLIED:
        return 1 << operation | 1 << _IMPLIED[operation]
    return 1 << operation


class _Said:
    """What is said for one host."""

    __slots__ = ("allowed", "denied", "entries")

    def __init__(self) -> None:
        self.entries: dict[tuple[Operation, Permission], int] = {}
        self.allowed = 0
        self.denied = 0

    def change(self, operation: Operation, permission: Permission, count: int) -> None:
        """One entry more, or less."""
        entry = operation, permission
        left = self.entries.get(entry, 0) + count
        if left > 0:
            self.entries[entry] = left
            self._say(operation, permission)
            return
        del self.entries[entry]
        self.allowed = self.denied = 0
        for known in self.entries:
            self._say(*known)

    def _say(self, operation: Operation, permission: Permission) -> None:
        if permission is Permission.ALLOW:
            self.allowed |= bits(operation, permission)
        else:
            self.denied |= bits(operation, permission)


class Cell:
    """The entries of one subject about one name. What it costs to look does not depend on how many hosts it knows."""

    __slots__ = ("_everywhere", "_exact", "_networks")

    def __init__(self) -> None:
        self._everywhere: _Said | None = None
        self._exact: dict[str, _Said] = {}
        self._networks: dict[tuple[int, int], dict[int, _Said]] = {}

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return bool(self._everywhere or self._exact or self._networks)

    def change(self, host: str, operation: Operation, permission: Permission, count: int) -> None:
        """One entry more (``count`` is 1), or less (-1)."""
        if host == EVERYWHERE:
            said = self._everywhere = self._everywhere or _Said()
            said.change(operation, permission, count)
            self._everywhere = said if said.entries else None
            return
        place = entry_host(host)
        if isinstance(place, Network):
            networks = self._networks.setdefault(place[:2], {})
            _change(networks, place.prefix, operation, permission, count)
            if not networks:
                del self._networks[place[:2]]
        else:
            _change(self._exact, place, operation, permission, count)

    def says(self, host: PeerHost) -> tuple[int, int]:
        """The operations that are allowed to a peer there, and those that are denied."""
        everywhere = self._everywhere
        if not self._exact and not self._networks:
            return (everywhere.allowed, everywhere.denied) if everywhere is not None else (0, 0)
        allowed = denied = 0
        for said in self._about(host):
            allowed |= said.allowed
            denied |= said.denied
        return allowed, denied

    def _about(self, host: PeerHost) -> Iterator[_Said]:
        if self._everywhere is not None:
            yield self._everywhere
        if host.text in self._exact:
            yield self._exact[host.text]
        for (version, length), networks in self._networks.items():
            if version == host.version:
                found = networks.get(host.prefix(length))
                if found is not None:
                    yield found


def _change(known: dict[_K, _Said], place: _K, operation: Operation, permission: Permission, count: int) -> None:
    said = known.get(place)
    if said is None:
        said = known[place] = _Said()
    said.change(operation, permission, count)
    if not said.entries:
        del known[place]
