"""What every index backend keeps of scores; part of :class:`~chronik.testing.search_contract.SearchStoreContract`."""

from __future__ import annotations

import random
from collections.abc import Sequence

from chronik.search.interfaces import ISearchStore, Sort
from chronik.search.query.ast import Bool, Boost, Match, MatchAll, MatchNone, Query, Scored, Terms
from chronik.search.query.querystring import parse_query_string
from chronik.search.query.scoring import scored_clauses, weigh
from chronik.testing.search_builders import EVERYTHING, document, documents
from chronik.testing.search_cases import SearchStoreCase


class SearchScoresContract(SearchStoreCase):
    """Scores are what the query says, exactly, wherever a record is."""

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
        store, times = self.holding_many()
        common, rare = Scored(Match("m", "common"), 0.5), Scored(Match("m", "rare"), 1.0)
        wanted = sorted(range(6_000), key=lambda o: (o % 997 != 5, -times[o], -o))
        for query in (
            Bool(should=(common, rare), minimum_should_match=1),
            Bool(must=(common,), should=(rare,)),
            Bool(must=(Bool(must=(Boost(MatchAll(), 2.0), common)),), should=(Bool(should=(rare,), minimum_should_match=1), MatchNone())),
        ):
            for limit in (1, 5, 7, 8, 200, 6_000):
                found = [h.offset for h in store.search(query, EVERYTHING, Sort("_score"), limit).hits]
                self.assertEqual(found, wanted[:limit], (query, limit))
        many = Bool(should=tuple(Scored(Match("m", word), 0.25) for word in ("common", *map(str, range(20)))), minimum_should_match=1)
        self.assertEqual({h.score for h in store.search(many, EVERYTHING, Sort("_score"), 10).hits}, {0.25})

    def test_no_score(self) -> None:
        """Of many that score nothing the newest come first, and none is left out, though clauses match them that add nothing."""
        store, times = self.holding_many()
        newest = sorted(range(len(times)), key=lambda o: (-times[o], -o))
        rare_first = sorted(newest, key=lambda o: o % 997 != 5)
        common, rare = Match("m", "common"), Match("m", "rare")
        for query, wanted in (
            (Bool(filter=(common,)), newest),
            (Bool(filter=(common,), should=(Scored(rare, 0.5),)), rare_first),
            (Bool(filter=(common,), should=(Boost(rare, 0.0),)), newest),
            (Bool(filter=(common,), should=(Scored(rare, 0.5), *(Scored(common, 0.0) for _ in range(20)))), rare_first),
            (Boost(Bool(must=(common,), should=(rare,)), 0.0), newest),
        ):
            for limit in (1, 7, 20, len(times)):
                found = [h.offset for h in store.search(query, EVERYTHING, Sort("_score"), limit).hits]
                self.assertEqual(found, wanted[:limit], (query, limit))

    def holding_many(self) -> tuple[ISearchStore, list[int]]:
        """A store of more records than a backend may want to read for their order, a few of them rare, and their timestamps by offset."""
        times = [(7 * n) % 6_001 for n in range(6_000)]
        store = self.open()
        for start in range(0, 6_000, 1_500):
            store.add([document(o, {"m": "rare common" if o % 997 == 5 else "common"}, timestamp=times[o]) for o in range(start, start + 1_500)])
            store.commit()
        return store, times

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
