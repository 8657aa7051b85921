"""What every index backend keeps: mix :class:`SearchStoreContract` into a test case and say how a backend is made."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zope.interface.verify import verifyObject

from chronik.search.interfaces import Bounds, Covered, Document, ISearchBackend, ISearchStore, Marker, QueryError, Sort, StoreDamaged
from chronik.search.query.ast import Bool, Boost, Exists, Match, MatchAll, MatchNone, Phrase, Prefix, Query, Range, Scored, Term, Terms, Wildcard
from chronik.search.query.dsl import parse_query
from chronik.search.query.querystring import parse_query_string
from chronik.search.query.scoring import scored_clauses, weigh
from chronik.testing.search_builders import EVERYTHING, document, documents

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase as _Case
else:
    _Case = object

HEAP_BYTES = 15_000_000
OLDEST_OFFSET = Sort("offset", False)


class SearchStoreContract(_Case):
    """The contract of :class:`ISearchBackend` and :class:`ISearchStore`."""

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

    def test_provides_the_interfaces(self) -> None:
        """Backend and store have every method of their interfaces."""
        verifyObject(ISearchBackend, self.make_backend())
        verifyObject(ISearchStore, self.open())

    def test_unseen_before_commit(self) -> None:
        """Documents are found after a commit and not before."""
        store = self.open()
        store.add(documents({"a": 1}))
        self.assertEqual(self.found(store, MatchAll()), [])
        store.commit()
        self.assertEqual(self.found(store, MatchAll()), [0])

    def test_empty_store(self) -> None:
        """A store that holds nothing answers every call."""
        store = self.open()
        self.assertEqual(self.found(store, "anything"), [])
        self.assertEqual(store.covered(1, 0, 0, 10), Covered(0))
        self.assertIsNone(store.locate(1, 0, 0))
        self.assertEqual(dict(store.paths()), {})
        store.commit()

    def test_all_and_none(self) -> None:
        """match_all finds tombstones and markers' neighbours but no marker; match_none nothing."""
        store = self.holding(document(0, {"a": 1}), document(1, None), Marker(1, 0, 2, 4, 0, "control"))
        self.assertEqual(self.found(store, MatchAll()), [0, 1])
        self.assertEqual(self.found(store, MatchNone()), [])

    def test_words_of_a_path(self) -> None:
        """A string is found by each of its words, in any case, and not by parts of words."""
        store = self.holding(*documents({"level": "ERROR timeout"}, {"level": "INFO"}, {"other": "error"}))
        for text in ("error", "Timeout", "ERROR"):
            self.assertEqual(self.found(store, Match("level", text)), [0])
            self.assertEqual(self.found(store, Term("value.level", text)), [0])
        self.assertEqual(self.found(store, Match("level", "err")), [])
        self.assertEqual(self.found(store, "level:error OR level:info"), [0, 1])

    def test_match_operators(self) -> None:
        """``or`` wants one word, ``and`` all of them, in any order."""
        store = self.holding(*documents({"m": "red green"}, {"m": "green"}, {"m": "blue"}))
        self.assertEqual(self.found(store, Match("m", "green red")), [0, 1])
        self.assertEqual(self.found(store, Match("m", "green red", "and")), [0])
        self.assertEqual(self.found(store, Match("m", "...")), [])

    def test_catch_all(self) -> None:
        """A word without a field is found in key, headers, every path, and in what is no JSON."""
        store = self.holding(
            document(0, {"a": {"b": "needle here"}}),
            document(1, b"a plain Needle, in text"),
            document(2, {"a": 1}, key="the-needle"),
            document(3, None, headers=[("trace", b"needle-7")]),
            document(4, {"needle": "in a name only"}),
            document(5, ["needle"]),
        )
        self.assertEqual(self.found(store, "needle"), [0, 1, 2, 3, 5])
        self.assertEqual(self.found(store, Match("value", "needle")), [0, 1, 5])
        self.assertEqual(self.found(store, Match("headers", "needle")), [3])
        self.assertEqual(self.found(store, "nee*"), [0, 1, 2, 3, 5])
        self.assertEqual(self.found(store, "n?ed*e"), [0, 1, 2, 3, 5])

    def test_numbers_are_found_without_a_field(self) -> None:
        """A number inside a JSON value is found like a word."""
        store = self.holding(*documents({"id": 4711}, {"id": "4711"}, {"x": {"y": [1, 4711]}}, b"no 4711", {"f": 2.5}, {"id": 47110}, [4711]))
        self.assertEqual(self.found(store, "4711"), [0, 1, 2, 3, 6])
        self.assertEqual(self.found(store, "2.5"), [4])

    def test_exact_fields(self) -> None:
        """Keys, headers and ``.keyword`` compare whole strings, in their own case."""
        store = self.holding(
            document(0, {"u": "Alice Smith"}, key="order-1", headers=[("h.x", b"T 1"), ("twice", b"a"), ("twice", b"b")]),
            document(1, {"u": "alice smith"}, key="Order-1", headers=[("h.x", b"t 1")]),
        )
        self.assertEqual(self.found(store, Term("u.keyword", "Alice Smith")), [0])
        self.assertEqual(self.found(store, Term("u.keyword", "Alice")), [])
        self.assertEqual(self.found(store, Term("key", "order-1")), [0])
        self.assertEqual(self.found(store, Match("key", "order-1")), [0])
        self.assertEqual(self.found(store, "key:order*"), [0])
        self.assertEqual(self.found(store, Term("headers.h.x", "t 1")), [1])
        self.assertEqual(self.found(store, 'headers.twice:"b"'), [0])
        self.assertEqual(self.found(store, Terms("key", ("order-1", "Order-1"))), [0, 1])
        self.assertEqual(self.found(store, Prefix("headers.h.x", "T")), [0])

    def test_text_compares_with_typed_values(self) -> None:
        """``5``, ``5.0`` and ``"5"`` are one another's equals, ``true`` and ``"true"`` too."""
        store = self.holding(*documents({"n": 5}, {"n": 5.0}, {"n": "5"}, {"n": True}, {"n": "true"}, {"n": 5.5}))
        self.assertEqual(self.found(store, Term("n", 5)), [0, 1, 2])
        self.assertEqual(self.found(store, Match("n", "5")), [0, 1, 2])
        self.assertEqual(self.found(store, Term("n", True)), [3, 4])
        self.assertEqual(self.found(store, Term("n", 5.5)), [5])
        self.assertEqual(self.found(store, Term("n.keyword", "5")), [0, 1, 2])

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

    def test_big_numbers(self) -> None:
        """Integers beyond 53 and 64 bits and huge floats are found; those beyond 64 bits as floats."""
        big = [2**53 + 1, 2**63 - 1, -(2**63), 10**30, 1e300]
        store = self.holding(*documents(*({"n": n} for n in big)))
        for offset, number in enumerate(big):
            self.assertEqual(self.found(store, Term("n", number)), [offset])
        self.assertEqual(self.found(store, Range("n", gt=10**20)), [3, 4])
        self.assertEqual(self.found(store, Range("n", lt=0)), [2])

    def test_dates(self) -> None:
        """ISO date strings compare by their instant, to the ms and in any zone; partial dates mean a span; their words are found."""
        store = self.holding(
            *documents(
                {"at": "2026-01-31T10:00:00Z"},
                {"at": "2026-01-31T10:00:00.250Z"},
                {"at": "2026-01-31T12:00:00.500+02:00"},
                {"at": "2026-02-01"},
                {"at": "next week"},
            )
        )
        self.assertEqual(self.found(store, Range("at", gte="2026-01-31T10:00:00.250Z")), [1, 2, 3])
        self.assertEqual(self.found(store, Range("at", gt="2026-01-31T10:00:00.250Z", lt="2026-02-01")), [2])
        self.assertEqual(self.found(store, Range("at", lte="2026-01-31")), [0, 1, 2])
        self.assertEqual(self.found(store, Match("at", "2026-01-31")), [0, 1, 2])
        self.assertEqual(self.found(store, 'at:"2026-01-31T10:00:00Z"'), [0, 1, 2])
        self.assertEqual(self.found(store, Term("at.keyword", "2026-01-31T10:00:00Z")), [0])
        self.assertEqual(self.found(store, "31T10"), [0, 1])
        self.assertEqual(self.found(store, Match("at", "week")), [4])

    def test_columns(self) -> None:
        """Timestamp, offset, partition and size are numbers; timestamps also dates, rounded as Elasticsearch rounds."""
        day = 86_400_000
        store = self.holding(document(0, b"xx", timestamp=day - 1), document(1, b"", timestamp=day, key="abc"), document(2, None, timestamp=2 * day))
        self.assertEqual(self.found(store, Range("timestamp", gte="1970-01-02", lte="1970-01-02")), [1])
        self.assertEqual(self.found(store, Range("@timestamp", gt="1970-01-02")), [2])
        self.assertEqual(self.found(store, Range("timestamp", lt=day)), [0])
        self.assertEqual(self.found(store, Term("timestamp", day)), [1])
        self.assertEqual(self.found(store, "offset:[1 TO 2}"), [1])
        self.assertEqual(self.found(store, Terms("offset", (0, "2"))), [0, 2])
        self.assertEqual(self.found(store, Range("size", gt=1.5)), [0, 1])
        self.assertEqual(self.found(store, Term("partition", 1)), [])
        self.assertEqual(self.found(store, Term("topic", 1)), [0, 1, 2])

    def test_refused_values(self) -> None:
        """What cannot be compared is refused, never taken for no hits."""
        store = self.holding(*documents({"n": 1}))
        for query in (Term("offset", "abc"), Range("n", gte="abc"), Range("timestamp", gte="soon"), Range("key", gte="a"), Prefix("offset", "1")):
            self.assertRaises(QueryError, store.search, query, EVERYTHING, Sort(), 10)
        for field in ("", "a..b", "a.*", ".a"):
            self.assertRaises(QueryError, store.count, Match(field, "x"), EVERYTHING)
        self.assertRaises(QueryError, store.count, Wildcard("n", "*a"), EVERYTHING)

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

    def test_phrases(self) -> None:
        """Words next to one another; with slop, so many moves apart; with a prefix, the last word may go on."""
        store = self.holding(
            *documents({"m": "the payment has timed out"}, {"m": "timed payment"}, b"payment timed out late", {"m": ["payment", "has", "timed"]})
        )
        self.assertEqual(self.found(store, Phrase("m", "timed out")), [0])
        self.assertEqual(self.found(store, Phrase(None, "Timed OUT")), [0, 2])
        self.assertEqual(self.found(store, Phrase("m", "payment timed")), [])
        self.assertEqual(self.found(store, Phrase("m", "payment timed", slop=1)), [0])
        self.assertEqual(self.found(store, Phrase("m", "has ti", prefix=True)), [0])
        self.assertEqual(self.found(store, Phrase(None, "paym", prefix=True)), [0, 1, 2, 3])

    def test_prefix_and_wildcard(self) -> None:
        """Both look at single words, in lower case; characters of regular expressions mean themselves."""
        store = self.holding(document(0, {"m": "Payment service"}, key="a.b*c"), document(1, {"m": "pay"}, key="aXb"), document(2, {"m": "repay"}))
        self.assertEqual(self.found(store, Prefix("m", "PAY")), [0, 1])
        self.assertEqual(self.found(store, Wildcard("m", "p?y*t")), [0])
        self.assertEqual(self.found(store, Wildcard("m", "pa?")), [1])
        self.assertEqual(self.found(store, Wildcard("key", "a.b\\**")), [0])
        self.assertEqual(self.found(store, Prefix("key", "a.")), [0])

    def test_exists(self) -> None:
        """A field exists with any value but null, at its path or below it."""
        store = self.holding(
            document(0, {"a": {"b": 1}}),
            document(1, {"a": None}),
            document(2, {"a": ""}, key="k"),
            document(3, {"a": []}),
            document(4, None, headers=[("h", b"")]),
        )
        self.assertEqual(self.found(store, Exists("a")), [0, 2])
        self.assertEqual(self.found(store, Exists("a.b")), [0])
        self.assertEqual(self.found(store, Exists("key")), [2])
        self.assertEqual(self.found(store, Exists("headers.h")), [4])
        self.assertEqual(self.found(store, Exists("headers")), [4])
        self.assertEqual(self.found(store, Exists("value")), [0, 1, 2, 3])
        self.assertEqual(self.found(store, Exists("timestamp")), [0, 1, 2, 3, 4])
        self.assertEqual(self.found(store, Exists("nowhere")), [])

    def test_bool(self) -> None:
        """must and filter all, must_not none, should as many as asked."""
        store = self.holding(*documents({"m": "a b c"}, {"m": "a b"}, {"m": "a"}, {"m": "d"}))
        a, b, c, d = (Match("m", word) for word in "abcd")
        for query, wanted in (
            (Bool(must=(a,), filter=(b,)), [0, 1]),
            (Bool(must=(a,), must_not=(b,)), [2]),
            (Bool(must_not=(a,)), [3]),
            (Bool(should=(c, d), minimum_should_match=1), [0, 3]),
            (Bool(should=(a, b, c), minimum_should_match=2), [0, 1]),
            (Bool(should=(a, b), minimum_should_match=3), []),
            (Bool(should=(c,)), [0, 1, 2, 3]),
            (Bool(must=(a,), should=(c,)), [0, 1, 2]),
            (Bool(filter=(a,), should=(c, b), minimum_should_match=1), [0, 1]),
            (Bool(), [0, 1, 2, 3]),
            (Boost(Bool(must=(Bool(must_not=(d,)),)), 2.0), [0, 1, 2]),
        ):
            self.assertEqual(self.found(store, query), wanted, query)

    def test_many_terms(self) -> None:
        """A thousand values in one clause, and deep nesting."""
        store = self.holding(*documents({"n": 3}, {"n": "w7"}))
        self.assertEqual(self.found(store, Terms("n", (*(f"x{i}" for i in range(1_000)), 3, "w7"))), [0, 1])
        deep: Query = Match("n", "w7")
        for _ in range(28):
            deep = Bool(must=(deep,))
        self.assertEqual(self.found(store, deep), [1])

    def test_newest_first_with_exact_ties(self) -> None:
        """Equal timestamps: by topic, partition, then the larger offset; also across the edge of a page."""
        items = [
            document(o, b"w", topic=t, partition=p, timestamp=ts) for ts in (5, 6) for t in (2, 1) for p in (1, 0) for o in (ts * 10, ts * 10 + 1)
        ]
        store = self.holding(*items)
        within = [Bounds(t, p, 0, 100) for t in (1, 2) for p in (0, 1)]
        wanted = sorted(((d.timestamp, d.topic, d.partition, d.offset) for d in items), key=lambda d: (-d[0], d[1], d[2], -d[3]))
        for limit in range(1, len(items) + 1):
            hits = store.search(Match("value", "w"), within, Sort(), limit).hits
            self.assertEqual([(h.timestamp, h.topic, h.partition, h.offset) for h in hits], wanted[:limit])
        oldest = store.search(MatchAll(), within, Sort("timestamp", False), 3).hits
        self.assertEqual([(h.timestamp, h.topic, h.partition, h.offset) for h in oldest], [(5, 1, 0, 51), (5, 1, 0, 50), (5, 1, 1, 51)])

    def test_sort_by_numbers_and_dates(self) -> None:
        """Records that lack the field come last or first, whatever the direction, newest first."""
        store = self.holding(*documents({"n": 2, "d": "2026-01-02"}, {"n": 1.5}, {}, {"n": 30}, {"d": "2026-01-01"}))
        self.assertEqual(self.found(store, MatchAll(), Sort("n")), [3, 0, 1, 4, 2])
        self.assertEqual(self.found(store, MatchAll(), Sort("n", False)), [1, 0, 3, 4, 2])
        self.assertEqual(self.found(store, MatchAll(), Sort("value.n", False, False)), [4, 2, 1, 0, 3])
        self.assertEqual(self.found(store, MatchAll(), Sort("d", False)), [4, 0, 3, 2, 1])
        self.assertEqual(self.found(store, MatchAll(), Sort("offset")), [4, 3, 2, 1, 0])
        self.assertEqual(self.found(store, MatchAll(), Sort("nowhere")), [4, 3, 2, 1, 0])
        values = [hit.sort_value for hit in store.search(MatchAll(), EVERYTHING, Sort("n"), 4).hits]
        self.assertEqual(values, [30, 2, 1.5, None])

    def test_sort_refusals(self) -> None:
        """Words and mixed values have no order that would be the same everywhere."""
        store = self.holding(*documents({"s": "a", "m": 1}, {"m": "x"}))
        for field in ("s", "m", "s.keyword", "key", "value", "headers.x"):
            self.assertRaises(QueryError, store.search, MatchAll(), EVERYTHING, Sort(field), 10)
            self.assertRaises(QueryError, store.search, MatchAll(), EVERYTHING, Sort(field), 0)

    def test_score(self) -> None:
        """By score every match is there, best first, ties newest first; a clause adds what is said of it, else 1, and a filter nothing."""
        store = self.holding(*documents({"m": "a"}, {"m": "a b"}, {"m": "b a a a"}, {"m": "c"}))
        a, b, c = (Match("m", word) for word in "abc")
        for query, wanted in (
            (a, [(2, 1.0), (1, 1.0), (0, 1.0)]),
            (Match("m", "a b"), [(2, 1.0), (1, 1.0), (0, 1.0)]),
            (Scored(b, 2.5), [(2, 2.5), (1, 2.5)]),
            (Bool(should=(Scored(a, 0.5), Scored(b, 0.25), c), minimum_should_match=1), [(3, 1.0), (2, 0.75), (1, 0.75), (0, 0.5)]),
            (Bool(must=(a, MatchAll()), filter=(b,), must_not=(c,)), [(2, 2.0), (1, 2.0)]),
            (Bool(filter=(a,), should=(Boost(b, 3.0),)), [(2, 3.0), (1, 3.0), (0, 0.0)]),
            (Bool(should=(Bool(must=(a, Scored(b, 4.0))), Terms("m", ("c",))), minimum_should_match=1), [(2, 5.0), (1, 5.0), (3, 1.0)]),
            (MatchNone(), []),
        ):
            hits = store.search(query, EVERYTHING, Sort("_score"), 10).hits
            self.assertEqual([(h.offset, h.score) for h in hits], wanted, query)

    def test_equal_scores(self) -> None:
        """Of many that score the same the newest come first, however they were committed and wherever the page ends."""
        times = [(7 * n) % 1_000 for n in range(1_000)]
        store = self.open()
        for start in range(0, 1_000, 250):
            store.add([document(o, {"m": "rare common" if o % 97 == 5 else "common"}, timestamp=times[o]) for o in range(start, start + 250)])
            store.commit()
        query = Bool(should=(Scored(Match("m", "common"), 0.5), Scored(Match("m", "rare"), 1.0)), minimum_should_match=1)
        wanted = sorted(range(1_000), key=lambda o: (o % 97 != 5, -times[o], -o))
        for limit in (1, 5, 11, 12, 200, 1_000):
            self.assertEqual([h.offset for h in store.search(query, EVERYTHING, Sort("_score"), limit).hits], wanted[:limit])

    def test_scores_of_several_stores(self) -> None:
        """Asked in two phases, several stores give the hits and the scores that one store of everything gives, to the last bit."""
        rnd = random.Random(7)
        words = ["alpha", "beta", "gamma", "delta", "5", "true"]
        items = [
            document(
                o,
                {"m": " ".join(rnd.choices(words, [32, 16, 4, 1, 1, 1], k=3)), "n": rnd.choice([5, 6, True])} if o % 3 else b"plain alpha gamma",
                key=rnd.choice(["k", "rare"]),
                timestamp=rnd.randint(0, 30),
            )
            for o in range(300)
        ]
        whole = self.holding(*items)
        parts = [self.holding(*items[:10]), self.holding(*items[10:250]), self.holding(*items[250:])]
        for text in (
            "alpha gamma",
            "m:(delta OR gamma^3 OR beta)",
            'm:"alpha beta" OR n:5',
            "key:rare^0.3 OR n:>5 OR m:d*",
            "(alpha AND delta) OR (beta -gamma)",
        ):
            query = parse_query_string(text)
            for limit in (7, 300):
                one = self.ranked([whole], query, limit)
                self.assertEqual(self.ranked(parts, query, limit), one, text)
            self.assertTrue(len({score for score, *_ in one}) > 1, text)

    def ranked(self, stores: Sequence[ISearchStore], query: Query, limit: int) -> list[tuple[float, int, int]]:
        """The best hits of these stores together: score, timestamp and offset, all negative."""
        frequencies = [sum(store.count(clause, EVERYTHING) for store in stores) for clause in scored_clauses(query)]
        weighed = weigh(query, sum(store.count(MatchAll(), EVERYTHING) for store in stores), frequencies)
        hits = [hit for store in stores for hit in store.search(weighed, EVERYTHING, Sort("_score"), limit).hits]
        return sorted((-hit.score, -hit.timestamp, -hit.offset) for hit in hits)[:limit]

    def test_limit_zero(self) -> None:
        """No hits, and the exact total."""
        store = self.holding(*documents({}, {}, {}))
        result = store.search(MatchAll(), EVERYTHING, Sort(), 0)
        self.assertEqual((list(result.hits), result.total), ([], 3))

    def test_total_counts_more_than_the_page(self) -> None:
        """The total is of every match."""
        store = self.holding(*documents(*({"n": n} for n in range(50))))
        result = store.search(Range("n", gte=10), EVERYTHING, Sort(), 5)
        self.assertEqual(([h.offset for h in result.hits], result.total), ([49, 48, 47, 46, 45], 40))

    def test_bounds(self) -> None:
        """Only what is inside the bounds of one of the partitions is seen."""
        store = self.holding(*(document(o, {"n": o}, topic=t, partition=p) for t in (1, 2) for p in (0, 1) for o in range(5)))
        result = store.search(MatchAll(), [Bounds(1, 0, 1, 3), Bounds(2, 1, 4, 9)], Sort(), 50)
        self.assertEqual(sorted((h.topic, h.partition, h.offset) for h in result.hits), [(1, 0, 1), (1, 0, 2), (2, 1, 4)])
        self.assertEqual(store.count(MatchAll(), []), 0)
        self.assertEqual(store.search(MatchAll(), [], Sort(), 5).total, 0)
        self.assertEqual(store.count(MatchAll(), [Bounds(1, 0, 3, 3)]), 0)

    def test_hits_say_where_the_record_is(self) -> None:
        """Batch, position and timestamp come back as they were given."""
        store = self.holding(document(17, {"a": 1}, batch_offset=10, position=6, timestamp=-5))
        hit = store.search(MatchAll(), EVERYTHING, Sort(), 1).hits[0]
        self.assertEqual((hit.offset, hit.batch_offset, hit.position, hit.timestamp, hit.sort_value), (17, 10, 6, -5, -5))
        located = store.locate(1, 0, 17)
        assert located is not None
        self.assertEqual((located.offset, located.batch_offset, located.position, located.timestamp), (17, 10, 6, -5))
        self.assertIsNone(store.locate(1, 1, 17))

    def test_covered(self) -> None:
        """Documents and markers between two offsets add up; markers are cut at the edges."""
        store = self.holding(
            document(0, {}), document(1, {}), Marker(1, 0, 2, 9, 3, "aborted"), document(10, {}, leader_epoch=4), Marker(1, 0, 11, 11, 5, "control")
        )
        self.assertEqual(store.covered(1, 0, 0, 100), Covered(3, {"aborted": 8, "control": 1}, 11, 5))
        self.assertEqual(store.covered(1, 0, 1, 5), Covered(1, {"aborted": 3}, 4, 3))
        self.assertEqual(store.covered(1, 0, 4, 6), Covered(0, {"aborted": 2}, 5, 3))
        self.assertEqual(store.covered(1, 0, 5, 11), Covered(1, {"aborted": 5}, 10, 4))
        self.assertEqual(store.covered(1, 0, 12, 20), Covered(0))
        self.assertEqual(store.covered(1, 0, 5, 5), Covered(0))
        self.assertIsNone(store.locate(1, 0, 2))

    def test_remove_from(self) -> None:
        """Everything at and above goes, a marker that reaches over is cut; other partitions stay; the same offsets can come again."""
        store = self.holding(document(0, {}), Marker(1, 0, 1, 5, 2, "control"), document(6, {}), document(6, {}, partition=1))
        store.add([document(7, {})])
        store.remove_from(1, 0, 4)
        store.add([document(4, {"again": "yes"})])
        store.commit()
        self.assertEqual(self.found(store, MatchAll()), [0, 4])
        self.assertEqual(store.covered(1, 0, 0, 100), Covered(2, {"control": 3}, 4, 0))
        self.assertEqual(store.covered(1, 1, 0, 100).documents, 1)

    def test_remove_from_before_the_first_commit(self) -> None:
        """A removal reaches what was added before it and not yet committed."""
        store = self.open()
        store.add([document(0, {}), Marker(1, 0, 1, 5, 2, "control"), document(6, {})])
        store.remove_from(1, 0, 3)
        store.commit()
        self.assertEqual(store.covered(1, 0, 0, 100), Covered(1, {"control": 2}, 2, 2))

    def test_remove_below(self) -> None:
        """Only what is wholly below goes."""
        store = self.holding(document(0, {}), Marker(1, 0, 1, 5, 2, "control"), document(6, {}), document(0, {}, topic=2))
        store.remove_below(1, 0, 3)
        store.commit()
        self.assertEqual(store.covered(1, 0, 0, 100), Covered(1, {"control": 5}, 6, 0))
        self.assertEqual(store.covered(2, 0, 0, 100).documents, 1)

    def test_weird_json_is_never_lost(self) -> None:
        """Whatever a value is, its record is found by offset and key, and by its words where it has some."""
        values: list[bytes] = [
            b'{"a": NaN, "w": "needle"}',
            b'{"a": 1e400, "w": "needle"}',
            b'{"a": "\\ud800", "w": "needle"}',
            b'{"w": "needle", "w2": ' + b"9" * 400 + b"}",
            b'{"a":' * 3_000 + b'"needle"' + b"}" * 3_000,
            b'{"a":' * 200 + b'"needle"' + b"}" * 200,
            b'{"w": "needle \xff"}',
            b"\xff\xfe needle",
            b'["needle", {"x": 1}]',
            b'"needle"',
            b'{"w": "line\\nneedle\\tx"}',
            b'{"": "needle", "a": {"": 1}}',
            b'{"a.b": "needle", "a": {"b": 2}}',
            b'{"a..b": "needle"}',
            b'{"w": "needle',
            b'{"w": "needle ' + b"x" * 70_000 + b'"}',
            b"needle " + b"y" * 70_000,
            b'{"topic": 7, "offset": "needle", "kind": 9}',
            b'{"w": "needle"}}',
            b'{"w": "needle", "d": "2026-01-01T00:00:00Z"}',
            b'{"w": ["needle", ["x", {"y": null}], {}], "z": [[]]}',
            b'{"a\\u0000b": "needle"}',
            b'{"a\\\\b": "needle", "q\\"": "\\u00e9"}',
        ]
        store = self.holding(*(document(o, v, key=f"k{o}") for o, v in enumerate(values)))
        everything = list(range(len(values)))
        self.assertEqual(self.found(store, MatchAll()), everything)
        self.assertEqual(self.found(store, "needle"), everything)
        for offset in everything:
            self.assertEqual(self.found(store, Term("key", f"k{offset}")), [offset])
        self.assertEqual(self.found(store, Match("a.b", "needle")), [12])
        self.assertEqual(self.found(store, Term("a.b", 2)), [12])
        self.assertEqual(self.found(store, "x" * 70_000), [15])
        self.assertEqual(self.found(store, "y" * 70_000), [16])

    def test_scalars_and_empty_values(self) -> None:
        """JSON that is no object, empty values and blanks are indexed."""
        store = self.holding(*documents(b"42", b"true", b"null", b"", b" ", b"{}", b"[]", b'"x y"'))
        self.assertEqual(self.found(store, MatchAll()), list(range(8)))
        self.assertEqual(self.found(store, "42"), [0])
        self.assertEqual(self.found(store, "true"), [1])
        self.assertEqual(self.found(store, '"x y"'), [7])

    def test_awkward_keys_and_headers(self) -> None:
        """Keys and headers of any bytes and length."""
        long = "k" * 70_000
        store = self.holding(
            document(0, None, key=b"\xff\x00", headers=[("", b"v"), ("a..b", b"w"), ("n", None), ("\u00e9 x", b"\xfe")]),
            document(1, None, key=long),
            document(2, None, key=long + "x"),
            document(3, None, key=b""),
            document(4, None, headers=[("long", long.encode())]),
        )
        self.assertEqual(self.found(store, MatchAll()), [0, 1, 2, 3, 4])
        self.assertEqual(self.found(store, Term("key", long)), [1])
        self.assertEqual(self.found(store, Term("key", "")), [3])
        self.assertEqual(self.found(store, Exists("key")), [0, 1, 2, 3])
        self.assertEqual(self.found(store, Term("headers.long", long)), [4])
        self.assertEqual(self.found(store, "w"), [0])

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

    def test_text_mode(self) -> None:
        """JSON in ``text`` mode is words, names included, without paths."""
        store = self.holding(document(0, {"level": "error"}, mode="text"), document(1, {"level": "error"}))
        self.assertEqual(self.found(store, Match("level", "error")), [1])
        self.assertEqual(self.found(store, "error"), [0, 1])
        self.assertEqual(self.found(store, "level"), [0])

    def test_without_columns(self) -> None:
        """``search.fast=false``: words and exact values are found as ever; a range is right or refused."""
        store = self.holding(document(0, {"n": 5, "s": "Word"}, fast=False), document(1, b"text", fast=False))
        self.assertEqual(self.found(store, "word"), [0])
        self.assertEqual(self.found(store, Term("n", 5)), [0])
        self.assertEqual(self.found(store, Term("s.keyword", "Word")), [0])
        self.assertEqual(self.found(store, Range("offset", gte=1)), [1])
        try:
            self.assertEqual(self.found(store, Range("n", gte=5)), [0])
        except QueryError as error:
            self.assertIn("search.fast", error.reason)

    def test_more_paths_than_any_dictionary(self) -> None:
        """Words are found without a field in documents whose every name is another."""
        store = self.holding(*documents(*({f"name{n}": f"common value{n}", "deep": {f"x{n}": n + 100_000}} for n in range(600))))
        self.assertEqual(len(self.found(store, "common")), 600)
        for n in (0, 255, 256, 599):
            self.assertEqual(self.found(store, f"value{n}"), [n])
            self.assertEqual(self.found(store, str(n + 100_000)), [n])
            self.assertEqual(self.found(store, Match(f"name{n}", "common")), [n])

    def test_paths(self) -> None:
        """Every path and the kinds of its values."""
        store = self.holding(*documents({"a": 1, "b": {"c": ["x", 2.5]}}, {"a": "text", "t": True, "d": "2026-01-01", "n": None}))
        wanted = {"a": {"long", "text"}, "b.c": {"text", "double"}, "t": {"boolean"}, "d": {"text", "date"}}
        self.assertEqual(dict(store.paths()), {f"value.{path}": frozenset(kinds) for path, kinds in wanted.items()})

    def test_reopened(self) -> None:
        """After close and open everything committed is there, and what was not committed is not."""
        directory = self.mktemp()
        store = self.open(directory)
        store.add([*documents({"level": "error", "n": 1}), Marker(1, 0, 1, 1, 0, "control")])
        store.commit()
        self.assertTrue(store.size_bytes > 0)
        store.add([document(2, {"level": "lost"})])
        store.close()
        for writable in (False, True):
            store = self.make_backend().open(directory, writable, HEAP_BYTES)
            self.assertEqual(self.found(store, "error"), [0])
            self.assertEqual(self.found(store, Range("n", gte=1)), [0])
            self.assertEqual(store.covered(1, 0, 0, 10), Covered(1, {"control": 1}, 1, 0))
            self.assertEqual(dict(store.paths()), {"value.level": frozenset({"text"}), "value.n": frozenset({"long"})})
            if writable:
                store.add([document(2, {"other": "more"})])
                store.commit()
                self.assertEqual(self.found(store, "more"), [2])
            store.close()

    def test_damage(self) -> None:
        """Files cut short or overwritten, or an empty directory opened for reading, are damage, not a crash."""
        self.assertRaises(StoreDamaged, self.make_backend().open, self.make_directory(), False, HEAP_BYTES)
        for damage in (b"", b"\x00garbage" * 64):
            directory = self.mktemp()
            store = self.make_backend().open(directory, True, HEAP_BYTES)
            store.add(documents(*({"n": n} for n in range(100))))
            store.commit()
            store.close()
            for name in os.listdir(directory):
                with open(os.path.join(directory, name), "wb") as file:
                    file.write(damage)
            self.assertRaises(StoreDamaged, self.read_all, directory)

    def make_directory(self) -> str:
        """A new empty directory."""
        path: str = self.mktemp()
        os.makedirs(path)
        return path

    def read_all(self, directory: str) -> int:
        """Open a store and search it."""
        store = self.make_backend().open(directory, False, HEAP_BYTES)
        self.addCleanup(store.close)
        return store.search(Range("n", gte=0), EVERYTHING, Sort("n"), 10).total

    def test_searches_run_beside_a_writer(self) -> None:
        """Threads that search while another commits see whole commits only."""
        store = self.open()
        seen: list[int] = []
        stop = threading.Event()

        def search() -> None:
            while not stop.is_set():
                seen.append(store.count(Match("w", "common"), EVERYTHING))

        threads = [threading.Thread(target=search) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for batch in range(8):
                store.add([document(batch * 10 + n, {"w": "common"}) for n in range(10)])
                store.commit()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual([count for count in seen if count % 10], [])
        self.assertEqual(store.count(Match("w", "common"), EVERYTHING), 80)
