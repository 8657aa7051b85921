"""What producers and readers of a topic saw, and what in it must never be.

Producers note what they send and what is acknowledged, readers note what they are given, both while the broker is stopped, killed or cut off.
:func:`anomalies` then compares the notes. It knows nothing of any client or store, so that it judges a test with real clients and a simulation alike.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Record(NamedTuple):
    """A record by who sent it, and its number among all that this producer sent to its partition: a later one has a larger number."""

    producer: str
    number: int


class Anomaly(enum.Enum):
    """Something that a durable, ordered log never shows."""

    LOST = "lost"
    """Acknowledged, or given to a reader, and not there afterwards."""

    DUPLICATE = "duplicate"
    """There more than once, although its producer is idempotent."""

    REORDERED = "reordered"
    """Before a record that its producer sent earlier."""

    INCONSISTENT_OFFSET = "inconsistent offset"
    """One offset, two records: by two acknowledgements, two readers, or one of each."""

    NON_MONOTONIC_POLL = "non-monotonic poll"
    """A reader went back, or was given an offset twice."""

    NON_MONOTONIC_SEND = "non-monotonic send"
    """A producer's later record was acknowledged at a smaller offset than an earlier one."""

    SKIPPED = "skipped"
    """A reader passed over an offset at which there is a record."""

    UNSENT = "unsent"
    """There, although nobody sent it to this partition."""

    CHANGED = "changed"
    """There, with another content than it was sent with."""

    WATERMARK_WENT_BACK = "watermark went back"
    """A reader was told of a high watermark or last stable offset below one that it was told of before."""

    TWO_EPOCHS = "two epochs"
    """One offset under two leader epochs, or under a smaller epoch than an offset before it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One anomaly.

    :ivar partition: where.
    :ivar detail: who, what and at which offsets.
    """

    anomaly: Anomaly
    partition: int
    detail: str

    def __str__(self) -> str:
        """For the report of a test."""
        return f"partition {self.partition}: {self.anomaly.value}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a producer's configuration lets it expect.

    :ivar once: no record is there twice (idempotent).
    :ivar ordered: records are there in the order in which they were sent (idempotent, or one request at a time); where a record may be there twice,
        its first place counts.
    """

    once: bool = True
    ordered: bool = True


IDEMPOTENT: Final = Promise()

PLAIN: Final = Promise(once=False)
"""A producer that sends one request at a time and sends again what was not answered."""


@dataclass(slots=True)
class _Notes:
    """Of one partition."""

    sent: set[Record] = field(default_factory=set)
    acknowledged: dict[Record, int] = field(default_factory=dict)
    polls: defaultdict[str, list[tuple[int, Record]]] = field(default_factory=lambda: defaultdict(list))
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)
    epochs: dict[int, int] = field(default_factory=dict)
    appended: dict[tuple[int, int], Record] = field(default_factory=dict)
    complaints: list[tuple[Anomaly, str]] = field(default_factory=list)
    forgotten: int = 0


class History:
    """Notes of one topic. Each producer and each reader may make its notes in a thread of its own.

    :param promises: by a producer's name what it may expect; :data:`IDEMPOTENT` where nothing is said.
    """

    def __init__(self, promises: Mapping[str, Promise] | None = None) -> None:
        self._promises = dict(promises or {})
        self._partitions: defaultdict[int, _Notes] = defaultdict(_Notes)
        self._complete: set[str] = set()

    # -- making notes -------------------------------------------------------------------------------------------------

    def sent(self, partition: int, record: Record) -> None:
        """A record is about to be sent; to be noted before anybody can see it."""
        self._partitions[partition].sent.add(record)

    def acknowledged(self, partition: int, record: Record, offset: int) -> None:
        """A record was acknowledged: from now on it must be there.

        :param offset: where, as the broker told; -1 when it did not tell, as it does with records that it has already.
        """
        self._partitions[partition].acknowledged[record] = offset

    def polled(self, reader: str, partition: int, offset: int, record: Record) -> None:
        """A reader was given a record. A reader that begins anew is to have a new name."""
        self._partitions[partition].polls[reader].append((offset, record))

    def changed(self, reader: str, partition: int, offset: int, record: Record) -> None:
        """A reader was given a record whose content is not what was sent."""
        self._partitions[partition].complaints.append((Anomaly.CHANGED, f"{_name(record)}, given to {reader} at {offset}"))

    def watermarks(self, reader: str, partition: int, stable: int, high: int) -> None:
        """A reader was told how far a partition is stable, and how far committed."""
        notes = self._partitions[partition]
        before, now = notes.marks.get(reader, (-1, -1)), (stable, high)
        if any(after < known for after, known in zip(now, before, strict=True)):
            notes.complaints.append((Anomaly.WATERMARK_WENT_BACK, f"{reader} was told (stable, high) = {now} after {before}"))
        notes.marks[reader] = now

    def led(self, reader: str, partition: int, offset: int, epoch: int) -> None:
        """A reader was given an offset that was appended under a leader epoch."""
        notes = self._partitions[partition]
        known = notes.epochs.setdefault(offset, epoch)
        if known != epoch:
            notes.complaints.append((Anomaly.TWO_EPOCHS, f"{reader} was given {offset} of epoch {epoch}, which was of epoch {known} before"))

    def appended(self, who: str, partition: int, offset: int, epoch: int, record: Record) -> None:
        """A record was appended at an offset under a leader epoch, whether it was committed or not: no other may ever be there under this epoch."""
        notes = self._partitions[partition]
        known = notes.appended.setdefault((offset, epoch), record)
        if known != record:
            what = f"at {offset} of epoch {epoch} there was {_name(known)}, {who} has {_name(record)}"
            notes.complaints.append((Anomaly.INCONSISTENT_OFFSET, what))

    def forgotten(self, partition: int, offset: int) -> None:
        """Somebody asked for records below this offset to be removed: they may be there or not."""
        notes = self._partitions[partition]
        notes.forgotten = max(notes.forgotten, offset)

    def read_all(self, reader: str) -> None:
        """This reader began at the beginning and came to the end of every partition, after everything else had happened."""
        self._complete.add(reader)

    # -- reading them -------------------------------------------------------------------------------------------------

    @property
    def acknowledgements(self) -> int:
        """How many records were acknowledged."""
        return sum(len(notes.acknowledged) for notes in tuple(self._partitions.values()))

    def acknowledged_end(self, partition: int) -> int:
        """One past the last offset that was acknowledged."""
        return max(self._partitions[partition].acknowledged.values(), default=-1) + 1

    def end(self, partition: int) -> int:
        """One past the last offset that a reader was given."""
        polls = self._partitions[partition].polls.values()
        return max((offset + 1 for each in polls for offset, _ in each), default=0)

    def records(self, partition: int) -> dict[int, Record]:
        """What readers were given, by offset."""
        return {offset: record for polls in self._partitions[partition].polls.values() for offset, record in polls}

    def begins(self, partition: int) -> int:
        """From where on somebody has read everything. Where nothing was left to read, that is behind all that was removed."""
        notes = self._partitions[partition]
        behind = max(self.end(partition), notes.forgotten)
        return max((notes.polls[reader][0][0] if notes.polls.get(reader) else behind for reader in self._complete), default=1 << 62)

    def findings(self, ended: bool = True) -> Iterator[Finding]:
        """Everything that must not be.

        :param ended: False for a topic that is gone, which nobody can read to its end.
        :raises ValueError: no reader read all, so that nothing could be found to be lost.
        """
        if ended and not self._complete:
            raise ValueError("a history is judged after a reader has read everything: call read_all()")
        for partition, notes in sorted(self._partitions.items()):
            for anomaly, detail in _Judge(notes, self._complete, self._promises).all():
                yield Finding(anomaly, partition, detail)


def anomalies(history: History) -> list[Finding]:
    """All that is wrong in a history; an empty list is what one hopes for."""
    return list(history.findings())


Complaint = tuple[Anomaly, str]


class _Judge:
    """Looks at one partition."""

    def __init__(self, notes: _Notes, complete: Iterable[str], promises: Mapping[str, Promise]) -> None:
        self._notes = notes
        self._complete = sorted(complete)
        self._promises = promises
        self._known: dict[int, Record] = {}

    def all(self) -> Iterator[Complaint]:
        """Every complaint; offsets first, for what is skipped is told by what others know."""
        yield from self._notes.complaints
        yield from self._offsets()
        yield from self._sends()
        yield from self._epochs()
        for reader, polls in sorted(self._notes.polls.items()):
            yield from self._poll(reader, polls)
        for reader in self._complete:
            yield from self._whole(reader, self._notes.polls.get(reader, []))

    def _offsets(self) -> Iterator[Complaint]:
        """What stands at each offset, as anybody knows it."""
        known = self._known
        said_by: dict[int, str] = {}
        for who, offset, record in self._statements():
            before = known.setdefault(offset, record)
            first = said_by.setdefault(offset, who)
            if before != record:
                yield Anomaly.INCONSISTENT_OFFSET, f"at {offset} {first} has {_name(before)}, {who} has {_name(record)}"

    def _statements(self) -> Iterator[tuple[str, int, Record]]:
        for record, offset in self._notes.acknowledged.items():
            if offset >= 0:
                yield "an acknowledgement", offset, record
        for reader, polls in sorted(self._notes.polls.items()):
            for offset, record in polls:
                yield reader, offset, record

    def _sends(self) -> Iterator[Complaint]:
        """Offsets of a producer's acknowledgements grow with the numbers of its records."""
        last: dict[str, tuple[int, Record]] = {}
        for record, offset in sorted(self._notes.acknowledged.items()):
            if offset < 0 or not self._promise(record).ordered:
                continue
            before = last.get(record.producer)
            if before is not None and offset <= before[0]:
                yield Anomaly.NON_MONOTONIC_SEND, f"{_name(before[1])} was acknowledged at {before[0]}, {_name(record)} at {offset}"
            last[record.producer] = (offset, record)

    def _epochs(self) -> Iterator[Complaint]:
        """Leader epochs only grow with offsets."""
        last = (-1, -1)
        for offset, epoch in sorted(self._notes.epochs.items()):
            if epoch < last[1]:
                yield Anomaly.TWO_EPOCHS, f"{offset} is of epoch {epoch}, {last[0]} before it of {last[1]}"
            last = (offset, epoch)

    def _poll(self, reader: str, polls: Sequence[tuple[int, Record]]) -> Iterator[Complaint]:
        """One reader's way."""
        offsets = sorted(self._known)
        last = -1
        for offset, record in polls:
            if record not in self._notes.sent:
                yield Anomaly.UNSENT, f"{reader} was given {_name(record)} at {offset}"
            if offset <= last:
                yield Anomaly.NON_MONOTONIC_POLL, f"{reader} was given {offset} after {last}"
            elif last >= 0 and offset > last + 1:
                between = bisect_right(offsets, last)
                if offsets[between] < offset:
                    yield Anomaly.SKIPPED, f"{reader} was given {offset} after {last}, {_name(self._known[offsets[between]])} is between"
            last = offset

    def _whole(self, reader: str, polls: Sequence[tuple[int, Record]]) -> Iterator[Complaint]:
        """What a reader of everything has, and how often, and in which order."""
        places: defaultdict[Record, list[int]] = defaultdict(list)
        for offset, record in polls:
            places[record].append(offset)
        for record in sorted(self._expected() - places.keys() - self._removed()):
            yield Anomaly.LOST, f"{_name(record)} {self._evidence(record)}, and {reader}, who read everything, does not have it"
        for record, offsets in sorted(places.items()):
            if len(offsets) > 1 and self._promise(record).once:
                yield Anomaly.DUPLICATE, f"{_name(record)} is at {', '.join(map(str, offsets))}"
        yield from self._order(places)

    def _expected(self) -> set[Record]:
        return {*self._notes.acknowledged, *(record for polls in self._notes.polls.values() for _, record in polls)}

    def _removed(self) -> set[Record]:
        """What may be gone because somebody asked for that; of an acknowledgement without an offset nobody knows."""
        forgotten = self._notes.forgotten
        if not forgotten:
            return set()
        unknown = {record for record, offset in self._notes.acknowledged.items() if offset < 0}
        return unknown | {record for record, offset in self._places() if offset < forgotten}

    def _places(self) -> Iterator[tuple[Record, int]]:
        for _, offset, record in self._statements():
            yield record, offset

    def _evidence(self, record: Record) -> str:
        if record in self._notes.acknowledged:
            return f"was acknowledged at {self._notes.acknowledged[record]}"
        who = next(reader for reader, polls in self._notes.polls.items() if any(record == polled for _, polled in polls))
        return f"was given to {who}"

    def _order(self, places: Mapping[Record, Sequence[int]]) -> Iterator[Complaint]:
        """Records by first place, each producer's numbers growing."""
        last: dict[str, tuple[int, Record]] = {}
        for record, offsets in sorted(places.items()):
            if not self._promise(record).ordered:
                continue
            first = min(offsets)
            before = last.get(record.producer)
            if before is not None and first < before[0]:
                yield Anomaly.REORDERED, f"{_name(record)} is at {first}, {_name(before[1])}, sent earlier, is at {before[0]}"
            last[record.producer] = (first, record)

    def _promise(self, record: Record) -> Promise:
        return self._promises.get(record.producer, IDEMPOTENT)


def _name(record: Record) -> str:
    return f"{record.producer}#{record.number}"
