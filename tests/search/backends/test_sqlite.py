"""What only the SQLite backend can get wrong."""

from __future__ import annotations

import sqlite3

from twisted.trial import unittest

from chronik.search.backends.sqlite import SqliteBackend
from chronik.search.backends.sqlite.compile import TERMS_MAX
from chronik.search.interfaces import QueryError, Sort
from chronik.search.query.ast import Bool, Query, Scored, Term, Terms
from chronik.testing.search_builders import EVERYTHING, documents

HEAP_BYTES = 15_000_000


class SqliteStoreTests(unittest.SynchronousTestCase):
    """SQLite's own limits."""

    def test_more_than_a_statement_takes(self) -> None:
        """A query of too many values, or too long, is refused as a query: the database is not damaged and answers the next."""
        store = SqliteBackend().open(None, True, HEAP_BYTES)
        self.addCleanup(store.close)
        store.add(documents({"n": "x0"}))
        store.commit()
        long = Terms("n.keyword", tuple(f"x{number}" for number in range(TERMS_MAX)))
        probe = sqlite3.connect(":memory:")
        self.addCleanup(probe.close)
        values_max = probe.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        many = Bool(filter=(long,) * (values_max // (2 * TERMS_MAX) + 1))
        error = self.assertRaises(QueryError, store.count, many, EVERYTHING)
        self.assertIn(str(values_max), error.reason)
        self.assertRaises(QueryError, store.search, many, EVERYTHING, Sort(), 10)
        # A value is compared at a place: two parameters. These conditions fit, but not together with its scores.
        scored: Query = Bool(filter=(long,) * (values_max // (4 * TERMS_MAX) + 1), should=(Scored(Term("n", "x0"), 2.0),))
        self.assertEqual(store.count(Bool(must=(scored,)), EVERYTHING), 1)
        self.assertRaises(QueryError, store.search, Bool(must=(scored,)), EVERYTHING, Sort("_score"), 10)
        self.assertEqual(store.count(Term("n", "x0"), EVERYTHING), 1)
