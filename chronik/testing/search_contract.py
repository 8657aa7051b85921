"""What every index backend keeps: mix :class:`SearchStoreContract` into a test case and say how a backend is made."""

from __future__ import annotations

import os
import threading

from zope.interface.verify import verifyObject

from chronik.search.interfaces import Bounds, Covered, ISearchBackend, ISearchStore, Marker, QueryError, Sort, StoreDamaged
from chronik.search.query.ast import Bool, Boost, Exists, Match, MatchAll, MatchNone, Phrase, Prefix, Query, Range, Term, Terms, Wildcard
from chronik.testing.search_builders import EVERYTHING, document, documents
from chronik.testing.search_cases import HEAP_BYTES
from chronik.testing.search_scores_contract import SearchScoresContract
from chronik.testing.search_sorting_contract import SearchSortingContract
from chronik.testing.search_values_contract import SearchValuesContract


class SearchStoreContract(SearchScoresContract, SearchSortingContract, SearchValuesContract):
    """The contract of :class:`ISearchBackend` and :class:`ISearchStore`."""

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
            *(b'{"a":' * depth + b'"needle"' + b"}" * depth for depth in range(300, 1_000, 20)),
            *(b'{"a":' + b"[" * depth + b'"needle"' + b"]" * depth + b"}" for depth in range(300, 1_000, 20)),
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
