"""The names that entries of one subject are about, of one type of resource: found by what is asked for, never by walking through them."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from chronik.security.acl.cells import Cell, bits
from chronik.security.acl.hosts import PeerHost
from chronik.security.interfaces import Operation, PatternType, Permission

WILDCARD: Final = "*"
"""As a literal name: every resource of the type."""


class Prefixes:
    """The lengths that prefixes have, so that only such beginnings of a name are looked up."""

    __slots__ = ("_counts", "lengths")

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.lengths: list[int] = []

    def add(self, prefix: str) -> None:
        """One prefix more."""
        length = len(prefix)
        if length not in self._counts:
            insort(self.lengths, length)
        self._counts[length] = self._counts.get(length, 0) + 1

    def remove(self, prefix: str) -> None:
        """One less."""
        length = len(prefix)
        self._counts[length] -= 1
        if not self._counts[length]:
            del self._counts[length]
            self.lengths.remove(length)

    def of(self, name: str) -> Iterator[str]:
        """The beginnings of a name that may be a prefix here, the shortest first."""
        whole = len(name)
        for length in self.lengths:
            if length > whole:
                return
            yield name[:length]


class Patterns:
    """Cells by name.

    :ivar denials: how many entries deny something.
    """

    __slots__ = ("_allowing", "_lengths", "_literal", "_prefixed", "denials")

    def __init__(self) -> None:
        self._literal: dict[str, Cell] = {}
        self._prefixed: dict[str, Cell] = {}
        self._lengths = Prefixes()
        self._allowing: dict[int, dict[tuple[PatternType, str], int]] = {}
        self.denials = 0

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._literal or self._prefixed)

    def change(self, pattern: PatternType, name: str, host: str, operation: Operation, permission: Permission, count: int) -> None:
        """One entry more (``count`` is 1), or less (-1)."""
        prefixed = pattern is PatternType.PREFIXED
        cells = self._prefixed if prefixed else self._literal
        cell = cells.get(name)
        if cell is None:
            cell = cells[name] = Cell()
            if prefixed:
                self._lengths.add(name)
        cell.change(host, operation, permission, count)
        if not cell:
            del cells[name]
            if prefixed:
                self._lengths.remove(name)
        if permission is Permission.DENY:
            self.denials += count
        else:
            self._note(bits(operation, permission), (pattern, name), count)

    def _note(self, allowed: int, place: tuple[PatternType, str], count: int) -> None:
        """Keep by operation where it is allowed, for :meth:`places`."""
        while allowed:
            bit = allowed & -allowed
            allowed ^= bit
            places = self._allowing.get(bit)
            if places is None:
                places = self._allowing[bit] = {}
            left = places.get(place, 0) + count
            if left > 0:
                places[place] = left
            else:
                del places[place]

    def about(self, name: str) -> Iterator[Cell]:
        """Every cell whose pattern a resource's name matches."""
        literal = self._literal
        if name in literal:
            yield literal[name]
        if WILDCARD in literal and name != WILDCARD:
            yield literal[WILDCARD]
        yield from self.prefixing(name)

    def prefixing(self, name: str) -> Iterator[Cell]:
        """Every cell of a prefix of a name."""
        prefixed = self._prefixed
        for prefix in self._lengths.of(name):
            if prefix in prefixed:
                yield prefixed[prefix]

    def literal(self, name: str) -> Cell | None:
        """The cell of exactly this name."""
        return self._literal.get(name)

    def places(self, bit: int) -> Iterable[tuple[PatternType, str, Cell]]:
        """Every pattern with an entry that allows an operation to somebody somewhere."""
        for pattern, name in self._allowing.get(bit, ()):
            yield pattern, name, (self._prefixed if pattern is PatternType.PREFIXED else self._literal)[name]


def allows(patterns: Sequence[Patterns], host: PeerHost, bit: int, name: str) -> bool | None:
    """What they say together of an operation on a resource; a denial wins. None: nothing is said."""
    allowed = None
    for each in patterns:
        for cell in each.about(name):
            yes, no = cell.says(host)
            if no & bit:
                return False
            if yes & bit:
                allowed = True
    return allowed


def allows_some(patterns: Sequence[Patterns], host: PeerHost, bit: int) -> bool:
    """Whether an operation is allowed on any resource that there could be (KIP-679): a denial of a pattern counts against every pattern that it
    covers whole, and a denial of everything against all."""
    denials = [each for each in patterns if each.denials]
    everything = [cell.says(host) for each in patterns if (cell := each.literal(WILDCARD)) is not None]
    if any(no & bit for _, no in everything):
        return False
    if any(yes & bit for yes, _ in everything):
        return True
    for each in patterns:
        for pattern, name, cell in each.places(bit):
            if cell.says(host)[0] & bit and not any(_covers(denial, host, bit, pattern, name) for denial in denials):
                return True
    return False


def _covers(denials: Patterns, host: PeerHost, bit: int, pattern: PatternType, name: str) -> bool:
    """Whether nothing that matches a pattern is left of it by the denials."""
    same = denials.literal(name) if pattern is PatternType.LITERAL else None
    if same is not None and same.says(host)[1] & bit:
        return True
    return any(cell.says(host)[1] & bit for cell in denials.prefixing(name))
