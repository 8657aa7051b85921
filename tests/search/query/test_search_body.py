"""Whole search bodies and the parameters of a URL."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from chronik.search.interfaces import QueryError, Sort
from chronik.search.query.ast import MatchAll, Phrase, Term
from chronik.search.query.search_body import NEWEST, OLDEST, SearchRequest, SourceFilter, parse_search_body, parse_sort, parse_source, with_params


class SearchBodyTests(unittest.SynchronousTestCase):
    """Bodies."""

    def test_defaults(self) -> None:
        """An empty body finds everything, ten hits, newest first, with an exact total."""
        self.assertEqual(parse_search_body({}), SearchRequest(MatchAll(), 0, 10, NEWEST, True, SourceFilter()))
        self.assertEqual(parse_search_body(None), SearchRequest())

    def test_everything_said(self) -> None:
        """All keys together."""
        body = {
            "query": {"term": {"f": 1}},
            "from": 5,
            "size": 0,
            "sort": [{"n": {"order": "desc"}}],
            "track_total_hits": 100,
            "_source": ["value.*"],
        }
        self.assertEqual(parse_search_body(body), SearchRequest(Term("f", 1), 5, 0, Sort("n", True), 100, SourceFilter(True, ("value.*",))))

    def test_unknown_keys(self) -> None:
        """Any other key is refused by name."""
        for key in ("aggs", "highlight", "search_after", "fields", "query2"):
            error = self.assertRaises(QueryError, parse_search_body, {key: {}})
            self.assertIn(f"[{key}]", error.reason)
            self.assertIn("track_total_hits", error.reason)

    def test_window(self) -> None:
        """from + size is bounded, in Elasticsearch's words."""
        self.assertEqual(parse_search_body({"from": 9_990, "size": 10}).offset, 9_990)
        error = self.assertRaises(QueryError, parse_search_body, {"from": 9_991, "size": 10})
        self.assertEqual(error.kind, "illegal_argument_exception")
        self.assertIn("Result window is too large, from + size must be less than or equal to: [10000] but was [10001]", error.reason)

    def test_wrong_values(self) -> None:
        """Wrong types are refused."""
        bodies: list[Any] = [
            [],
            "x",
            {"from": -1},
            {"size": "a"},
            {"size": True},
            {"size": 1.5},
            {"track_total_hits": "some"},
            {"track_total_hits": -2},
            {"_source": 5},
        ]
        for body in bodies:
            self.assertRaises(QueryError, parse_search_body, body)

    def test_sorts(self) -> None:
        """Words, names, objects and lists of one."""
        for value, wanted in (
            ("newest", NEWEST),
            ("oldest", OLDEST),
            ("n", Sort("n", False)),
            ("_score", Sort("_score", True)),
            ({"n": "desc"}, Sort("n", True)),
            ([{"@timestamp": {"order": "desc"}}], NEWEST),
            ({"n": {"order": "asc", "missing": "_first"}}, Sort("n", False, False)),
            ("_doc", NEWEST),
        ):
            self.assertEqual(parse_sort(value), wanted, value)
        for value in (["a", "b"], [], 5, {"a": 1}, {"a": {"mode": "max"}}, {"a": "up"}, {"a": {"missing": 0}}, {"a": "asc", "b": "asc"}):
            self.assertRaises(QueryError, parse_sort, value)

    def test_source(self) -> None:
        """Booleans, patterns, includes and excludes."""
        self.assertEqual(parse_source(False), SourceFilter(False))
        self.assertEqual(parse_source("a.*"), SourceFilter(True, ("a.*",)))
        self.assertEqual(parse_source({"includes": ["a"], "excludes": "b"}), SourceFilter(True, ("a",), ("b",)))
        self.assertRaises(QueryError, parse_source, {"only": ["a"]})
        self.assertRaises(QueryError, parse_source, [1])

    def test_url_parameters(self) -> None:
        """They count more than the body."""
        params = {"q": "f:x", "from": "3", "size": "4", "sort": "n:desc", "track_total_hits": "false", "_source_includes": "a,b", "other": "x"}
        request = with_params(parse_search_body({"size": 1}), params)
        self.assertEqual(request, SearchRequest(Phrase("f", "x"), 3, 4, Sort("n", True), False, SourceFilter(True, ("a", "b"))))
        self.assertEqual(with_params(SearchRequest(), {"sort": "newest"}).sort, NEWEST)
        self.assertEqual(with_params(SearchRequest(), {"_source": "false"}).source, SourceFilter(False))
        for order in ("n:up", "_score:asc", "n:"):
            self.assertRaises(QueryError, with_params, SearchRequest(), {"sort": order})
        for bad in ({"size": "x"}, {"size": "10001"}, {"sort": "a,b"}, {"q": "("}, {"from": "-1"}):
            self.assertRaises(QueryError, with_params, SearchRequest(), bad)
