"""The first hits of a query in an exact order, and how many there are.

Orders by columns are tantivy's ``top_hits`` aggregation, which compares several columns: ties are exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import tantivy

from chronik.search.backends.json_paths import JsonPaths
from chronik.search.backends.tantivy.compile import QueryCompiler, all_of, any_of, total
from chronik.search.backends.tantivy.path_order import PathOrder, Value
from chronik.search.fields import Field, Kind, resolve, unsortable
from chronik.search.interfaces import Found, Result, Sort
from chronik.search.query.ast import Exists, Query

Q: Final = tantivy.Query
_TIES: Final = (("timestamp", "desc"), ("topic", "asc"), ("partition", "asc"), ("offset", "desc"))
_PLACE: Final = ("topic", "partition", "offset", "batch", "position", "timestamp")
TIED_MIN: Final = 100
TIED_MAX: Final = 5_000
"""So many hits are read to order those of one score; where there are more, they are found by their score."""

TIED_CLAUSES_MAX: Final = 12
"""All sums of so many clauses' scores are tried; of queries with more, past :data:`TIED_MAX`, equal scores are in no certain order."""

TIED_WAYS_MAX: Final = 64
"""So many sums of clauses are asked for in one query, which names every clause in each; where more add up to a score, the order is uncertain too."""


class Ranking:
    """Ranks the matches in one searcher."""

    def __init__(self, searcher: tantivy.Searcher, compiler: QueryCompiler, paths: JsonPaths) -> None:
        self._searcher = searcher
        self._compiler = compiler
        self._paths = paths

    def first(self, query: tantivy.Query, asked: Query, sort: Sort, limit: int) -> Result:
        """The first ``limit`` matches.

        :param asked: what the query was made from, without its bounds.

        :raises QueryError: it cannot be sorted so.
        """
        matches = total(self._searcher, query)
        field = None if sort.field == "_score" else self._field(sort)
        if limit <= 0 or not matches:
            return Result((), matches)
        if field is None:
            return Result(self._by_score(query, asked, limit, matches), matches)
        if field.kind in (Kind.PATH, Kind.KEYWORD):
            return Result(self._by_path(query, field.path, sort, limit), matches)
        return Result(self._by_column(query, field.path, sort.descending, limit), matches)

    def _by_path(self, query: tantivy.Query, path: str, sort: Sort, limit: int) -> list[Found]:
        order = PathOrder(self._searcher, self._compiler, self._paths, path, _tops, _valued)
        numbers, strings, without = order.split(query)
        stages: list[Callable[[int], list[Found]]] = [
            lambda count: order.by_numbers(numbers, sort.descending, count),
            lambda count: order.by_strings(strings, sort.descending, count),
        ]
        if sort.descending:
            stages.reverse()
        stages.insert(2 if sort.missing_last else 0, lambda count: self._lacking(without, count))
        hits: list[Found] = []
        for stage in stages:
            if len(hits) < limit:
                hits += stage(limit - len(hits))
        return hits

    def _lacking(self, query: tantivy.Query, limit: int) -> list[Found]:
        return [replace(found, sort_value=None) for found in self._by_column(query, "timestamp", True, limit)]

    def _field(self, sort: Sort) -> Field:
        """What to sort by.

        :raises QueryError: it has no order.
        """
        field = resolve(sort.field)
        if field.kind in (Kind.TIMESTAMP, Kind.NUMBER, Kind.TOPIC):
            return field
        if field.kind not in (Kind.PATH, Kind.KEYWORD):
            raise unsortable(sort.field)
        self._compiler.compile(Exists(sort.field))
        return field

    def _by_column(self, query: tantivy.Query, column: str, descending: bool, limit: int) -> list[Found]:
        keys = [(column, "desc" if descending else "asc"), *(tie for tie in _TIES if tie[0] != column)]
        columns = list(dict.fromkeys((*_PLACE, column)))
        top = {"size": limit, "sort": [{name: order} for name, order in keys], "docvalue_fields": columns}
        hits = self._searcher.aggregate(query, {"top": {"top_hits": top}})["top"]["hits"]
        return [_found(hit["docvalue_fields"], column) for hit in hits]

    def _by_score(self, matching: tantivy.Query, query: Query, limit: int, matches: int) -> list[Found]:
        """Best first. Tantivy breaks ties by its own numbers of documents; here the newest come first: those that score less than the last of the
        page are out, those that score more are in, and those that score the same are all read, or when they are many found by their score."""
        wanted = limit
        while True:
            best = self._scored(matching, wanted)
            lowest = best[limit - 1].score if len(best) >= limit else best[-1].score
            if len(best) >= min(matches, TIED_MAX) or best[-1].score < lowest:
                break
            wanted = min(wanted * 4 + TIED_MIN, max(TIED_MAX, limit))
        if best[-1].score == lowest and len(best) < matches:
            above = [found for found in best if found.score > lowest]
            best = above + (self._tied(matching, query, lowest, limit - len(above)) or best[len(above) :])
        best.sort(key=lambda f: (-f.score, -f.timestamp, f.topic, f.partition, -f.offset))
        return best[:limit]

    def _tied(self, matching: tantivy.Query, query: Query, score: float, limit: int) -> list[Found]:
        """The newest of the matches with this score; none when its clauses or the ways they add up to it are too many."""
        parts = [(part, clause) for part, clause in self._compiler.contributions(query) if part]
        # A query of exclusions alone matches nothing: each way begins with everything.
        ways = [
            Q.boolean_query(
                [
                    (tantivy.Occur.Must, Q.all_query()),
                    *((tantivy.Occur.Must if adds else tantivy.Occur.MustNot, clause) for adds, (_, clause) in zip(way, parts, strict=True)),
                ]
            )
            for way in ways_to([part for part, _ in parts], score)
        ]
        if not ways:
            return []
        newest = self._by_column(all_of([matching, any_of(ways)]), "timestamp", True, limit)
        return [replace(found, score=score, sort_value=score) for found in newest]

    def _scored(self, query: tantivy.Query, limit: int) -> list[Found]:
        hits = self._searcher.search(query, limit, count=False).hits
        addresses = [address for _, address in hits]
        places = zip(*(self._searcher.fast_field_values(name, addresses) for name in _PLACE), strict=True)
        return [_place(place, score, score) for (score, _), place in zip(hits, places, strict=True)]


def ways_to(parts: Sequence[float], score: float) -> list[tuple[bool, ...]]:
    """Which of the parts, all more than 0, add up to a score, in every way there is; none when there are too many."""
    if not score:
        return [(False,) * len(parts)]
    if len(parts) > TIED_CLAUSES_MAX:
        return []
    every = (way for way in itertools.product((False, True), repeat=len(parts)) if sum(itertools.compress(parts, way)) == score)
    found = list(itertools.islice(every, TIED_WAYS_MAX + 1))
    return found if len(found) <= TIED_WAYS_MAX else []


def _place(columns: Sequence[Any], sort_value: float | None, score: float = 0.0) -> Found:
    topic, partition, offset, batch, position, timestamp = columns
    return Found(topic, partition, offset, batch, position, timestamp, sort_value, score)


def _found(columns: dict[str, list[Any]], column: str) -> Found:
    values = columns[column]
    return _place([columns[name][0] for name in _PLACE], values[0] if values else None)


def _tops(limit: int) -> dict[str, Any]:
    return {"top_hits": {"size": limit, "sort": [{name: order} for name, order in _TIES], "docvalue_fields": list(_PLACE)}}


def _valued(hit: Any, value: Value) -> Found:
    return replace(_found(hit["docvalue_fields"], "timestamp"), sort_value=value.partition("\0")[0].rstrip(" ") if isinstance(value, str) else value)
