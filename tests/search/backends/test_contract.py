"""Both backends keep the contract of the index seam."""

from __future__ import annotations

from twisted.trial import unittest

from chronik.search.backends.none import NoneBackend
from chronik.search.backends.sqlite import SqliteBackend
from chronik.search.backends.tantivy import TantivyBackend
from chronik.search.interfaces import Covered, ISearchBackend, QueryError, Sort
from chronik.search.query.ast import MatchAll
from chronik.testing.search_builders import EVERYTHING, documents
from chronik.testing.search_contract import SearchStoreContract


class TantivyContractTests(SearchStoreContract, unittest.SynchronousTestCase):
    """The default backend."""

    def make_backend(self) -> ISearchBackend:
        """See :meth:`SearchStoreContract.make_backend`."""
        return TantivyBackend()


class SqliteContractTests(SearchStoreContract, unittest.SynchronousTestCase):
    """The backend that needs nothing."""

    def make_backend(self) -> ISearchBackend:
        """See :meth:`SearchStoreContract.make_backend`."""
        return SqliteBackend()


class NoneBackendTests(unittest.SynchronousTestCase):
    """Search switched off."""

    def test_refuses_and_keeps_nothing(self) -> None:
        """Every search is refused, saying what to do; nothing is covered."""
        store = NoneBackend().open(None, True, 0)
        store.add(documents({"a": 1}))
        store.commit()
        self.assertEqual(store.covered(1, 0, 0, 10), Covered(0))
        error = self.assertRaises(QueryError, store.search, MatchAll(), EVERYTHING, Sort(), 10)
        self.assertIn("search is off", error.reason)
        self.assertRaises(QueryError, store.count, MatchAll(), EVERYTHING)
