"""The index seam: where a search process keeps what it indexed, and how it is asked.

All calls block and are made from the search process's own threads, never from the broker's reactor. One store is one directory (a shard) or lives in
memory (the tail). A store never keeps keys or values themselves unless its backend needs to: hits are positions in the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from chronik.search.query.ast import Query


@dataclass(frozen=True, slots=True)
class Document:
    """One record to be found.

    :ivar topic: number of its topic within this process (documents of a shared tail belong to many topics).
    :ivar batch_offset: base offset of its batch.
    :ivar position: how many records of the batch come before it.
    :ivar timestamp: ms.
    :ivar headers: names and values, in order.
    :ivar mode: ``text`` or ``json``, the topic's ``search.mode``.
    :ivar fast: the topic's ``search.fast``.
    """

    topic: int
    partition: int
    offset: int
    leader_epoch: int
    batch_offset: int
    position: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    mode: str = "json"
    fast: bool = True


@dataclass(frozen=True, slots=True)
class Marker:
    """Stands for a run of offsets that yields no document: ``offset`` to ``last_offset``, both included.

    :ivar reason: ``control``, ``aborted``, ``undecodable``, ``compacted`` or ``damaged``.
    """

    topic: int
    partition: int
    offset: int
    last_offset: int
    leader_epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which documents of one partition a search may see: ``start`` <= offset < ``end``."""

    topic: int
    partition: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sort:
    """Order of hits: `field` is a query field name, `timestamp`, `offset` or `_score`; ties: timestamp desc, topic, partition, offset desc."""

    field: str = "timestamp"
    descending: bool = True
    missing_last: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """One hit: where its record is.

    :ivar sort_value: what it was sorted by; None when its document lacks the field.
    :ivar score: the sum over the clauses that match, 0.0 when the order is not by score.
    """

    topic: int
    partition: int
    offset: int
    batch_offset: int
    position: int
    timestamp: int
    sort_value: int | float | str | bool | None
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """Answer of one store. ``total`` counts every match exactly."""

    hits: Sequence[Found]
    total: int


@dataclass(frozen=True, slots=True)
class Covered:
    """What a store holds of one partition.

    :ivar documents: records indexed.
    :ivar skipped: offsets covered by markers, by reason.
    :ivar last_offset: largest offset indexed or covered, -1 for none.
    :ivar last_epoch: leader epoch of that offset.
    """

    documents: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    last_offset: int = -1
    last_epoch: int = -1


class ISearchStore(Interface):
    """One index. One thread writes; searches may run in others at the same time and see the last commit."""

    size_bytes = Attribute("""Bytes it takes on disk or in memory, as of the last commit.""")

    def add(documents: Sequence[Document | Marker]) -> None:
        """Take documents in. Not seen by searches before :meth:`commit`.

        A value that cannot be understood as its mode says is indexed as text or by its metadata alone; it never fails the call.
        """

    def commit() -> None:
        """Make everything added visible to later searches, and on disk durable."""

    def remove_from(topic: int, partition: int, offset: int) -> None:
        """Drop documents and markers of a partition at and above ``offset``; visible after the next commit."""

    def remove_below(topic: int, partition: int, offset: int) -> None:
        """Drop documents and markers of a partition wholly below ``offset``; visible after the next commit."""

    def search(query: Query, within: Sequence[Bounds], sort: Sort, limit: int) -> Result:
        """The first ``limit`` matches inside the bounds, in order, and how many there are in all. ``limit`` may be 0.

        By score, each clause of ``must`` and ``should`` that matches adds what :class:`~chronik.search.query.ast.Scored` says, else 1; ``filter``
        and ``must_not`` add nothing. What a store holds besides never changes a score.

        :raises QueryError: the query cannot be answered by this backend; says what and why.
        """

    def count(query: Query, within: Sequence[Bounds]) -> int:
        """How many match."""

    def locate(topic: int, partition: int, offset: int) -> Found | None:
        """Where the record of an offset is, None when it is not here."""

    def covered(topic: int, partition: int, start: int, end: int) -> Covered:
        """What it holds of a partition between ``start`` (included) and ``end``; exact, asked of the index itself."""

    def paths() -> Mapping[str, frozenset[str]]:
        """JSON paths seen (``value.level``) and their kinds: ``text``, ``long``, ``double``, ``boolean``, ``date``."""

    def close() -> None:
        """Finish what runs and release everything; uncommitted documents are lost."""


class ISearchBackend(Interface):
    """Opens stores."""

    def open(directory: str | None, writable: bool, heap_bytes: int) -> ISearchStore:
        """Open or create the store of a directory; None for one in memory.

        :param heap_bytes: how much memory indexing may take.
        :raises StoreDamaged: its files cannot be read; remove the directory and index anew.
        :raises BlockingIOError: another process writes to it; its files are well.
        """


class StoreDamaged(Exception):
    """An index cannot be trusted or read any more; it is dropped and rebuilt from the log."""


class QueryError(Exception):
    """A search that cannot be answered.

    :ivar kind: Elasticsearch's exception type, ``parsing_exception``, ``illegal_argument_exception``, …
    :ivar status: the HTTP status, 400 unless said.
    """

    def __init__(self, reason: str, kind: str = "parsing_exception", status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.status = status
