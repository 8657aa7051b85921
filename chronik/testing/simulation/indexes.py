"""An index that keeps of each record where it is, and a digest of what was indexed: enough to tell whether it is the log's.

It keeps its shards in files, as any backend does, so that all that the search process does with directories happens. A process that is killed leaves
what was committed. That survives everything, also what the log loses: the worst that can happen to who indexes.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left, insort
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple
from zlib import crc32

from zope.interface import implementer

from chronik.search.interfaces import Bounds, Covered, Document, Found, ISearchBackend, ISearchStore, Marker, QueryError, Result, Sort, StoreDamaged
from chronik.search.query.ast import MatchAll, Query

DIGEST: Final = "digest"
"""Sort by it to be told of each hit what was indexed, in the order of offsets; see :func:`digest_of`."""

_SUFFIX: Final = ".entries"


class Entry(NamedTuple):
    """A record, or a run of offsets that has none."""

    offset: int
    last: int
    epoch: int
    batch_offset: int
    position: int
    timestamp: int
    digest: int
    reason: str


def digest_of(offset: int, value: bytes | None) -> str:
    """What a hit of a search by :data:`DIGEST` is sorted by."""
    return _digest(offset, crc32(value or b""))


def _digest(offset: int, crc: int) -> str:
    return f"{offset:012d}-{crc:08x}"


_offset = itemgetter(0)

Place = tuple[int, int]
"""Topic and partition."""


@implementer(ISearchStore)
class EntryStore:
    """One index; each commit is a file of its own, which never changes."""

    def __init__(self, directory: str | None, writable: bool) -> None:
        self._directory = directory
        self._writable = writable
        self._entries: dict[Place, list[Entry]] = {}
        self._changes: list[list[Any]] = []
        self._files = 0
        self.size_bytes = 0
        if directory is not None:
            self._load(directory)

    def _load(self, directory: str) -> None:
        names = sorted(name for name in os.listdir(directory) if name.endswith(_SUFFIX))
        try:
            for name in names:
                with open(os.path.join(directory, name), encoding="ascii") as file:
                    for change in json.load(file):
                        self._apply(change)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise StoreDamaged(str(error)) from error
        self._files = int(names[-1].partition(".")[0]) if names else 0

    def add(self, documents: Sequence[Document | Marker]) -> None:
        """See :meth:`ISearchStore.add`."""
        for d in documents:
            if isinstance(d, Marker):
                entry = Entry(d.offset, d.last_offset, d.leader_epoch, d.offset, 0, 0, 0, d.reason)
            else:
                entry = Entry(d.offset, d.offset, d.leader_epoch, d.batch_offset, d.position, d.timestamp, crc32(d.value or b""), "")
            self._changes.append(["add", d.topic, d.partition, *entry])

    def commit(self) -> None:
        """See :meth:`ISearchStore.commit`."""
        changes, self._changes = self._changes, []
        if self._directory is not None and changes:
            self._files += 1
            with open(os.path.join(self._directory, f"{self._files:08d}{_SUFFIX}"), "w", encoding="ascii") as file:
                file.write(json.dumps(changes))
        for change in changes:
            self._apply(change)
        self.size_bytes = 100 * sum(map(len, self._entries.values()))

    def _apply(self, change: Sequence[Any]) -> None:
        kind, topic, partition, *rest = change
        entries = self._entries.setdefault((topic, partition), [])
        if kind == "add":
            entry = Entry(*rest)
            if entries and entries[-1].offset >= entry.offset:
                insort(entries, entry, key=_offset)
            else:
                entries.append(entry)
        elif kind == "from":
            del entries[bisect_left(entries, rest[0], key=_offset) :]
        else:
            entries[:] = [entry for entry in entries if entry.last >= rest[0]]

    def remove_from(self, topic: int, partition: int, offset: int) -> None:
        """See :meth:`ISearchStore.remove_from`."""
        self._changes.append(["from", topic, partition, offset])

    def remove_below(self, topic: int, partition: int, offset: int) -> None:
        """See :meth:`ISearchStore.remove_below`."""
        self._changes.append(["below", topic, partition, offset])

    def _within(self, bounds: Bounds) -> list[Entry]:
        entries = self._entries.get((bounds.topic, bounds.partition), [])
        first, last = (bisect_left(entries, offset, key=_offset) for offset in (bounds.start, bounds.end))
        return entries[first:last]

    def search(self, query: Query, within: Sequence[Bounds], sort: Sort, limit: int) -> Result:
        """See :meth:`ISearchStore.search`; everything, in descending order of digests."""
        if not isinstance(query, MatchAll) or sort.field != DIGEST or not sort.descending:
            raise QueryError("this index knows of nothing but digests")
        found: list[Found] = []
        total = 0
        for bounds in within:
            entries = [entry for entry in self._within(bounds) if not entry.reason]
            total += len(entries)
            found += [_found(bounds.topic, bounds.partition, entry) for entry in entries[-limit:]]
        found.sort(key=lambda each: str(each.sort_value), reverse=True)
        return Result(found[:limit], total)

    def count(self, query: Query, within: Sequence[Bounds]) -> int:
        """See :meth:`ISearchStore.count`."""
        return sum(not entry.reason for bounds in within for entry in self._within(bounds))

    def locate(self, topic: int, partition: int, offset: int) -> Found | None:
        """See :meth:`ISearchStore.locate`."""
        entries = [entry for entry in self._within(Bounds(topic, partition, offset, offset + 1)) if not entry.reason]
        return _found(topic, partition, entries[0]) if entries else None

    def covered(self, topic: int, partition: int, start: int, end: int) -> Covered:
        """See :meth:`ISearchStore.covered`."""
        mine = [entry for entry in self._entries.get((topic, partition), []) if entry.offset < end and entry.last >= start]
        skipped: dict[str, int] = {}
        for entry in mine:
            if entry.reason:
                skipped[entry.reason] = skipped.get(entry.reason, 0) + min(entry.last + 1, end) - max(entry.offset, start)
        last = (min(mine[-1].last, end - 1), mine[-1].epoch) if mine else (-1, -1)
        return Covered(sum(not entry.reason for entry in mine), skipped, *last)

    def paths(self) -> dict[str, frozenset[str]]:
        """See :meth:`ISearchStore.paths`."""
        return {}

    def close(self) -> None:
        """See :meth:`ISearchStore.close`."""
        self._changes.clear()


def _found(topic: int, partition: int, entry: Entry) -> Found:
    digest = _digest(entry.offset, entry.digest)
    return Found(topic, partition, entry.offset, entry.batch_offset, entry.position, entry.timestamp, digest)


@implementer(ISearchBackend)
class EntryIndexes:
    """Opens indexes of digests."""

    def open(self, directory: str | None, writable: bool, heap_bytes: int) -> EntryStore:
        """See :meth:`ISearchBackend.open`."""
        return EntryStore(directory, writable)
