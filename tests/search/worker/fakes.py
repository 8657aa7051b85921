"""Fakes for the search process: an index that is a list, a broker that is a dictionary, threads that are calls."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.search.interfaces import Bounds, Covered, Document, Found, ISearchBackend, ISearchStore, Marker, QueryError, Result, Sort, StoreDamaged
from chronik.search.query.ast import Bool, Match, MatchAll, Query, Scored
from chronik.search.worker.source import Fetched, IRecordSource, Want

T = TypeVar("T")


def call_at_once(function: Callable[..., T], *args: Any) -> Deferred[T]:
    """A thread that is done before it is begun."""
    return maybeDeferred(function, *args)


@implementer(ISearchStore)
class ListStore:
    """Documents in a list; a directory's store keeps committed ones in a JSON file, whose damage is noticed when it is opened."""

    def __init__(self, directory: str | None) -> None:
        self._path = None if directory is None else os.path.join(directory, "documents.json")
        self._adding: list[Any] = []
        self._seen: list[Any] = self._load()
        self.commits = 0
        self.closed = False
        self.size_bytes = 0
        self.failure: Exception | None = None

    def _load(self) -> list[Any]:
        if self._path is None or not os.path.exists(self._path):
            return []
        try:
            with open(self._path, encoding="latin-1") as file:
                rows = json.load(file)
        except ValueError as error:
            raise StoreDamaged(str(error)) from error
        return [_read_row(row) for row in rows]

    def add(self, documents: Sequence[Document | Marker]) -> None:
        """See :class:`ISearchStore`."""
        self._fail()
        self._adding.extend(("add", d) for d in documents)

    def commit(self) -> None:
        """See :class:`ISearchStore`."""
        self._fail()
        seen = list(self._seen)
        for action, what in self._adding:
            seen = [*seen, what] if action == "add" else [d for d in seen if not what(d)]
        self._seen, self._adding = seen, []
        self.size_bytes = 10 * len(seen)
        self.commits += 1
        if self._path is not None:
            with open(self._path, "w", encoding="latin-1") as file:
                json.dump([_write_row(d) for d in seen], file)

    def remove_from(self, topic: int, partition: int, offset: int) -> None:
        """See :class:`ISearchStore`."""
        self._adding.append(("remove", lambda d: (d.topic, d.partition) == (topic, partition) and d.offset >= offset))

    def remove_below(self, topic: int, partition: int, offset: int) -> None:
        """See :class:`ISearchStore`."""
        self._adding.append(("remove", lambda d: (d.topic, d.partition) == (topic, partition) and _last(d) < offset))

    def search(self, query: Query, within: Sequence[Bounds], sort: Sort, limit: int) -> Result:
        """See :class:`ISearchStore`."""
        self._fail()
        found = [d for d in self._seen if isinstance(d, Document) and _inside(d, within) and _matches(d, query)]
        found.sort(key=lambda d: (d.topic, d.partition, -d.offset))
        found.sort(key=lambda d: d.timestamp, reverse=sort.descending)
        if sort.field == "_score":
            return Result([replace(_found(d), score=_score(d, query)) for d in found[:limit]], len(found))
        return Result([_found(d) for d in found[:limit]], len(found))

    def count(self, query: Query, within: Sequence[Bounds]) -> int:
        """See :class:`ISearchStore`."""
        return self.search(query, within, Sort(), 0).total

    def locate(self, topic: int, partition: int, offset: int) -> Found | None:
        """See :class:`ISearchStore`."""
        found = [d for d in self._seen if isinstance(d, Document) and (d.topic, d.partition, d.offset) == (topic, partition, offset)]
        return _found(found[0]) if found else None

    def covered(self, topic: int, partition: int, start: int, end: int) -> Covered:
        """See :class:`ISearchStore`."""
        mine = [d for d in self._seen if (d.topic, d.partition) == (topic, partition) and d.offset < end and _last(d) >= start]
        skipped: dict[str, int] = {}
        for d in mine:
            if isinstance(d, Marker):
                skipped[d.reason] = skipped.get(d.reason, 0) + min(d.last_offset + 1, end) - max(d.offset, start)
        last = max(mine, key=_last, default=None)
        documents = sum(isinstance(d, Document) for d in mine)
        return Covered(documents, skipped, *((-1, -1) if last is None else (min(_last(last), end - 1), last.leader_epoch)))

    def paths(self) -> dict[str, frozenset[str]]:
        """See :class:`ISearchStore`."""
        return {}

    def close(self) -> None:
        """See :class:`ISearchStore`."""
        self.closed = True

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@implementer(ISearchBackend)
class ListBackend:
    """Opens list stores and remembers them."""

    def __init__(self) -> None:
        self.stores: list[ListStore] = []
        self.directories: list[str | None] = []

    def open(self, directory: str | None, writable: bool, heap_bytes: int) -> ListStore:
        """See :class:`ISearchBackend`."""
        store = ListStore(directory)
        self.stores.append(store)
        self.directories.append(directory)
        return store


@implementer(IRecordSource)
class FakeLog:
    """Partitions by topic id and number, as lists of whole batches: ``(base offset, last offset, bytes)``.

    :ivar damaged: offsets that are not served, the second one excluded.
    """

    def __init__(self) -> None:
        self.batches: dict[tuple[TopicId, int], list[tuple[int, int, bytes]]] = {}
        self.aborted: dict[tuple[TopicId, int], list[tuple[int, int]]] = {}
        self.starts: dict[tuple[TopicId, int], int] = {}
        self.stables: dict[tuple[TopicId, int], int] = {}
        self.errors: dict[tuple[TopicId, int], ErrorCode] = {}
        self.damaged = (0, 0)
        self.wanted: list[Want] = []

    def fetch(self, wants: Sequence[Want], bytes_max: int) -> Deferred[Sequence[Fetched]]:
        """See :class:`IRecordSource`."""
        self.wanted.extend(wants)
        return maybeDeferred(lambda: [self.fetched(w, bytes_max) for w in wants])

    def fetched(self, want: Want, bytes_max: int) -> Fetched:
        """One answer."""
        key = want.topic_id, want.partition
        batches = self.batches.get(key, [])
        end = batches[-1][1] + 1 if batches else 0
        start = self.starts.get(key, 0)
        error = self.errors.get(key, ErrorCode.NONE)
        if not start <= want.offset <= end and error is ErrorCode.NONE:
            error = ErrorCode.OFFSET_OUT_OF_RANGE
        if self.damaged[0] <= want.offset < self.damaged[1]:
            error = ErrorCode.CORRUPT_MESSAGE
        records, limit = b"", min(want.bytes_max, bytes_max)
        stable = self.stables.get(key, end)
        for base, last, data in batches if error is ErrorCode.NONE else ():
            if base >= stable or (want.offset <= base and self.damaged[0] <= base < self.damaged[1]):
                break
            if last >= want.offset and (not records or len(records) + len(data) <= limit):
                records += data
            elif records:
                break
        return Fetched(want, error, start, stable, end, records, self.aborted.get(key, ()))


def _last(d: Document | Marker) -> int:
    return d.last_offset if isinstance(d, Marker) else d.offset


def _inside(d: Document, within: Sequence[Bounds]) -> bool:
    return any((b.topic, b.partition) == (d.topic, d.partition) and b.start <= d.offset < b.end for b in within)


def _matches(d: Document, query: Query) -> bool:
    if isinstance(query, MatchAll):
        return True
    if isinstance(query, Scored):
        return _matches(d, query.query)
    if isinstance(query, Bool):
        return all(_matches(d, q) for q in (*query.must, *query.filter))
    if isinstance(query, Match):
        return query.text.encode() in (d.value or b"")
    raise QueryError(f"a list cannot answer {query}")


def _score(d: Document, query: Query) -> float:
    if isinstance(query, Bool):
        return sum(_score(d, q) for q in (*query.must, *query.should) if _matches(d, q))
    return query.score if isinstance(query, Scored) else 1.0


def _found(d: Document) -> Found:
    return Found(d.topic, d.partition, d.offset, d.batch_offset, d.position, d.timestamp, d.timestamp)


def _write_row(d: Document | Marker) -> list[Any]:
    row = [v.decode("latin-1") if isinstance(v, bytes) else v for v in astuple(d)]
    return [type(d).__name__, *row]


def _read_row(row: list[Any]) -> Document | Marker:
    if row[0] == "Marker":
        return Marker(*row[1:])
    key, value = (None if v is None else v.encode("latin-1") for v in row[8:10])
    return Document(*row[1:8], key, value, (), *row[11:])
