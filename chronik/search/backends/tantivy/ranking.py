"""The first hits of a query in an exact order, and how many there are.

Orders by columns are tantivy's ``top_hits`` aggregation, which compares several columns: ties are exact. Records without the field they are sorted by
are asked for in a second query.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import tantivy

from chronik.search.backends.json_paths import JsonPaths
from chronik.search.backends.tantivy.compile import QueryCompiler, all_of, any_of, json_path, total
from chronik.search.fields import Kind, resolve
from chronik.search.interfaces import Found, QueryError, Result, Sort
from chronik.search.query.ast import Exists, Query

Q: Final = tantivy.Query
_TIES: Final = (("timestamp", "desc"), ("topic", "asc"), ("partition", "asc"), ("offset", "desc"))
_PLACE: Final = ("topic", "partition", "offset", "batch", "position", "timestamp")
_NUMBERS: Final = frozenset({"long", "double"})

_BUCKETS_MAX: Final = 65_000
"""Tantivy refuses aggregations with more."""

TIED_MIN: Final = 100
TIED_MAX: Final = 5_000
"""So many hits are read to order those of one score; where there are more, they are found by their score."""

TIED_CLAUSES_MAX: Final = 12
"""All sums of so many clauses' scores are tried; of queries with more, past :data:`TIED_MAX`, equal scores are in no certain order."""


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
        if limit <= 0 or not matches:
            self._column(sort)
            return Result((), matches)
        if sort.field == "_score":
            return Result(self._by_score(query, asked, limit, matches), matches)
        column = self._column(sort)
        if "." not in column:
            return Result(self._by_column(query, column, sort.descending, limit), matches)
        return Result(self._by_path(query, column, sort, limit), matches)

    def _by_path(self, query: tantivy.Query, column: str, sort: Sort, limit: int) -> list[Found]:
        present = Q.exists_query(column, False)
        with_value = all_of([query, present])
        without = Q.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.MustNot, present)])
        having = total(self._searcher, with_value)

        def ordered(count: int) -> list[Found]:
            return self._by_values(with_value, column, sort.descending, min(count, having)) if having else []

        def lacking(count: int) -> list[Found]:
            return [_lacking(found) for found in self._by_column(without, "timestamp", True, count)]

        begin, end = (ordered, lacking) if sort.missing_last else (lacking, ordered)
        hits = begin(limit)
        return hits + end(limit - len(hits)) if len(hits) < limit else hits

    def _column(self, sort: Sort) -> str:
        """The column to sort by."""
        if sort.field == "_score":
            return sort.field
        field = resolve(sort.field)
        if field.kind in (Kind.TIMESTAMP, Kind.NUMBER, Kind.TOPIC):
            return field.path
        if field.kind is not Kind.PATH:
            raise _unsortable(sort.field, "it holds strings")
        self._compiler.compile(Exists(sort.field))
        kinds = self._paths.kinds(field.path)
        if kinds <= _NUMBERS:
            return f"exact.{json_path(field.path)}"
        if kinds == {"text", "date"} or kinds == {"date"}:
            return f"dates.{json_path(field.path)}"
        raise _unsortable(sort.field, f"it holds {' and '.join(sorted(kinds))}")

    def _by_values(self, query: tantivy.Query, column: str, descending: bool, limit: int) -> list[Found]:
        """In the order of a JSON path. Its columns are integers in one segment and floats in the next, so their values are compared here: first the
        outermost values are asked for, then the records that have them. A record with several values counts by its outermost one."""
        wanted = limit
        while True:
            values = sorted(self._buckets(query, column, descending, wanted, {}), reverse=descending)[:wanted]
            found: dict[tuple[int, int, int], Found] = {}
            for value, hits in self._records(query, column, descending, values, limit):
                for hit in hits:
                    place = _found(hit["docvalue_fields"], "timestamp")
                    found.setdefault((place.topic, place.partition, place.offset), _valued(place, value))
            if len(found) >= limit or len(values) < wanted:
                return list(found.values())[:limit]
            wanted *= 4

    def _records(self, query: tantivy.Query, column: str, descending: bool, values: list[float], limit: int) -> list[tuple[float, list[Any]]]:
        inside = self._compiler.numbers(column, min(values[0], values[-1]), max(values[0], values[-1]))
        top = {"top": {"top_hits": {"size": limit, "sort": [{name: order} for name, order in _TIES], "docvalue_fields": list(_PLACE)}}}
        buckets = self._buckets(all_of([query, inside]), column, descending, len(values), top)
        return [(value, hits) for value, hits in sorted(buckets.items(), reverse=descending) if value in set(values)]

    def _buckets(self, query: tantivy.Query, column: str, descending: bool, size: int, inner: dict[str, Any]) -> dict[float, list[Any]]:
        """Hits by value, of the outermost ``size`` values of every segment."""
        order = {"_key": "desc" if descending else "asc"}
        size_max = min(size * max(1, self._searcher.num_segments), _BUCKETS_MAX)
        terms = {"field": column, "size": size_max, "segment_size": size, "order": order}
        buckets = self._searcher.aggregate(query, {"values": {"terms": terms, "aggs": inner}})["values"]["buckets"]
        found: dict[float, list[Any]] = {}
        for bucket in buckets:
            found.setdefault(bucket["key"], []).extend(bucket["top"]["hits"] if inner else ())
        return found

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
        """The newest of the matches with this score; none when its clauses are too many to tell which of them add up to it."""
        parts = self._compiler.contributions(query)
        if len(parts) > TIED_CLAUSES_MAX:
            return []
        scores = [part for part, _ in parts]
        sums = [found for found in itertools.product((False, True), repeat=len(parts)) if sum(itertools.compress(scores, found)) == score]
        ways = [
            Q.boolean_query([(tantivy.Occur.Must if adds else tantivy.Occur.MustNot, part) for adds, (_, part) in zip(found, parts, strict=True)])
            for found in sums
            if any(found)
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


def _place(columns: Sequence[Any], sort_value: float | None, score: float = 0.0) -> Found:
    topic, partition, offset, batch, position, timestamp = columns
    return Found(topic, partition, offset, batch, position, timestamp, sort_value, score)


def _found(columns: dict[str, list[Any]], column: str) -> Found:
    values = columns[column]
    return _place([columns[name][0] for name in _PLACE], values[0] if values else None)


def _valued(found: Found, value: float) -> Found:
    return Found(found.topic, found.partition, found.offset, found.batch_offset, found.position, found.timestamp, value)


def _lacking(found: Found) -> Found:
    return Found(found.topic, found.partition, found.offset, found.batch_offset, found.position, found.timestamp, None)


def _unsortable(name: str, why: str) -> QueryError:
    return QueryError(f"cannot sort by [{name}]: {why}; sort by numbers, dates or [_score]", "illegal_argument_exception")
