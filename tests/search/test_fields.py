"""Names of fields, and the types of values."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from chronik.search.analysis import exact_term, spaced, words
from chronik.search.fields import Field, Instants, Kind, ms_text, parse_date, parse_number, resolve, timestamp_ms, value_date
from chronik.search.interfaces import QueryError
from chronik.search.query.ast import Bool, Boost, Exists, Match, MatchAll, MatchNone, Phrase, Prefix, Query, Range, Scored, Term, Terms, Wildcard
from chronik.search.query.topics import bind_topics

DAY = 86_400_000


class FieldTests(unittest.SynchronousTestCase):
    """Names."""

    def test_names(self) -> None:
        """Reserved roots are themselves, everything else is a path of the value."""
        for name, wanted in (
            (None, Field(Kind.ANY)),
            ("*", Field(Kind.ANY)),
            ("key", Field(Kind.KEY)),
            ("value", Field(Kind.VALUE)),
            ("headers", Field(Kind.HEADERS)),
            ("headers.trace.id", Field(Kind.HEADER, "trace.id")),
            ("headers.x.keyword", Field(Kind.HEADER, "x")),
            ("timestamp", Field(Kind.TIMESTAMP, "timestamp")),
            ("@timestamp", Field(Kind.TIMESTAMP, "timestamp")),
            ("offset", Field(Kind.NUMBER, "offset")),
            ("topic", Field(Kind.TOPIC, "topic")),
            ("level", Field(Kind.PATH, "level")),
            ("value.level", Field(Kind.PATH, "level")),
            ("value.key", Field(Kind.PATH, "key")),
            ("value.value.x", Field(Kind.PATH, "value.x")),
            ("a.b.keyword", Field(Kind.KEYWORD, "a.b")),
            ("key.x", Field(Kind.PATH, "key.x")),
        ):
            self.assertEqual(resolve(name), wanted, name)

    def test_impossible_names(self) -> None:
        """Empty steps and stars are no names."""
        for name in ("", ".", "a..b", "value.", "headers.", "a.*", "x\0y"):
            self.assertRaises(QueryError, resolve, name)

    def test_dates(self) -> None:
        """A partial date is a span; zones count; nonsense is no date."""
        self.assertEqual(parse_date("1970-01-02"), Instants(DAY, 2 * DAY - 1))
        self.assertEqual(parse_date("1970-02"), Instants(31 * DAY, 59 * DAY - 1))
        self.assertEqual(parse_date("1970-01-01T01"), Instants(3_600_000, 7_199_999))
        self.assertEqual(parse_date("1970-01-01T00:00:01Z"), Instants(1000, 1999))
        self.assertEqual(parse_date("1970-01-01T02:00:00.5+02:00"), Instants(500, 599))
        self.assertEqual(parse_date("1970-01-01T00:00:00.123456789Z"), Instants(123, 123))
        for text in ("1970-13-01", "1970-02-30", "1970", "1970-1-1", "x", "1970-01-01T25:00", "1970-01-01 x"):
            self.assertIsNone(parse_date(text), text)
        self.assertIsNone(value_date("1970-02"))
        self.assertIsNotNone(parse_date("9999-12"))

    @given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))
    def test_dates_as_python_reads_them(self, moment: datetime) -> None:
        """Any instant to the ms, there and back."""
        ms = (moment - datetime(1970, 1, 1)) // timedelta(milliseconds=1)
        text = moment.isoformat(timespec="milliseconds") + "Z"
        self.assertEqual(parse_date(text), Instants(ms, ms))
        self.assertEqual(parse_date(ms_text(ms)), Instants(ms, ms))

    def test_numbers(self) -> None:
        """JSON's spelling of numbers, and nothing else."""
        for text, wanted in (("5", 5), ("-0.5", -0.5), ("1e3", 1000.0), ("007", 7)):
            self.assertEqual(parse_number(text), wanted)
        for text in ("", "5x", "0x5", "1_000", "inf", "nan", "1e999", "\u0665", "+5", "."):
            self.assertIsNone(parse_number(text), text)

    def test_timestamps(self) -> None:
        """Integers are ms, texts are dates, four digits are a year's first month."""
        self.assertEqual(timestamp_ms(5, False), 5)
        self.assertEqual(timestamp_ms("12345", False), 12345)
        self.assertEqual(timestamp_ms("1970-01-02", True), 2 * DAY - 1)
        self.assertEqual(timestamp_ms("1971", False), 365 * DAY)
        self.assertRaises(QueryError, timestamp_ms, "soon", False)
        self.assertRaises(QueryError, timestamp_ms, True, False)


class AnalysisTests(unittest.SynchronousTestCase):
    """Words."""

    def test_words(self) -> None:
        """Letters and digits in lower case; unspaced scripts by the character."""
        self.assertEqual(words("ERROR: x_y=3.5, caf\u00c9!"), ["error", "x", "y", "3", "5", "caf\u00e9"])
        self.assertEqual(words("x\u4f60\u597dy"), ["x", "\u4f60", "\u597d", "y"])
        self.assertEqual(words(" ...\u2026 "), [])

    def test_endless_words_are_cut(self) -> None:
        """No word is longer than an index can hold, and none is lost."""
        self.assertEqual([len(w) for w in words("a" * 20_000)], [8191, 8191, 3618])
        self.assertEqual(spaced("plain"), "plain")

    def test_exact_terms(self) -> None:
        """Long strings that differ only at their end stay different."""
        self.assertEqual(exact_term("short"), "short")
        self.assertNotEqual(exact_term("k" * 70_000), exact_term("k" * 70_001))
        self.assertTrue(len(exact_term("k" * 70_000)) < 8_000)


class TopicTests(unittest.SynchronousTestCase):
    """Topics by name."""

    def test_bound(self) -> None:
        """Clauses on topics become numbers, at any depth; others stay."""
        topics = {"orders": 1, "orders.eu": 2, "logs": 3}
        for query, wanted in (
            (Term("topic", "orders"), Terms("topic", (1,))),
            (Prefix("topic", "orders"), Terms("topic", (1, 2))),
            (Wildcard("_index", "o*eu"), Terms("topic", (2,))),
            (Terms("topic", ("logs", "gone")), Terms("topic", (3,))),
            (Term("topic", "gone"), MatchNone()),
            (Exists("topic"), Terms("topic", (1, 2, 3))),
            (Term("value.topic", "orders"), Term("value.topic", "orders")),
            (MatchAll(), MatchAll()),
        ):
            self.assertEqual(bind_topics(query, topics), wanted)
            self.assertEqual(bind_topics(Bool(must_not=(Boost(query, 2.0),)), topics), Bool(must_not=(Boost(wanted, 2.0),)))

    def test_ranges_are_refused(self) -> None:
        """Names have no range."""
        query: Query = Range("topic", gte="a")
        self.assertRaises(QueryError, bind_topics, query, {"a": 1})

    def test_ids(self) -> None:
        """``_id`` is a record's place; what is none is refused."""
        one = Bool(filter=(Terms("topic", (3,)), Term("partition", 1), Term("offset", 42)))
        for query in (Term("_id", "a.b:1:42"), Match("_id", "a.b:1:42"), Phrase("_id", "a.b:1:42")):
            self.assertEqual(bind_topics(query, {"a.b": 3}), one)
        self.assertEqual(bind_topics(Terms("_id", ("a.b:1:42",)), {"a.b": 3}), Bool(should=(one,), minimum_should_match=1))
        self.assertEqual(bind_topics(Scored(Exists("_id"), 2.0), {}), Scored(MatchAll(), 2.0))
        for query in (Term("_id", 5), Term("_id", "a:1"), Term("_id", "a:x:1"), Prefix("_id", "a:"), Range("_id", gte="a:0:1")):
            self.assertRaises(QueryError, bind_topics, query, {"a": 1})
