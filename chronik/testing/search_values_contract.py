"""What every index backend finds of values of any kind; part of :class:`~chronik.testing.search_contract.SearchStoreContract`."""

from __future__ import annotations

import itertools
import random

from chronik.search.interfaces import QueryError, Sort
from chronik.search.query.ast import Exists, Match, MatchAll, Phrase, Prefix, Range, Term, Wildcard
from chronik.testing.search_builders import EVERYTHING, document, documents
from chronik.testing.search_cases import SearchStoreCase


class SearchValuesContract(SearchStoreCase):
    """Numbers to the last bit, words of any script, whole strings of any length and shape."""

    def test_symbols_are_words(self) -> None:
        """An emoji, a currency or an arrow is a word of its own, wherever it stands; ASCII's signs and lines that draw tables only separate."""
        store = self.holding(
            document(0, {"t": "deploy\U0001f680done"}),
            document(1, "costs 10\u20ac \u2192 b".encode(), headers=[("h", "\u2713".encode())]),
            document(2, {"t": "\U0001f469\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f44d\U0001f3fd"}, key="\U0001f511"),
            document(3, {"t": "a $5 + b \u2502 c \u2500\u2500", "\U0001f4e6": "box"}),
        )
        for query, wanted in (
            ("\U0001f680", [0]),
            ("t:\U0001f680", [0]),
            ('"deploy \U0001f680 done"', [0]),
            ("done", [0]),
            ("10\u20ac", [1]),
            ("\u20ac", [1]),
            ("\u2192", [1]),
            ("\u2713", [1]),
            ("\U0001f469", [2]),
            ("\U0001f469\u200d\U0001f469\u200d\U0001f467", [2]),
            ("\u2764", [2]),
            ("\U0001f44d", [2]),
            ("\U0001f511", [2]),
            ("key:\U0001f511", [2]),
            ("\U0001f511*", [2]),
            ("\U0001f4e6:box", [3]),
            ("\U0001f4e6.keyword:box", [3]),
            ("_exists_:\U0001f4e6", [3]),
            ("$", []),
            ('"a 5 b c"', [3]),
            ("\U0001f681", []),
        ):
            self.assertEqual(self.found(store, query), wanted, query)

    def test_exact_values_of_any_script(self) -> None:
        """Whole strings, and patterns over them, in scripts that are cut by character, and with symbols; and those longer than a term may be."""
        long = "v" * 70_000
        store = self.holding(
            document(0, {"t": "\u4f60\u597d\u4e16\u754c", "\u540d": "x-y"}),
            document(1, {"t": "go \U0001f680", "at": "2026-01-01T00:00:00Z", "l": long}, headers=[("\u540d", b"v-w")]),
            document(2, {"t": long + "x"}),
            document(3, {"t": ["\u4f60\u597d", long]}),
        )
        for query, wanted in (
            (Term("t.keyword", "\u4f60\u597d\u4e16\u754c"), [0]),
            (Prefix("t.keyword", "\u4f60\u597d"), [0, 3]),
            (Wildcard("t.keyword", "\u4f60*\u754c"), [0]),
            (Wildcard("t.keyword", "go ?"), [1]),
            (Prefix("\u540d.keyword", "x-"), [0]),
            (Term("headers.\u540d", "v-w"), [1]),
            (Prefix("headers.\u540d", "v-"), [1]),
            (Term("t.keyword", long + "x"), [2]),
            (Term("t.keyword", long), [3]),
            (Term("l.keyword", long), [1]),
            (Range("at", gte="2026-01"), [1]),
            (Term("at.keyword", "2026-01-01T00:00:00Z"), [1]),
            (Match("at", "2026-01-01"), [1]),
            (Exists("l"), [1]),
        ):
            self.assertEqual(self.found(store, query), wanted, str(query)[:80])

    def test_floats_to_the_last_bit(self) -> None:
        """Any float is equal to itself, and the limit of a range, however many digits it has and however it is written."""
        rnd = random.Random(5)
        numbers = [rnd.random() for _ in range(150)] + [rnd.uniform(-1e7, 1e7) for _ in range(100)]
        numbers += [rnd.choice((-1, 1)) * rnd.random() * 10.0 ** rnd.randint(-300, 300) for _ in range(150)]
        numbers += [5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1 + 0.2, 0.9654801388982029, 1e22, 1e23]
        spell = (repr, "{:.17e}".format, "{:.25g}".format, lambda n: f"{n:.16E}")
        store = self.holding(*(document(o, f'{{"n": {spell[o % 4](n)}, "s": "{n!r}"}}'.encode()) for o, n in enumerate(numbers)))
        for offset, number in enumerate(numbers):
            self.assertEqual(self.found(store, Term("n", number)), [offset], number)
            self.assertEqual(self.found(store, Range("n", gte=number, lte=number)), [offset], number)
        for number in numbers[::20] + numbers[-7:]:
            self.assertEqual(self.found(store, Range("n", gt=number)), [o for o, n in enumerate(numbers) if n > number], number)
            self.assertEqual(self.found(store, Range("n", lt=number)), [o for o, n in enumerate(numbers) if n < number], number)
        self.assertEqual(self.found(store, MatchAll(), Sort("n")), sorted(range(len(numbers)), key=lambda o: -numbers[o]))

    def test_phrases_that_go_on_in_many_ways(self) -> None:
        """The last word of a phrase may go on to hundreds of words, wherever the phrase stands."""
        items = [document(o, {"m": f"foo bar{o:03}", "list": ["x foo", f"bar{o}"]}) for o in range(200)]
        items += [document(o, f"foo bar{o} x".encode(), key=f"foo-bar{o}", headers=[("h", f"foo,bar{o}".encode())]) for o in range(200, 400)]
        store = self.holding(*items)
        self.assertEqual(self.found(store, Phrase("m", "foo ba", prefix=True)), list(range(200)))
        self.assertEqual(self.found(store, Phrase("m", "foo bar10", prefix=True)), list(range(100, 110)))
        self.assertEqual(self.found(store, Phrase("list", "foo bar", prefix=True)), [])
        self.assertEqual(self.found(store, Phrase("headers", "foo bar", prefix=True)), list(range(200, 400)))
        self.assertEqual(self.found(store, Phrase(None, "foo bar", prefix=True)), list(range(400)))
        self.assertEqual(self.found(store, Phrase("m", "bar foo", prefix=True)), [])

    def test_prefixes_of_several_words(self) -> None:
        """A prefix that is cut into words is a phrase whose last word goes on; a pattern that could never be inside one word is refused."""
        store = self.holding(*documents({"m": "mail alice@example.com"}, {"m": "alice example"}, {"m": "\u4f60\u597d\u4e16"}, b"alice@exact.org"))
        self.assertEqual(self.found(store, "m:alice@ex*"), [0, 1])
        self.assertEqual(self.found(store, "alice@ex*"), [0, 1, 3])
        self.assertEqual(self.found(store, "\u4f60\u597d*"), [2])
        self.assertEqual(self.found(store, Prefix("m", "example.c")), [0])
        for pattern in ("ali*e@x", "a?b-c", "\u4f60\u597d?x"):
            self.assertRaises(QueryError, store.count, Wildcard("m", pattern), EVERYTHING)
            self.assertEqual(store.count(Wildcard("m.keyword", pattern), EVERYTHING), 0)

    def test_booleans_in_any_case(self) -> None:
        """``True`` is ``true``; whole strings mind case."""
        store = self.holding(*documents({"b": True}, {"b": False}, {"b": "True"}))
        self.assertEqual(self.found(store, "b:TRUE"), [0, 2])
        self.assertEqual(self.found(store, Match("b", "False")), [1])
        self.assertEqual(self.found(store, Term("b.keyword", "True")), [2])

    def test_value_as_a_whole_is_no_field(self) -> None:
        """``value.keyword`` is refused by every clause."""
        store = self.holding(*documents({"a": 1}))
        for query in (Term("value.keyword", "x"), Prefix("value.keyword", "x"), Exists("value.keyword"), Range("value.keyword", gte=1)):
            self.assertRaises(QueryError, store.count, query, EVERYTHING)

    def test_unicode(self) -> None:
        """Words of any script are found in any case; those of unspaced scripts by every part."""
        store = self.holding(
            *documents(
                {"t": "Caf\u00e9 \u00dcber"},
                {"t": "\u4f60\u597d\u4e16\u754c"},
                "\u0393\u0395\u0399\u0391",
                {"\u540d\u524d": "x\u306e"},
                b"\xd0\x9f\xd1\x80\xd0\xb8",
            )
        )
        self.assertEqual(self.found(store, "CAF\u00c9"), [0])
        self.assertEqual(self.found(store, Match("t", "\u00fcber")), [0])
        self.assertEqual(self.found(store, "\u4e16\u754c"), [1])
        self.assertEqual(self.found(store, Term("t.keyword", "\u4f60\u597d\u4e16\u754c")), [1])
        self.assertEqual(self.found(store, "\u03b3\u03b5\u03b9\u03b1"), [2])
        self.assertEqual(self.found(store, Match("\u540d\u524d", "\u306e")), [3])
        self.assertEqual(self.found(store, "\u043f\u0440\u0438"), [4])

    def test_big_numbers(self) -> None:
        """Integers beyond 53 and 64 bits and huge floats are found; those beyond 64 bits as floats."""
        big = [2**53 + 1, 2**63 - 1, -(2**63), 10**30, 1e300]
        store = self.holding(*documents(*({"n": n} for n in big)))
        for offset, number in enumerate(big):
            self.assertEqual(self.found(store, Term("n", number)), [offset])
        self.assertEqual(self.found(store, Range("n", gt=10**20)), [3, 4])
        self.assertEqual(self.found(store, Range("n", lt=0)), [2])

    def test_number_ranges(self) -> None:
        """Integers and floats compare together, at open and closed ends; strings are not in ranges of numbers."""
        store = self.holding(*documents(*({"n": n} for n in (-3, 0, 0.5, 5, 5.5, 7, 10**12, "5"))))
        for query, wanted in (
            (Range("n", gte=5), [3, 4, 5, 6]),
            (Range("n", gt=5), [4, 5, 6]),
            (Range("n", gte=5, lt=5.5), [3]),
            (Range("n", gt=0.25, lte=5), [2, 3]),
            (Range("n", gte=-3, lt=0.5), [0, 1]),
            (Range("n", gt=-3, lte=0.5), [1, 2]),
            (Range("n", lt="0"), [0]),
            (Range("n", gte=6, lte=5), []),
        ):
            self.assertEqual(self.found(store, query), wanted, query)

    def test_enormous_numbers_in_queries(self) -> None:
        """Numbers beyond any column find nothing or are refused; the store goes on."""
        store = self.holding(*documents({"n": 1}, {"n": 2.5}))
        for number in (10**30, -(10**30), 10**400, 1e308, -(10**400)):
            for query in (
                Term("n", number),
                Term("timestamp", number),
                Term("offset", number),
                Range("n", lt=2, gte=number),
                Range("timestamp", gte=number),
            ):
                try:
                    self.assertTrue(store.count(query, EVERYTHING) < 3)
                except QueryError as error:
                    self.assertTrue(error.reason)
        self.assertEqual(self.found(store, Range("timestamp", gt=10**30)), [])
        self.assertEqual(self.found(store, Range("timestamp", gt=-(10**30))), [0, 1])
        self.assertEqual(self.found(store, Match("n", "9" * 500)), [])
        self.assertEqual(self.found(store, MatchAll()), [0, 1])

    def test_limits_beyond_any_column(self) -> None:
        """Ranges with limits that integers or floats cannot hold, as Python compares them."""
        limits = (None, -(10**30), -1e300, -(2**63) - 1, -(2**63), -5, -0.5, 0, 0.5, 5, 2**63 - 1, 2**64, 10**30, 1e300)
        for numbers in ([-(2**63), -5, 0, 5, 2**63 - 1], [-1e300, -0.5, 0.1, 5.5, 1e300], [7]):
            store = self.holding(*documents(*({"n": n} for n in numbers)))
            for low, high in itertools.product(limits, limits):
                for opened in (False, True):
                    query = Range("n", gt=low, lt=high) if opened else Range("n", gte=low, lte=high)
                    above = [low is None or n > low or (n == low and not opened) for n in numbers]
                    below = [high is None or n < high or (n == high and not opened) for n in numbers]
                    if query != Range("n"):
                        self.assertEqual(store.count(query, EVERYTHING), sum(map(all, zip(above, below, strict=True))), (numbers, query))

    def test_awkward_names(self) -> None:
        """Members with backslashes, quotes and blanks can be asked for; one without a name hides nothing and is not taken for what is inside it."""
        store = self.holding(
            *documents({"a\\b": {'q"': 5, "w": "word x-y"}}, {"": {"c": "word", "n": 5}}, {"d": {"": {"c": "nested"}}}, {"": "word"}, {"c": "word"})
        )
        self.assertEqual(self.found(store, Match("a\\b.w", "word")), [0])
        self.assertEqual(self.found(store, Term('a\\b.q"', 5)), [0])
        self.assertEqual(self.found(store, Range('a\\b.q"', gt=4)), [0])
        self.assertEqual(self.found(store, Exists("a\\b.w")), [0])
        self.assertEqual(self.found(store, Prefix("a\\b.w.keyword", "word x-")), [0])
        self.assertEqual(self.found(store, MatchAll(), Sort('a\\b.q"'))[0], 0)
        self.assertEqual(self.found(store, Match("c", "word")), [4])
        self.assertEqual(self.found(store, Exists("n")), [])
        self.assertEqual(self.found(store, "word"), [0, 1, 3, 4])
        self.assertEqual(self.found(store, "nested"), [2])

    def test_patterns_over_headers_and_dates(self) -> None:
        """A pattern compares with the whole of a header and of a date string, whose end is its end."""
        store = self.holding(
            document(0, {"at": "2026-01-01T00:00:00Z"}, headers=[("h", b"red")]), document(1, {"at": "2026x"}, headers=[("h", b"reds")])
        )
        self.assertEqual(self.found(store, Wildcard("headers.h", "r*d")), [0])
        self.assertEqual(self.found(store, Wildcard("headers.h", "re?s")), [1])
        self.assertEqual(self.found(store, Wildcard("at.keyword", "2026-*Z")), [0])

    def test_endless_patterns(self) -> None:
        """Patterns too long for a library are refused or find what they should; the store goes on."""
        long = "a" * 9_000
        store = self.holding(document(0, {"m": f"b {long} c"}, key=f"b {long}"), document(1, f"b {long}".encode()))
        for query in (Prefix("m", long), Prefix(None, long), Wildcard("m.keyword", "a?" * 3_000), Phrase(None, f"b {long}", prefix=True)):
            try:
                self.assertTrue(set(self.found(store, query)) <= {0, 1})
            except QueryError as error:
                self.assertTrue(error.reason)
        self.assertEqual(self.found(store, MatchAll()), [0, 1])
