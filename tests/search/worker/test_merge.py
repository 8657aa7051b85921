"""Merging hits of several stores."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from chronik.search.interfaces import Found, Sort
from chronik.search.worker.merge import Hit, merged
from chronik.search.worker.partition import View


def hit(topic: str, partition: int, offset: int, timestamp: int, value: float | str | bool | None = None, score: float = 0.0) -> Hit:
    """A hit of some store."""
    return Hit(View(0, topic, 1, partition, 0, "", ()), Found(1, partition, offset, offset, 0, timestamp, value, score))


def names(hits: object) -> list[tuple[str, int, int]]:
    """What the hits are of."""
    return [(h.view.topic, h.view.partition, h.found.offset) for h in hits]  # type: ignore[attr-defined]


class MergedTests(SynchronousTestCase):
    """:func:`merged`."""

    def test_newest_first_with_ties(self) -> None:
        """Equal timestamps are ordered by topic, partition, and offset descending."""
        hits = [hit("b", 0, 5, 9, 9), hit("a", 1, 1, 9, 9), hit("a", 0, 3, 9, 9), hit("a", 0, 4, 9, 9), hit("c", 0, 0, 10, 10)]
        self.assertEqual(names(merged(hits, Sort(), 0, 10)), [("c", 0, 0), ("a", 0, 4), ("a", 0, 3), ("a", 1, 1), ("b", 0, 5)])

    def test_oldest_first(self) -> None:
        """Ascending order turns the values round, not the ties."""
        hits = [hit("a", 0, 1, 2, 2), hit("a", 0, 2, 1, 1), hit("a", 0, 3, 1, 1)]
        self.assertEqual([n[2] for n in names(merged(hits, Sort(descending=False), 0, 10))], [3, 2, 1])

    def test_missing_values(self) -> None:
        """Hits without a value come last, or first when asked, whatever the direction."""
        hits = [hit("a", 0, 1, 1, None), hit("a", 0, 2, 1, 7), hit("a", 0, 3, 1, 8)]
        self.assertEqual([n[2] for n in names(merged(hits, Sort("x", True), 0, 3))], [3, 2, 1])
        self.assertEqual([n[2] for n in names(merged(hits, Sort("x", False, missing_last=False), 0, 3))], [1, 2, 3])

    def test_mixed_kinds(self) -> None:
        """Numbers and strings of one field in different shards do not fail the search."""
        hits = [hit("a", 0, 1, 1, "z"), hit("a", 0, 2, 1, 7), hit("a", 0, 3, 1, 7.5), hit("a", 0, 4, 1, "a")]
        self.assertEqual([n[2] for n in names(merged(hits, Sort("x", False), 0, 9))], [2, 3, 4, 1])

    def test_score(self) -> None:
        """The best score comes first; equal scores are ordered newest first."""
        hits = [hit("a", 0, 1, 1, score=1.0), hit("a", 0, 2, 2, score=1.0), hit("a", 0, 3, 0, score=2.0)]
        self.assertEqual([n[2] for n in names(merged(hits, Sort("_score"), 0, 9))], [3, 2, 1])

    @given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 50)), unique=True), st.integers(0, 5), st.integers(0, 5))
    def test_pages_of_parts_are_pages_of_all(self, rows: list[tuple[int, int, int]], start: int, count: int) -> None:
        """Merging the first hits of each partition gives the same page as ordering everything at once."""
        hits = [hit("t", partition, offset, timestamp, timestamp) for timestamp, partition, offset in rows]
        everything = merged(hits, Sort(), 0, len(hits))[start : start + count]
        parts = [h for p in range(4) for h in merged([h for h in hits if h.view.partition == p], Sort(), 0, start + count)]
        self.assertEqual(names(merged(parts, Sort(), start, count)), names(everything))
