"""In which order every index backend gives hits; part of :class:`~chronik.testing.search_contract.SearchStoreContract`."""

from __future__ import annotations

from chronik.search.interfaces import Bounds, QueryError, Sort
from chronik.search.query.ast import Match, MatchAll
from chronik.testing.search_builders import EVERYTHING, document, documents
from chronik.testing.search_cases import SearchStoreCase


class SearchSortingContract(SearchStoreCase):
    """The order is exact, across pages, topics and kinds of values."""

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

    def test_sort_by_strings(self) -> None:
        """Strings sort whole, in the order of their characters, by a path with or without ``.keyword``."""
        store = self.holding(*documents({"s": "b x"}, {"s": "B"}, {"s": "\u4f60"}, {}, {"s": ["c", "a"]}, {"s": ""}, {"s": "b x"}))
        for field in ("s", "s.keyword"):
            self.assertEqual(self.found(store, MatchAll(), Sort(field, False)), [5, 1, 4, 6, 0, 2, 3])
            self.assertEqual(self.found(store, MatchAll(), Sort(field, True)), [2, 4, 6, 0, 1, 5, 3])
            self.assertEqual(self.found(store, MatchAll(), Sort(field, True, False)), [3, 2, 4, 6, 0, 1, 5])
        values = [hit.sort_value for hit in store.search(MatchAll(), EVERYTHING, Sort("s", False), 3).hits]
        self.assertEqual(values, ["", "B", "a"])

    def test_sort_by_mixed_values(self) -> None:
        """Numbers and dates before strings; a record with several values counts by its outermost number or date, else by its outermost string;
        booleans have no order. What other topics hold changes nothing."""
        values = ["x", 5, 2**53 + 1, "2026-01-01T00:00:00Z", True, None, [7, "y", 3], 2**53, -0.5, "2026-01-02", ["z", "w"]]
        store = self.open()
        for start in range(0, len(values), 3):
            store.add([document(o, {"n": v}) for o, v in list(enumerate(values))[start : start + 3]])
            store.add([document(o, {"n": "other"}, topic=2) for o in range(3)])
            store.commit()
        self.assertEqual(self.found(store, MatchAll(), Sort("n", False)), [8, 6, 1, 3, 9, 7, 2, 10, 0, 5, 4])
        self.assertEqual(self.found(store, MatchAll(), Sort("n", True)), [10, 0, 2, 7, 9, 3, 6, 1, 8, 5, 4])
        for limit in range(1, len(values)):
            hits = store.search(MatchAll(), EVERYTHING, Sort("n", False), limit).hits
            self.assertEqual([h.offset for h in hits], [8, 6, 1, 3, 9, 7, 2, 10, 0, 5, 4][:limit])

    def test_sort_refusals(self) -> None:
        """What is not kept in order is refused, also when no hits are asked for."""
        store = self.holding(*documents({"s": "a"}))
        for field in ("key", "value", "headers.x", "headers", "value.keyword"):
            self.assertRaises(QueryError, store.search, MatchAll(), EVERYTHING, Sort(field), 10)
            self.assertRaises(QueryError, store.search, MatchAll(), EVERYTHING, Sort(field), 0)
