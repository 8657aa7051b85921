"""What the contract of index backends is written with: stores that are closed again, and what is found in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chronik.search.interfaces import Document, ISearchBackend, ISearchStore, Marker, Sort
from chronik.search.query.ast import Query
from chronik.search.query.dsl import parse_query
from chronik.search.query.querystring import parse_query_string
from chronik.testing.search_builders import EVERYTHING

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as _Case
else:
    _Case = object

HEAP_BYTES = 15_000_000
OLDEST_OFFSET = Sort("offset", False)


class SearchStoreCase(_Case):
    """Stores of one backend."""

    def make_backend(self) -> ISearchBackend:
        """The backend under test."""
        raise NotImplementedError

    def open(self, directory: str | None = None, writable: bool = True) -> ISearchStore:
        """A store, closed when the test ends."""
        store = self.make_backend().open(directory, writable, HEAP_BYTES)
        self.addCleanup(store.close)
        return store

    def holding(self, *items: Document | Marker) -> ISearchStore:
        """A store in memory with these items, committed."""
        store = self.open()
        store.add(items)
        store.commit()
        return store

    def found(self, store: ISearchStore, query: Query | str | dict[str, Any], sort: Sort = OLDEST_OFFSET) -> list[int]:
        """Offsets of the matches, in order; checks that the total and the count agree."""
        if isinstance(query, str):
            query = parse_query_string(query)
        elif isinstance(query, dict):
            query = parse_query(query)
        result = store.search(query, EVERYTHING, sort, 1_000)
        offsets = [hit.offset for hit in result.hits]
        self.assertEqual((len(offsets), len(offsets)), (result.total, store.count(query, EVERYTHING)))
        return offsets
