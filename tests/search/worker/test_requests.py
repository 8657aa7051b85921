"""What a call asks for besides its query."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.search.interfaces import QueryError, Sort
from chronik.search.query.ast import MatchAll, Term
from chronik.search.worker.requests import Wait, read_count, read_coverage, read_document, read_duration, read_search, read_timeout, read_wait


class SearchRequestTests(SynchronousTestCase):
    """:func:`read_search` and :func:`read_count`."""

    def test_empty(self) -> None:
        """Nothing asked is everything, newest first, ten of it."""
        request = read_search({}, b"")
        self.assertEqual((request.query, request.sort, request.offset, request.size), (MatchAll(), Sort(), 0, 10))

    def test_body_and_parameters(self) -> None:
        """Both are read; clients' own parameters do no harm."""
        request = read_search({"size": "3", "pretty": "", "wait_for_offset": "end"}, b'{"from": 4, "timeout": "1s", "_source": ["value.a"]}')
        self.assertEqual((request.offset, request.size, request.source.includes), (4, 3, ("value.a",)))

    def test_unknown_parameter(self) -> None:
        """A parameter that nobody understands is refused by name."""
        error = self.assertRaises(QueryError, read_search, {"hihglight": "x"}, b"")
        self.assertIn("[hihglight]", error.reason)

    def test_unknown_key(self) -> None:
        """So is a key of the body."""
        error = self.assertRaises(QueryError, read_search, {}, b'{"aggs": {}}')
        self.assertIn("[aggs]", error.reason)
        error = self.assertRaises(QueryError, read_count, {}, b'{"size": 1}')
        self.assertIn("[size]", error.reason)

    def test_lone_surrogates(self) -> None:
        """What JSON can spell and UTF-8 cannot hold is looked for as it was indexed; whole pairs are left alone."""
        request = read_search({}, b'{"query":{"term":{"a":"x\\ud800 \\ud83d\\ude00"}}}')
        self.assertEqual(request.query, Term("a", "x? \U0001f600"))

    def test_not_json(self) -> None:
        """A body that is no JSON object is refused."""
        for body in (b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000):
            self.assertRaises(QueryError, read_search, {}, body)

    def test_document_and_coverage(self) -> None:
        """They take their own parameters only."""
        self.assertEqual(read_document({"id": "t:0:1", "_source_includes": "key"}).source.includes, ("key",))
        self.assertRaises(QueryError, read_document, {"q": "x"})
        read_coverage({"wait_for_offset": "end"})
        self.assertRaises(QueryError, read_coverage, {"size": "1"})

    def test_timeout(self) -> None:
        """The URL's timeout or the body's."""
        self.assertEqual(read_timeout({"timeout": "2s"}, b""), 2.0)
        self.assertEqual(read_timeout({}, b'{"timeout": "250ms"}'), 0.25)
        self.assertIsNone(read_timeout({}, b"{}"))


class WaitTests(SynchronousTestCase):
    """:func:`read_wait`."""

    def test_forms(self) -> None:
        """The end, offsets of partitions, offsets of topics' partitions."""
        self.assertIsNone(read_wait({}))
        self.assertEqual(read_wait({"wait_for_offset": "end"}), Wait(None, 5.0))
        self.assertEqual(read_wait({"wait_for_offset": "0:123,1:77", "wait_timeout": "100ms"}), Wait({(None, 0): 123, (None, 1): 77}, 0.1))
        self.assertEqual(read_wait({"wait_for_offset": "a.b-c:0:5"}), Wait({("a.b-c", 0): 5}, 5.0))

    def test_refused(self) -> None:
        """Anything else says what was expected."""
        for text in ("", "5", "0:", ":5", "a:b", "0:-1", "0:1,", "0:1;1:2"):
            error = self.assertRaises(QueryError, read_wait, {"wait_for_offset": text})
            self.assertEqual((error.status, error.kind), (400, "illegal_argument_exception"))

    def test_durations(self) -> None:
        """Elasticsearch's units; a bare number is milliseconds."""
        for text, seconds in (("5s", 5.0), ("1.5s", 1.5), ("250ms", 0.25), ("2m", 120.0), ("1h", 3600.0), ("30", 0.03), (40, 0.04)):
            self.assertAlmostEqual(read_duration("wait_timeout", text), seconds)
        for text in ("", "s", "-1s", "1e9s", "1 s", "forever", None, {}):
            self.assertRaises(QueryError, read_duration, "wait_timeout", text)

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """No text fails otherwise than by a refusal."""
        try:
            wait = read_wait({"wait_for_offset": text})
        except QueryError:
            return
        self.assertIsInstance(wait, Wait)
