"""Search switched off: stores nothing and says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zope.interface import implementer

from chronik.search.interfaces import Bounds, Covered, Document, Found, ISearchBackend, ISearchStore, Marker, QueryError, Result, Sort
from chronik.search.query.ast import Query


@implementer(ISearchBackend)
class NoneBackend:
    """Opens stores that keep nothing."""

    def open(self, directory: str | None, writable: bool, heap_bytes: int) -> NoneStore:
        """See :meth:`ISearchBackend.open`; no directory is made."""
        return NoneStore()


@implementer(ISearchStore)
class NoneStore:
    """Keeps nothing, refuses every search."""

    size_bytes = 0

    def add(self, documents: Sequence[Document | Marker]) -> None:
        """See :meth:`ISearchStore.add`; they are forgotten."""

    def commit(self) -> None:
        """See :meth:`ISearchStore.commit`; there is nothing to commit."""

    def remove_from(self, topic: int, partition: int, offset: int) -> None:
        """See :meth:`ISearchStore.remove_from`; there is nothing to remove."""

    def remove_below(self, topic: int, partition: int, offset: int) -> None:
        """See :meth:`ISearchStore.remove_below`; there is nothing to remove."""

    def search(self, query: Query, within: Sequence[Bounds], sort: Sort, limit: int) -> Result:
        """See :meth:`ISearchStore.search`.

        :raises QueryError: always.
        """
        raise _off()

    def count(self, query: Query, within: Sequence[Bounds]) -> int:
        """See :meth:`ISearchStore.count`.

        :raises QueryError: always.
        """
        raise _off()

    def locate(self, topic: int, partition: int, offset: int) -> Found | None:
        """See :meth:`ISearchStore.locate`; nothing is here."""
        return None

    def covered(self, topic: int, partition: int, start: int, end: int) -> Covered:
        """See :meth:`ISearchStore.covered`; nothing is."""
        return Covered(0)

    def paths(self) -> Mapping[str, frozenset[str]]:
        """See :meth:`ISearchStore.paths`; there are none."""
        return {}

    def close(self) -> None:
        """See :meth:`ISearchStore.close`; nothing is open."""


def _off() -> QueryError:
    return QueryError("search is off on this broker: its index backend is [none]; set search.backend=tantivy to search", "illegal_argument_exception")
