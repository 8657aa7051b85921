"""Scores that do not depend on where a record is."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.search.query.ast import Bool, Boost, Match, MatchAll, Phrase, Query, Range, Scored, Term
from chronik.search.query.scoring import STEP, scored_clauses, weigh

RED, BLUE = Match("m", "red"), Match("m", "blue")


class ScoringTests(SynchronousTestCase):
    """:func:`scored_clauses` and :func:`weigh`."""

    def score(self, query: Query, documents: int, *frequencies: int) -> float:
        """Of a query that becomes one scored clause."""
        weighed = weigh(query, documents, frequencies)
        assert isinstance(weighed, Scored)
        self.assertEqual(weighed.score % STEP, 0)
        return weighed.score

    def test_clauses(self) -> None:
        """Words, phrases and terms of what scores, each once; not what filters or forbids, nor what is not a matter of words."""
        query = Bool(
            must=(Match("m", "red blue red"), Boost(Phrase("m", "a b"), 2.0)),
            should=(Term("n", 1), Term("n", True), RED, Range("n", gte=1), MatchAll()),
            filter=(Term("f", "x"),),
            must_not=(Term("g", "x"),),
        )
        self.assertEqual(repr(scored_clauses(query)), repr([RED, BLUE, Phrase("m", "a b"), Term("n", 1), Term("n", True)]))

    def test_whole_values(self) -> None:
        """What is compared whole is one clause: keys, numbers, dates."""
        for query in (Match("key", "red blue"), Match("m.keyword", "red blue"), Match("m", "2026-01-01"), Match("m", "2.5"), Match("offset", "5")):
            self.assertEqual(scored_clauses(query), [query])

    def test_rare_scores_high(self) -> None:
        """The rarer the higher, never nothing, and nothing for what is boosted by nothing."""
        scores = [self.score(RED, 1_000, count) for count in (0, 1, 10, 500, 999, 1_000)]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(scores[-1], STEP)
        self.assertEqual(self.score(Boost(RED, 0.0), 1_000, 1), 0.0)
        self.assertApproximates(self.score(Boost(Boost(RED, 2.0), 2.0), 1_000, 10), 4 * scores[2], 4 * STEP)
        self.assertEqual(self.score(Range("n", gte=1), 1_000), 1.0)
        self.assertEqual(self.score(Boost(MatchAll(), 1.5), 1_000), 1.5)

    def test_boosts_in_boosts(self) -> None:
        """However they are nested, a score is a number: infinity has no place in JSON."""
        query: Query = Term("f", "x")
        for _ in range(30):
            query = Boost(query, 1e30)
        scored = weigh(query, 10, [1])
        assert isinstance(scored, Scored)
        self.assertLess(scored.score, 1e35)

    def test_words_of_a_match(self) -> None:
        """A match of several words matches as before; each of its words scores for itself."""
        match = Match("m", "red blue", "and")
        weighed = weigh(match, 100, [1, 50])
        assert isinstance(weighed, Bool)
        self.assertEqual((weighed.filter, weighed.minimum_should_match), ((match,), 0))
        red, blue = weighed.should
        assert isinstance(red, Scored) and isinstance(blue, Scored)
        self.assertEqual((red.query, blue.query, red.score > blue.score), (RED, BLUE, True))

    def test_many_words(self) -> None:
        """A match of a whole text is not counted word by word."""
        query = Match("m", " ".join(f"w{n}" for n in range(100)))
        self.assertEqual(scored_clauses(query), [query])
