"""The language of ``q=``."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from chronik.search.interfaces import QueryError
from chronik.search.query.ast import Bool, Boost, Exists, MatchAll, Phrase, Prefix, Query, Range, Terms, Wildcard
from chronik.search.query.limits import CLAUSES_MAX, DEPTH_MAX
from chronik.search.query.querystring import parse_query_string


def word(text: str, field: str | None = None) -> Query:
    """What a plain word is parsed to."""
    return Phrase(field, text)


A, B, C = word("a"), word("b"), word("c")


class QueryStringTests(unittest.SynchronousTestCase):
    """Texts and their trees."""

    def check(self, text: str, wanted: Query) -> None:
        """Parse and compare."""
        self.assertEqual(parse_query_string(text), wanted, text)

    def test_terms(self) -> None:
        """Words, phrases, prefixes and patterns, with a field and without."""
        self.check("error", word("error"))
        self.check("level:error", word("error", "level"))
        self.check("level : error", word("error", "level"))
        self.check('a.b.c:"two words"', Phrase("a.b.c", "two words"))
        self.check('"two words"~3', Phrase(None, "two words", 3))
        self.check('m:"pre fi"*', Phrase("m", "pre fi", prefix=True))
        self.check("m:pre*", Prefix("m", "pre"))
        self.check("wi?d*d", Wildcard(None, "wi?d*d"))
        self.check("alice@example.com", word("alice@example.com"))
        self.check("at:10:30", word("10:30", "at"))
        self.check("x-y", word("x-y"))
        self.check("order-17", word("order-17"))
        self.check("@timestamp:5", word("5", "@timestamp"))

    def test_everything_and_existence(self) -> None:
        """A lone star finds everything; after a field it asks for existence."""
        self.check("*", MatchAll())
        self.check("*:*", MatchAll())
        self.check("f:*", Exists("f"))
        self.check("_exists_:a.b", Exists("a.b"))
        self.check("f:[* TO *]", Exists("f"))

    def test_ranges(self) -> None:
        """Brackets include, braces exclude, stars are open, quotes keep texts."""
        self.check("n:[1 TO 5}", Range("n", gte=1, lt=5))
        self.check("n:{1.5 TO *]", Range("n", gt=1.5))
        self.check("n:[* TO -3]", Range("n", lte=-3))
        self.check('d:["2026-01-01" TO 2026-02-01T10:00:00Z]', Range("d", gte="2026-01-01", lte="2026-02-01T10:00:00Z"))
        self.check("n:>=5", Range("n", gte=5))
        self.check("n:< -1", Range("n", lt=-1))
        self.check('d:>"2026-01-01"', Range("d", gt="2026-01-01"))

    def test_in(self) -> None:
        """Lists of values."""
        self.check('f:IN [a "b c" 3]', Terms("f", ("a", "b c", "3")))
        self.check("f:IN []", Terms("f", ()))
        many = " ".join(map(str, range(CLAUSES_MAX + 1)))
        self.assertEqual(CLAUSES_MAX + 1, len(parse_query_string(f"f:IN [{many}]").values))  # type: ignore[union-attr]
        self.assertRaises(QueryError, parse_query_string, f"value:IN [{many}]")

    def test_operators(self) -> None:
        """AND binds tighter than OR; words side by side take the default operator; signs require and forbid."""
        self.check("a AND b", Bool(must=(A, B)))
        self.check("a && NOT b", Bool(must=(A,), must_not=(B,)))
        self.check("a OR b AND c", Bool(should=(A, Bool(must=(B, C))), minimum_should_match=1))
        self.check("(a OR b) AND c", Bool(must=(Bool(should=(A, B), minimum_should_match=1), C)))
        self.check("a b", Bool(should=(A, B), minimum_should_match=1))
        self.check("+a b -c", Bool(must=(A,), should=(B,), must_not=(C,)))
        self.check("NOT a", Bool(must_not=(A,)))
        self.check("!a", Bool(must_not=(A,)))
        self.check("a || NOT b", Bool(should=(A, Bool(must_not=(B,))), minimum_should_match=1))
        self.check("a -b", Bool(should=(A,), must_not=(B,), minimum_should_match=1))
        self.check("ORDER ANDROID", Bool(should=(word("ORDER"), word("ANDROID")), minimum_should_match=1))
        self.check("NOT NOT a", A)
        for text in ("-a", "NOT +a", "-+a", "+-a", "!+a"):
            self.check(text, Bool(must_not=(A,)))

    def test_default_operator(self) -> None:
        """``and`` requires every word."""
        self.assertEqual(parse_query_string("a b -c", "AND"), Bool(must=(A, B), must_not=(C,)))
        self.assertEqual(parse_query_string("a OR b c", "and"), Bool(must=(Bool(should=(A, B), minimum_should_match=1), C)))
        self.assertRaises(QueryError, parse_query_string, "a", "xor")

    def test_groups_and_boosts(self) -> None:
        """A field reaches into its group; boosts multiply."""
        self.check("f:(a OR b)^2", Boost(Bool(should=(word("a", "f"), word("b", "f")), minimum_should_match=1), 2.0))
        self.check("f:(a g:b)", Bool(should=(word("a", "f"), word("b", "g")), minimum_should_match=1))
        self.check('"a"^1.5', Boost(A, 1.5))
        self.assertEqual(parse_query_string("a", default_field="m"), word("a", "m"))

    def test_escapes(self) -> None:
        """A backslash makes any character ordinary."""
        self.check(r"a\:b", word("a:b"))
        self.check(r"a\ b", word("a b"))
        self.check(r"f\ g:x", word("x", "f g"))
        self.check(r"\*", word("*"))
        self.check(r'"say \"hi\""', Phrase(None, 'say "hi"'))
        self.check(r"a\*b*", Prefix(None, "a*b"))
        self.check(r"\(a\)", word("(a)"))

    def test_refusals_say_where(self) -> None:
        """What cannot be parsed is refused, with the column."""
        for text, column, what in (
            ("(a", 1, "never closed"),
            ('say "hi', 5, "never closed"),
            ("a AND", 6, "missing"),
            ("a OR OR b", 6, "missing"),
            ("n:[1 5]", 6, "TO"),
            ("n:[1 TO 5", 3, "never closed"),
            ("a)", 2, "unexpected"),
            ("f:", 3, "missing"),
            ("*ab", 1, "cannot begin"),
            ("f:?b", 3, "cannot begin"),
            ("roam~", 5, "fuzzy"),
            ("/re/", 1, "regular"),
            ("[1 TO 5]", 1, "name of a field"),
            ("a^x", 2, "number"),
            ("-", 2, "missing"),
            ("f:IN [a", 6, "never closed"),
            ("a }", 3, "unexpected"),
            ('"a"~x', 5, "number"),
        ):
            error = self.assertRaises(QueryError, parse_query_string, text)
            self.assertIn(f"at column {column}", error.reason, text)
            self.assertIn(what, error.reason, text)
            self.assertEqual((error.kind, error.status), ("parsing_exception", 400))

    def test_empty_text(self) -> None:
        """An empty text is refused, not taken for everything."""
        for text in ("", "  "):
            self.assertRaises(QueryError, parse_query_string, text)

    def test_limits(self) -> None:
        """Depth and clauses are bounded."""
        parse_query_string("(" * (DEPTH_MAX - 1) + "a" + ")" * (DEPTH_MAX - 1))
        self.assertRaises(QueryError, parse_query_string, "(" * 5_000 + "a" + ")" * 5_000)
        self.assertRaises(QueryError, parse_query_string, "a^" + "9" * 400)
        error = self.assertRaises(QueryError, parse_query_string, "a " * (CLAUSES_MAX + 1))
        self.assertEqual(error.kind, "too_many_clauses")

    @given(st.text(alphabet='ab *?"\\()[]{}:+-!^~/<>=&|TORANDIN0', max_size=24))
    def test_any_text_is_parsed_or_refused(self, text: str) -> None:
        """No text makes the parser fail in any other way."""
        try:
            parse_query_string(text)
        except QueryError as error:
            self.assertTrue(error.reason)
