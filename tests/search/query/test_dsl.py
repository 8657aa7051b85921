"""Elasticsearch's query bodies."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from chronik.search.interfaces import QueryError
from chronik.search.query.ast import Bool, Boost, Exists, Match, MatchAll, MatchNone, Phrase, Prefix, Query, Range, Term, Terms, Wildcard
from chronik.search.query.dsl import parse_query
from chronik.search.query.limits import CLAUSES_MAX, DEPTH_MAX, TERMS_MAX

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(("query", "value", "f", "boost", "must", "should", "gte")), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = (
    "match",
    "match_all",
    "match_phrase",
    "multi_match",
    "term",
    "terms",
    "range",
    "exists",
    "prefix",
    "wildcard",
    "ids",
    "bool",
    "query_string",
    "constant_score",
)


class DslTests(unittest.SynchronousTestCase):
    """Bodies and their trees."""

    def check(self, body: dict[str, Any], wanted: Query) -> None:
        """Parse and compare."""
        self.assertEqual(parse_query(body), wanted, body)

    def refused(self, body: Any, *names: str) -> None:
        """The body is refused, and the refusal names these."""
        error = self.assertRaises(QueryError, parse_query, body)
        for name in names:
            self.assertIn(name, error.reason, body)
        self.assertEqual(error.status, 400)

    def test_leaves(self) -> None:
        """Each query in its short and long form."""
        self.check({"match_all": {}}, MatchAll())
        self.check({"match_all": {"boost": 2}}, Boost(MatchAll(), 2.0))
        self.check({"match_none": {}}, MatchNone())
        self.check({"match": {"m": "a b"}}, Match("m", "a b"))
        self.check({"match": {"m": {"query": "a b", "operator": "AND", "boost": 3}}}, Boost(Match("m", "a b", "and"), 3.0))
        self.check({"match": {"n": 5}}, Match("n", "5"))
        self.check({"match": {"n": True}}, Match("n", "true"))
        self.check({"match_phrase": {"m": {"query": "a b", "slop": 2}}}, Phrase("m", "a b", 2))
        self.check({"match_phrase_prefix": {"m": "a b"}}, Phrase("m", "a b", prefix=True))
        self.check({"term": {"f": 5}}, Term("f", 5))
        self.check({"term": {"f": {"value": "x", "boost": 1.0}}}, Term("f", "x"))
        self.check({"terms": {"f": ["a", 1, True]}}, Terms("f", ("a", 1, True)))
        self.check({"range": {"f": {"gte": 1, "lt": "2026-01-01"}}}, Range("f", gte=1, lt="2026-01-01"))
        self.check({"range": {"f": {}}}, Exists("f"))
        self.check({"exists": {"field": "f"}}, Exists("f"))
        self.check({"prefix": {"f": "ab"}}, Prefix("f", "ab"))
        self.check({"wildcard": {"f": {"value": "a*b"}}}, Wildcard("f", "a*b"))
        self.check({"wildcard": {"f": {"wildcard": "a?"}}}, Wildcard("f", "a?"))
        self.check({"query_string": {"query": "f:x", "default_operator": "AND"}}, Phrase("f", "x"))
        self.check({"constant_score": {"filter": {"term": {"f": 1}}}}, Bool(must=(MatchAll(),), filter=(Term("f", 1),)))

    def test_a_field_named_boost(self) -> None:
        """An object under ``boost`` is a field, a number is the boost."""
        self.check({"match": {"boost": {"query": "x"}}}, Match("boost", "x"))
        self.check({"match": {"f": "x", "boost": 2}}, Boost(Match("f", "x"), 2.0))

    def test_multi_match(self) -> None:
        """Any of several fields; boosts after a caret."""
        self.check(
            {"multi_match": {"query": "x", "fields": ["a", "b^2"]}},
            Bool(should=(Match("a", "x"), Boost(Match("b", "x"), 2.0)), minimum_should_match=1),
        )
        self.check({"multi_match": {"query": "x y", "type": "phrase", "fields": ["a"]}}, Bool(should=(Phrase("a", "x y"),), minimum_should_match=1))
        self.refused({"multi_match": {"query": "x", "type": "cross_fields"}}, "cross_fields")

    def test_ids(self) -> None:
        """An id is topic, partition and offset; topics may hold dots."""
        one = Bool(filter=(Term("topic", "my.topic"), Term("partition", 2), Term("offset", 77)))
        self.check({"ids": {"values": ["my.topic:2:77"]}}, Bool(should=(one,), minimum_should_match=1))
        self.check({"ids": {"values": []}}, MatchNone())
        for bad in ("77", "t:1", "t:-1:2", "t:a:b", 5):
            self.refused({"ids": {"values": [bad]}}, "topic:partition:offset")

    def test_bool(self) -> None:
        """must is never flattened to should; one object or a list; should is needed when nothing else is asked."""
        a, b = {"term": {"f": "a"}}, {"term": {"f": "b"}}
        ta, tb = Term("f", "a"), Term("f", "b")
        self.check({"bool": {"must": [a, b]}}, Bool(must=(ta, tb)))
        self.check({"bool": {"must": a, "must_not": b}}, Bool(must=(ta,), must_not=(tb,)))
        self.check({"bool": {"should": [a, b]}}, Bool(should=(ta, tb), minimum_should_match=1))
        self.check({"bool": {"filter": a, "should": [b]}}, Bool(filter=(ta,), should=(tb,), minimum_should_match=0))
        self.check({"bool": {"should": [a, b], "must_not": a}}, Bool(should=(ta, tb), must_not=(ta,), minimum_should_match=1))
        self.check({"bool": {}}, MatchAll())

    def test_minimum_should_match(self) -> None:
        """Numbers and percentages, from either end."""
        clauses = [{"term": {"f": n}} for n in range(4)]
        for given_, wanted in ((2, 2), ("3", 3), (-1, 3), ("50%", 2), ("-25%", 3), ("30%", 1), (0, 1), ("10%", 1), (-4, 1), (9, 9)):
            query = parse_query({"bool": {"should": clauses, "minimum_should_match": given_}})
            assert isinstance(query, Bool)
            self.assertEqual(query.minimum_should_match, wanted, given_)
        self.check({"bool": {"must": {"term": {"f": 1}}, "should": [], "minimum_should_match": 0}}, Bool(must=(Term("f", 1),)))
        self.refused({"bool": {"should": clauses, "minimum_should_match": "2<75%"}}, "minimum_should_match")

    def test_refused_by_name(self) -> None:
        """Unknown queries and unknown parameters of known ones."""
        self.refused({"fuzzy": {"f": "x"}}, "[fuzzy]", "match_all")
        self.refused({"match": {"f": {"query": "x", "fuzziness": "AUTO"}}}, "[match]", "[fuzziness]", "operator")
        self.refused({"term": {"f": {"value": "x", "case_insensitive": True}}}, "[case_insensitive]")
        self.refused({"range": {"f": {"gte": 1, "time_zone": "+01:00"}}}, "[time_zone]")
        self.refused({"range": {"f": {"gte": "now-1h"}}}, "now-1h")
        self.refused({"range": {"f": {"gte": 1, "format": "dd/MM/yyyy"}}}, "dd/MM/yyyy")
        self.refused({"bool": {"musty": []}}, "[musty]", "must_not")
        self.refused({"query_string": {"query": "a", "analyze_wildcard": True}}, "[analyze_wildcard]")
        self.refused({"match_all": {"x": 1}}, "[x]")
        self.refused({"exists": {"field": "f", "x": 1}}, "[x]")

    def test_malformed(self) -> None:
        """Wrong shapes are refused clearly."""
        for body in (
            None, [], "x", {}, {"match_all": {}, "term": {}}, {"match": []}, {"match": {}}, {"match": {"a": "x", "b": "y"}}, {"match": {"a": None}},
            {"match": {"a": {"operator": "or"}}}, {"match": {"a": {"query": "x", "operator": "xor"}}}, {"term": {"a": [1]}}, {"terms": {"a": "x"}},
            {"terms": {"a": [None]}}, {"range": {"a": 5}}, {"exists": {}}, {"wildcard": {"a": "*b"}}, {"wildcard": {"a": ""}}, {"prefix": {"a": ""}},
            {"ids": {}},
            {"query_string": {}}, {"query_string": {"query": "("}}, {"constant_score": {}}, {"bool": []}, {"bool": {"must": [1]}},
            {"match": {"a": {"query": "x", "boost": -1}}}, {"match_phrase": {"a": {"query": "x", "slop": -1}}},
        ):  # fmt: skip
            self.refused(body)

    def test_limits(self) -> None:
        """Depth, clauses and values are bounded, with an error and no crash."""
        body: dict[str, Any] = {"match_all": {}}
        for _ in range(DEPTH_MAX):
            body = {"bool": {"must": body}}
        parse_query(body)
        self.refused({"bool": {"must": body}}, str(DEPTH_MAX))
        self.refused({"bool": {"should": [{"term": {"f": 1}}] * CLAUSES_MAX}}, str(CLAUSES_MAX))
        text = "w " * (CLAUSES_MAX // 2 + 1)
        for name in ("match", "match_phrase", "match_phrase_prefix"):
            parse_query({name: {"f": text}})
            self.refused({name: {"f": text + text}}, str(CLAUSES_MAX))
        self.refused({"multi_match": {"query": text, "fields": ["f", "g"]}}, str(CLAUSES_MAX))
        self.refused({"query_string": {"query": f'"{text + text}"'}}, str(CLAUSES_MAX))
        self.refused({"query_string": {"query": "w-" * (CLAUSES_MAX + 2)}}, str(CLAUSES_MAX))

    def test_many_values_everywhere(self) -> None:
        """Long lists of values are for fields: everywhere, each is looked up at every path there is."""
        values = [f"v{n}" for n in range(CLAUSES_MAX + 1)]
        parse_query({"terms": {"f": values}})
        for field in ("*", "value"):
            self.refused({"terms": {field: values}}, "clauses")

    def test_boosts(self) -> None:
        """A boost is a number that a score can be multiplied with."""
        for boost in (10**400, float("inf"), float("nan"), -1, "2", True):
            self.refused({"match_all": {"boost": boost}}, "boost")
        self.refused({"multi_match": {"query": "a", "fields": ["f^1e999"]}}, "boost")
        self.refused({"multi_match": {"query": "a", "fields": ["f^nan"]}}, "boost")
        self.refused({"terms": {"f": [1] * (TERMS_MAX + 1)}}, str(TERMS_MAX))

    @given(st.sampled_from(NAMES), json_values)
    def test_any_body_is_parsed_or_refused(self, name: str, inner: Any) -> None:
        """No body makes the parser fail in any other way."""
        try:
            parse_query({name: inner})
        except QueryError as error:
            self.assertTrue(error.reason)
