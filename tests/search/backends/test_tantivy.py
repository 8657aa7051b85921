"""What only the tantivy backend can get wrong."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Sequence
from typing import Any

import tantivy
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from chronik.search.backends.json_paths import PATHS_MAX, JsonPaths, leaves, may_hold_dates, speakable
from chronik.search.backends.tantivy import TantivyBackend, schema
from chronik.search.backends.tantivy.compile import QueryCompiler
from chronik.search.backends.tantivy.limits import number_limits
from chronik.search.backends.tantivy.ranking import TIED_CLAUSES_MAX, Ranking, ways_to
from chronik.search.backends.tantivy.store import PATHS_FILE
from chronik.search.interfaces import QueryError, Sort, StoreDamaged
from chronik.search.query.ast import Exists, Match, MatchAll, Prefix, Range, Term, Wildcard
from chronik.testing.search_builders import EVERYTHING, document, documents

HEAP_BYTES = 15_000_000


class TantivyStoreTests(unittest.SynchronousTestCase):
    """Files, locks, columns."""

    def test_one_writer(self) -> None:
        """A second writer is told that the index is busy, which is no damage; a reader is let in."""
        directory = self.mktemp()
        store = TantivyBackend().open(directory, True, HEAP_BYTES)
        store.commit()
        self.assertRaises(BlockingIOError, TantivyBackend().open, directory, True, HEAP_BYTES)
        TantivyBackend().open(directory, False, HEAP_BYTES).close()
        store.close()
        TantivyBackend().open(directory, True, HEAP_BYTES).close()

    def test_long_runs_of_digits_take_no_time(self) -> None:
        """A record of digits is read once, not once for every few of them: it would keep all others waiting for half an hour."""
        digits = "1234567890" * 100_000
        values = [f'{{"a":"{digits}"}}', f'{{"{digits}":1}}', f'{{"a":0.{digits}}}', f'{{"a":" {digits}"}}', f'{{"a":"{digits.replace("0", "e")}"}}']
        store = TantivyBackend().open(None, True, HEAP_BYTES)
        self.addCleanup(store.close)
        store.add([document(offset, value.encode()) for offset, value in enumerate(values)])
        store.commit()
        self.assertEqual(store.count(MatchAll(), EVERYTHING), len(values))

    def test_dictionary_of_paths_gone(self) -> None:
        """Without its dictionary an index would miss words: it is damaged."""
        directory = self.mktemp()
        store = TantivyBackend().open(directory, True, HEAP_BYTES)
        store.add(documents({"a": "b"}))
        store.commit()
        store.close()
        os.remove(os.path.join(directory, PATHS_FILE))
        self.assertRaises(StoreDamaged, TantivyBackend().open, directory, False, HEAP_BYTES)

    def test_no_length_of_a_name_is_damage(self) -> None:
        """A name or a pattern that is too long for tantivy refuses the query: an index that was said to be damaged would be made anew."""
        store = TantivyBackend().open(None, True, HEAP_BYTES)
        self.addCleanup(store.close)
        store.add(documents({"a": 1}))
        store.commit()
        for length in (100, 1_100, 70_000):
            name = "a" * length
            for query, sort in ((MatchAll(), Sort(name)), (Prefix(name, "b"), Sort()), (Wildcard("key", f"{name}*"), Sort()), (Exists(name), Sort())):
                try:
                    self.assertLessEqual(store.search(query, EVERYTHING, sort, 1).total, 1)
                except QueryError as error:
                    self.assertEqual(error.kind, "illegal_argument_exception")

    def test_columnless_records_refuse_ranges_only_where_they_are_searched(self) -> None:
        """Ranges, existence and order over paths are refused when records without columns are inside the bounds, and only then."""
        store = TantivyBackend().open(None, True, HEAP_BYTES)
        self.addCleanup(store.close)
        store.add([document(0, {"n": 1}), document(1, {"n": 2}, partition=1, fast=False)])
        store.commit()
        both = [*EVERYTHING, type(EVERYTHING[0])(1, 1, 0, 10)]
        for query in (Range("n", gte=1), Exists("n")):
            self.assertEqual(store.count(query, EVERYTHING), 1)
            error = self.assertRaises(QueryError, store.count, query, both)
            self.assertIn("search.fast=false", error.reason)
        self.assertRaises(QueryError, store.search, MatchAll(), both, Sort("n"), 10)
        self.assertEqual(store.count(Match("n", "2"), both), 1)

    def test_not_open_for_writing(self) -> None:
        """A store opened for reading refuses to write."""
        directory = self.mktemp()
        TantivyBackend().open(directory, True, HEAP_BYTES).close()
        store = TantivyBackend().open(directory, False, HEAP_BYTES)
        self.addCleanup(store.close)
        self.assertRaises(StoreDamaged, store.add, documents({}))


class NumberLimitTests(unittest.SynchronousTestCase):
    """Limits of ranges that tantivy can take."""

    def test_limits(self) -> None:
        """Integers of 64 bits stay together; others are given one end at a time, with the edges of integers beside those beyond them."""
        self.assertEqual(number_limits(1, False, 5, True), ["[1 TO 5}"])
        self.assertEqual(number_limits(None, False, 2.5, False), ["[* TO 2.5]"])
        self.assertEqual(number_limits(0.5, False, 5, False), ["[0.5 TO *]", "[* TO 5]"])
        self.assertEqual(number_limits(None, False, -0.5, True), ["[* TO -0.5}", "[* TO 0}"])
        self.assertEqual(number_limits(-1e40, False, None, False), ["[-1" + "0" * 40 + " TO *]"])
        self.assertEqual(number_limits(1e40, True, None, False)[1:], [f"{{{2**63 - 1} TO *]", f"{{{2**64 - 1} TO *]"])

    def test_unsigned(self) -> None:
        """Integers beyond 63 bits."""
        store = TantivyBackend().open(None, True, HEAP_BYTES)
        self.addCleanup(store.close)
        numbers = [0, 5, 2**63 - 1, 2**63 + 1, 2**64 - 1]
        store.add(documents(*({"n": n} for n in numbers)))
        store.commit()
        for limit in (-1e300, -0.5, 0, 5.5, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1, 2**64, 1e300):
            self.assertEqual(store.count(Range("n", gt=limit), EVERYTHING), sum(n > limit for n in numbers), limit)
            self.assertEqual(store.count(Range("n", lt=limit), EVERYTHING), sum(n < limit for n in numbers), limit)

    @settings(max_examples=40)
    @given(st.lists(st.one_of(st.integers(-(2**40), 2**40), st.floats(-1e9, 1e9).map(lambda f: round(f, 3) + 0.0)), min_size=3, max_size=6))
    def test_any_range_is_right(self, numbers: list[float]) -> None:
        """Any two limits over numbers of up to 15 digits, as Python compares them."""
        low, high, *values = numbers
        store = TantivyBackend().open(None, True, HEAP_BYTES)
        try:
            store.add(documents(*({"n": n} for n in values)))
            store.commit()
            self.assertEqual(store.count(Range("n", gte=low, lt=high), EVERYTHING), sum(low <= n < high for n in values), numbers)
            self.assertEqual(store.count(Range("n", gt=low, lte=high), EVERYTHING), sum(low < n <= high for n in values), numbers)
        finally:
            store.close()


class CountingSearcher:
    """A searcher that counts the hits it gives, and notes for how many values of a segment it was asked at most."""

    def __init__(self, searcher: tantivy.Searcher) -> None:
        self.num_segments = searcher.num_segments
        self.search = searcher.search
        self.hits = 0
        self.values = 0
        self._searcher = searcher

    def aggregate(self, query: tantivy.Query, wanted: dict[str, Any]) -> dict[str, Any]:
        """See tantivy."""
        answer: dict[str, Any] = self._searcher.aggregate(query, wanted)
        self.values = max(self.values, wanted.get("values", {}).get("terms", {}).get("segment_size", 0))
        inner = [answer["top"]] if "top" in answer else [b["top"] for b in answer["values"]["buckets"] if "top" in b]
        self.hits += sum(len(top["hits"]) for top in inner)
        return answer


class PathOrderTests(unittest.SynchronousTestCase):
    """Pages in the order of a JSON path."""

    def holding(self, values: Sequence[Any]) -> tuple[CountingSearcher, Ranking, tantivy.Query]:
        """Three segments with these values of ``n``: what counts, what ranks with it, and a query of all."""
        index = tantivy.Index(schema.build_schema())
        schema.register_tokenizers(index)
        paths = JsonPaths()
        writer = index.writer(HEAP_BYTES, 1)
        third = -(-len(values) // 3)
        for start in range(0, len(values), third):
            for offset, value in list(enumerate(values))[start : start + third]:
                writer.add_json(schema.document_json(document(offset, {"n": value}), paths)[0])
            writer.commit()
        index.reload()
        searcher: Any = CountingSearcher(index.searcher())
        compiler = QueryCompiler(index, searcher, schema.word_analyzer(), paths, lambda: False)
        return searcher, Ranking(searcher, compiler, paths), compiler.within(EVERYTHING)

    def test_hits_read(self) -> None:
        """However many records have each value, or several, a page reads little more than its own hits, and they are the right ones."""
        rnd = random.Random(3)
        few = [rnd.randrange(4) for _ in range(900)]
        many = [rnd.randrange(10_000) for _ in range(900)]
        skewed = [0 if o % 9 else o for o in range(900)]
        large = [2**60 + n for n in few]
        zeros = [rnd.choice([0, 0.0, -0.0, 1, 1.5]) for _ in range(900)]
        for values in (few, many, skewed, large, zeros, [n / 2 for n in few], [f"s{n}" for n in few], [f"2026-01-0{n + 1}" for n in few]):
            searcher, ranking, query = self.holding(values)
            for limit, descending in itertools.product((1, 10, 100, 900), (False, True)):
                searcher.hits = searcher.values = 0
                hits = ranking.first(query, MatchAll(), Sort("n", descending), limit).hits
                # Sorting keeps what is equal as it was: newest first, either way.
                wanted = sorted(range(899, -1, -1), key=lambda o: values[o], reverse=descending)
                self.assertEqual([h.offset for h in hits], wanted[:limit], (values[:3], limit, descending))
                self.assertTrue(searcher.hits <= 2 * limit, (values[:3], limit, descending, searcher.hits))
                self.assertEqual(searcher.values, limit)

    def test_hits_read_of_arrays(self) -> None:
        """Records with a value twice, or with several values, count once, by the outermost."""
        rnd = random.Random(4)
        twice = [[n, n, n] for n in range(300)]
        several = [[rnd.randrange(50), 50 + rnd.randrange(5), 70] for _ in range(300)]
        mixed = [[70, rnd.choice(["x", "y"]), rnd.randrange(5)] if o % 2 else ["z", "w"] for o in range(300)]
        pairs = [[2 * n, 2 * n + 1] for n in range(300)]
        for values in (twice, several, mixed, pairs):
            searcher, ranking, query = self.holding(values)
            for limit in (1, 10, 100, 200):
                searcher.hits = 0
                hits = ranking.first(query, MatchAll(), Sort("n", False), limit).hits
                least = [min((n for n in value if isinstance(n, int)), default=1_000) for value in values]
                self.assertEqual([h.offset for h in hits], sorted(range(300), key=lambda o: (least[o], -o))[:limit], (values[:3], limit))
                self.assertTrue(searcher.hits <= 10 * limit, (values[:3], limit, searcher.hits))


class WaysTests(unittest.SynchronousTestCase):
    """How clauses add up to a score."""

    def test_ways(self) -> None:
        """Every way to reach a score, one where nothing adds, and none when they are too many to be asked for."""
        self.assertEqual(ways_to([0.5, 0.25, 0.25], 0.5), [(False, True, True), (True, False, False)])
        self.assertEqual(ways_to([0.5], 0.25), [])
        self.assertEqual(ways_to([0.5] * 20, 0.0), [(False,) * 20])
        self.assertEqual(ways_to([0.5] * (TIED_CLAUSES_MAX + 1), 0.5), [])
        self.assertEqual(len(ways_to([0.25] * 8, 0.75)), 56)
        self.assertEqual(ways_to([0.25] * 12, 1.5), [])


class LongFloatTests(unittest.SynchronousTestCase):
    """Floats of more digits than tantivy's JSON reader keeps."""

    def test_never_missed(self) -> None:
        """Equality and closed ranges find every one of them."""
        store = TantivyBackend().open(None, True, HEAP_BYTES)
        self.addCleanup(store.close)
        values = [n / 7 for n in range(1, 300)]
        store.add(documents(*({"n": n} for n in values)))
        store.commit()
        missed = [v for v in values if not store.count(Term("n", v), EVERYTHING) or not store.count(Range("n", gte=v, lte=v), EVERYTHING)]
        self.assertEqual(missed, [])


class JsonPathsTests(unittest.SynchronousTestCase):
    """The dictionary of paths."""

    def test_shapes_are_told_apart(self) -> None:
        """Same names with other types or other nesting are new to the dictionary."""
        paths = JsonPaths()
        for value in ({"a": 1, "b": {"c": 2}}, {"a": "x", "b": {"c": 2}}, {"a": 1, "b": [{"d": True}]}, {"a": {"b": 1.5}, "c": None}):
            self.assertFalse(paths.see(value, False).wide)
        wanted = {"a": ["long", "text"], "b.c": ["long"], "b.d": ["boolean"], "a.b": ["double"]}
        self.assertEqual(paths.to_json(), wanted)
        self.assertEqual(JsonPaths(paths.to_json()).to_json(), wanted)

    def test_wide_documents(self) -> None:
        """Past its size the dictionary calls documents with other paths wide, again and again; known ones stay narrow."""
        paths = JsonPaths()
        for number in range(PATHS_MAX):
            paths.see({f"n{number}": 1}, False)
        for _ in range(2):
            self.assertTrue(paths.see({"one more": 1}, False).wide)
            self.assertFalse(paths.see({"n7": 1}, False).wide)
            self.assertTrue(paths.see({"n7": 1, "": "x"}, False).wide)
        self.assertEqual(len(paths.items()), PATHS_MAX)

    def test_dates(self) -> None:
        """Date strings come back by path, in ms."""
        value = {"at": "1970-01-01T00:00:01Z", "in": [{"d": "1970-01-02"}, "x"]}
        self.assertTrue(may_hold_dates('{"at": "1970-01-02"}'))
        self.assertFalse(may_hold_dates('{"n": 19700102}'))
        self.assertEqual(JsonPaths().see(value, True).dates, {"at": [1000], "in.d": [86_400_000]})

    def test_shapes_of_objects_keyed_by_ids(self) -> None:
        """Records none of which is like another do not fill the memory with what they were like."""
        store = TantivyBackend().open(None, True, HEAP_BYTES)
        self.addCleanup(store.close)
        for offset in range(100):
            store.add([document(offset, {"users": {f"{offset:03}x" * 250_000: 1}})])
        self.assertLessEqual(len(store._paths._shapes), 16)

    def test_speakable(self) -> None:
        """Only paths that a query can name have room in the dictionary."""
        self.assertEqual([p for p in ("a", "a.b", "a b", "", "a..b", ".a", "a\n", "a\\b", "a*") if speakable(p)], ["a", "a.b", "a b", "a\\b"])

    def test_deep_values_are_walked_without_recursion(self) -> None:
        """Any depth that a parser lets through."""
        value: object = "leaf"
        for _ in range(5_000):
            value = {"a": value}
        self.assertEqual([leaf for _, leaf in leaves(value)], ["leaf"])
