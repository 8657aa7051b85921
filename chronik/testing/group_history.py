"""What members of groups saw, and what in it must never be: the companion of :mod:`chronik.testing.history` for groups.

Committed offsets are a register for each partition: whoever reads it gets what was written last, or what is being written. Partitions are owned by
one member at a time.
"""

from __future__ import annotations

import enum
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

Place = tuple[str, Hashable]
"""A group and a partition."""


class GroupAnomaly(enum.Enum):
    """Something that a group coordinator never shows."""

    COMMIT_LOST = "commit lost"
    """A read of committed offsets told something older than what was acknowledged before it began, or what nobody wrote."""

    STALE_COMMIT = "stale commit"
    """A commit was taken of a member whose generation was over, or whose partition was another's: it may undo what the new owner committed."""

    TWO_OWNERS = "two owners"
    """A partition belongs to two members of one generation, or was given to one before another had let go of it."""


@dataclass(frozen=True, slots=True)
class GroupFinding:
    """One anomaly."""

    anomaly: GroupAnomaly
    detail: str

    def __str__(self) -> str:
        """For the report of a test."""
        return f"{self.anomaly.value}: {self.detail}"


class Value(NamedTuple):
    """What is committed: an offset, and the text that came with it. Tests give each commit a text of its own."""

    offset: int
    text: str


NOTHING: Final = Value(-1, "")


@dataclass(slots=True, eq=False)
class Write:
    """A commit, from when it was begun until it was acknowledged; for ever if nobody knows what became of it."""

    place: Place
    value: Value
    begun: int
    ended: float = math.inf


@dataclass(slots=True, eq=False)
class Claim:
    """A member's claim to partitions of a group.

    :ivar until: time after which the coordinator may have given them away.
    """

    member: str
    places: set[Hashable] = field(default_factory=set)
    until: float = 0.0


class GroupHistory:
    """Notes of all groups."""

    def __init__(self) -> None:
        self._ticks = 0
        self._writes: defaultdict[Place, list[Write]] = defaultdict(list)
        self._owners: dict[tuple[str, int, Hashable], str] = {}
        self._claims: defaultdict[str, dict[str, Claim]] = defaultdict(dict)
        self._generations: dict[str, tuple[int, int]] = {}
        self._given: dict[Place, tuple[str, int]] = {}
        self._findings: list[GroupFinding] = []

    # -- committed offsets --------------------------------------------------------------------------------------------

    def begin(self) -> int:
        """A moment, later than those before."""
        self._ticks += 1
        return self._ticks

    def writing(self, group: str, partition: Hashable, value: Value) -> Write:
        """A commit is about to be sent."""
        write = Write((group, partition), value, self.begin())
        self._writes[write.place].append(write)
        return write

    def written(self, write: Write) -> None:
        """It was acknowledged: from now on it, or a later one, must be read."""
        write.ended = min(write.ended, self.begin())

    def written_in(self, write: Write, generation: int, member: str) -> None:
        """The same, by a member of a group, in a generation: neither a later one nor another owner was known before the commit was sent."""
        self.written(write)
        group, partition = write.place
        latest, since = self._generations.get(group, (-1, 0))
        owner, given = self._given.get(write.place, (member, 0))
        if generation < latest and since < write.begun:
            self._stale(f"{group}: generation {generation} of {member} committed {write.value} of {partition} after generation {latest} began")
        if owner != member and given < write.begun:
            self._stale(f"{group}: {member} committed {write.value} of {partition} after {owner} was given it")

    def _stale(self, what: str) -> None:
        self._findings.append(GroupFinding(GroupAnomaly.STALE_COMMIT, what))

    def refused(self, write: Write) -> None:
        """It was refused, and had no effect."""
        self._writes[write.place].remove(write)

    def read(self, group: str, partition: Hashable, begun: int, value: Value) -> None:
        """Somebody was told what is committed.

        :param begun: from :meth:`begin`, before it was asked for.
        """
        place = (group, partition)
        ended = self.begin()
        first = Write(place, NOTHING, 0, 0)
        possible = [write for write in (first, *self._writes[place]) if write.value == value]
        done = [write for write in self._writes[place] if write.ended < begun]
        current = [write for write in possible if not any(write.ended < later.begun for later in done)]
        if current:
            for write in current[-1:]:
                write.ended = min(write.ended, ended)
            return
        last = max(done, key=lambda write: write.begun, default=first)
        self._findings.append(GroupFinding(GroupAnomaly.COMMIT_LOST, f"{group} {partition}: {value} was read, {last.value} had been acknowledged"))

    # -- owners -------------------------------------------------------------------------------------------------------

    def assigned(self, group: str, generation: int, member: str, partitions: Iterable[Hashable]) -> None:
        """A member was given partitions for a generation of its group, which is durable since then."""
        if generation > self._generations.get(group, (-1, 0))[0]:
            self._generations[group] = generation, self.begin()
        for partition in partitions:
            owner = self._owners.setdefault((group, generation, partition), member)
            if owner != member:
                what = f"{group} generation {generation}: {partition} belongs to {owner} and to {member}"
                self._findings.append(GroupFinding(GroupAnomaly.TWO_OWNERS, what))

    def claims(self, group: str, member: str, partitions: Iterable[Hashable], now: float, until: float) -> None:
        """A member has these partitions, and no others, and the coordinator leaves them to it until then at least."""
        others = [claim for claim in self._claims[group].values() if claim.member != member and claim.until > now]
        mine = self._claims[group].setdefault(member, Claim(member))
        wanted = set(partitions)
        for partition in sorted(wanted - mine.places, key=repr):
            self._given[group, partition] = member, self.begin()
            for claim in others:
                if partition in claim.places:
                    what = f"{group}: {partition} was given to {member}, while {claim.member} had it"
                    self._findings.append(GroupFinding(GroupAnomaly.TWO_OWNERS, what))
        mine.places, mine.until = wanted, until

    def lets_go(self, group: str, member: str, partitions: Iterable[Hashable] | None = None) -> None:
        """A member is about to say that it has these partitions no longer, or that it leaves."""
        claim = self._claims[group].get(member)
        if claim is not None:
            claim.places = set() if partitions is None else claim.places - set(partitions)

    def findings(self) -> Iterator[GroupFinding]:
        """Everything that must not be."""
        yield from self._findings
