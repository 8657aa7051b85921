"""The order of matches by a JSON path.

A path holds numbers, dates and strings as records have them, and its columns are integers in one segment and floats or strings in the next, so values
are compared here: first the outermost ones are asked for and how often each is there, then the records that have as many of them as make a page.
Numbers and dates (their ms) come before strings. A record counts by its outermost number or date, one without any by its outermost string.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import tantivy

from chronik.search.backends.json_paths import JsonPaths
from chronik.search.backends.tantivy.compile import QueryCompiler, all_of, any_of, json_path, total
from chronik.search.interfaces import Found

Q: Final = tantivy.Query
Value: TypeAlias = int | float | str

_BUCKETS_MAX: Final = 65_000
"""Tantivy refuses aggregations with more."""

_INTEGERS_EXACT: Final = 1 << 53
"""Below it every integer is a float."""

_NUMBERS: Final = frozenset({"long", "double"})


class PathOrder:
    """Orders by one path.

    :param tops: hits of a bucket, as an aggregation.
    :param placed: one of these hits.
    """

    def __init__(
        self,
        searcher: tantivy.Searcher,
        compiler: QueryCompiler,
        paths: JsonPaths,
        path: str,
        tops: Callable[[int], Mapping[str, Any]],
        placed: Callable[[Any, Value], Found],
    ) -> None:
        self._searcher = searcher
        self._compiler = compiler
        self._kinds = paths.kinds(path)
        self._path = path
        self._tops = tops
        self._placed = placed

    def split(self, query: tantivy.Query) -> tuple[tantivy.Query, tantivy.Query, tantivy.Query]:
        """The matches that have numbers or dates here, those that have only strings, and those that have none of them."""
        numbers = any_of([self._compiler.has_number(self._path), Q.exists_query(f"dates.{json_path(self._path)}", False)])
        strings = self._compiler.has_string(self._path)
        return (
            all_of([query, numbers]),
            Q.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, strings), (tantivy.Occur.MustNot, numbers)]),
            Q.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.MustNot, any_of([numbers, strings]))]),
        )

    def by_numbers(self, query: tantivy.Query, descending: bool, limit: int) -> list[Found]:
        """The first matches in the order of their numbers and dates."""
        found: dict[tuple[int, int, int], Found] = {}
        for root in ("exact", "dates"):
            if self._kinds and not self._kinds & (_NUMBERS if root == "exact" else {"date"}):
                continue
            column = f"{root}.{json_path(self._path)}"

            def inside(values: Sequence[Any], column: str = column) -> tantivy.Query:
                return self._compiler.numbers(column, min(values[0], values[-1]), max(values[0], values[-1]))

            for hit in self._by_values(query, column, (int, float), inside, descending, limit):
                place = (hit.topic, hit.partition, hit.offset)
                if place not in found or (hit.sort_value > found[place].sort_value) == descending:  # type: ignore[operator]
                    found[place] = hit
        return sorted(found.values(), key=lambda f: _order(f, descending))[:limit]

    def by_strings(self, query: tantivy.Query, descending: bool, limit: int) -> list[Found]:
        """The first matches in the order of their strings."""
        column = f"exact.{json_path(self._path)}"
        return self._by_values(query, column, (str,), lambda values: self._compiler.has_any(self._path, values), descending, limit)

    def _by_values(
        self,
        query: tantivy.Query,
        column: str,
        kinds: tuple[type, ...],
        inside: Callable[[Sequence[Any]], tantivy.Query],
        descending: bool,
        limit: int,
    ) -> list[Found]:
        """The first ``limit`` matches by their values of these kinds; ``inside`` finds what has values that follow one another."""
        limit = min(limit, total(self._searcher, query))
        wanted = hits_wanted = max(limit, 1)
        while True:
            counts, others = self._counts(query, column, descending, wanted)
            wished: list[Any] = sorted((value for value in counts if isinstance(value, kinds)), reverse=descending)
            complete = not others or wanted >= _BUCKETS_MAX
            # Values of another kind, in an array, take the place of those wanted: then more are asked for.
            if complete or len(counts) == len(wished):
                first = wished[:wanted] if others else wished
                values = _leading(first, counts, hits_wanted)
                found = self._having(query, column, values, inside, descending, limit, wanted)
                if len(found) >= limit or (complete and len(values) == len(first)):
                    return found[:limit]
                # Records with several values were counted several times.
                hits_wanted *= 4
            wanted = min(wanted * 4, _BUCKETS_MAX)

    def _having(
        self,
        query: tantivy.Query,
        column: str,
        values: Sequence[Any],
        inside: Callable[[Sequence[Any]], tantivy.Query],
        descending: bool,
        limit: int,
        size: int,
    ) -> list[Found]:
        """The first matches that have one of these values, the first there are. Those with any but the last are few, and are all read; of the last,
        which may be the only one and every record's, no more than the page has room for. Where a search would not find the last alone it is one of
        the others: ``limit`` of its records are read then."""
        leading, last = (values[:-1], values[-1:]) if values and _is_exact(values[-1]) else (values, ())
        found: dict[tuple[int, int, int], Found] = {}
        if leading:
            hits = self._hits(all_of([query, inside(leading)]), column, descending, size, limit)
            for value in leading:
                places = sorted((self._placed(hit, value) for hit in hits.get(value, ())), key=_newest)
                _keep(places, found)
        if last and len(found) < limit:
            rest = [(tantivy.Occur.Must, query), (tantivy.Occur.Must, inside(last))]
            if leading:
                rest.append((tantivy.Occur.MustNot, inside(leading)))
            top = self._searcher.aggregate(Q.boolean_query(rest), {"top": self._tops(limit - len(found))})["top"]
            _keep([self._placed(hit, last[0]) for hit in top["hits"]], found)
        return list(found.values())

    def _counts(self, query: tantivy.Query, column: str, descending: bool, size: int) -> tuple[dict[Value | None, int], int]:
        """How often the outermost ``size`` values of every segment are there, and how many are not among them. Booleans are None."""
        answer = self._terms(query, column, descending, size, {})
        counts: dict[Value | None, int] = {}
        for bucket in answer["buckets"]:
            value = _value(bucket)
            counts[value] = counts.get(value, 0) + bucket["doc_count"]
        return counts, answer["sum_other_doc_count"]

    def _hits(self, query: tantivy.Query, column: str, descending: bool, size: int, limit: int) -> dict[Value | None, list[Any]]:
        """Up to ``limit`` hits of each of the outermost ``size`` values of every segment."""
        found: dict[Value | None, list[Any]] = {}
        for bucket in self._terms(query, column, descending, size, {"top": self._tops(limit)})["buckets"]:
            found.setdefault(_value(bucket), []).extend(bucket["top"]["hits"])
        return found

    def _terms(self, query: tantivy.Query, column: str, descending: bool, size: int, inner: Mapping[str, Any]) -> Any:
        order = {"_key": "desc" if descending else "asc"}
        size_max = min(size * max(1, self._searcher.num_segments), _BUCKETS_MAX)
        terms = {"field": column, "size": size_max, "segment_size": size, "order": order}
        return self._searcher.aggregate(query, {"values": {"terms": terms, "aggs": inner}})["values"]


def _leading(values: Sequence[Any], counts: Mapping[Value | None, int], hits: int) -> Sequence[Any]:
    """The first values, up to the one with which they are on so many records."""
    sums = itertools.accumulate(counts[value] for value in values)
    return values[: next((number for number, records in enumerate(sums, 1) if records >= hits), len(values))]


def _is_exact(value: Value) -> bool:
    """Whether a search for the value finds it and nothing else: larger integers are compared as floats with those that a segment holds as floats, and
    zeros have signs."""
    return isinstance(value, str) or 0 < abs(value) < _INTEGERS_EXACT


def _value(bucket: Any) -> Value | None:
    value: Value | None = None if "key_as_string" in bucket else bucket["key"]
    return value


def _keep(places: Sequence[Found], found: dict[tuple[int, int, int], Found]) -> None:
    for place in places:
        found.setdefault((place.topic, place.partition, place.offset), place)


def _newest(found: Found) -> tuple[int, int, int, int]:
    return -found.timestamp, found.topic, found.partition, -found.offset


def _order(found: Found, descending: bool) -> tuple[Any, ...]:
    value: Any = found.sort_value
    return (-value if descending else value, *_newest(found))
