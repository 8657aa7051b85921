"""The order of matches by a JSON path.

A path holds numbers, dates and strings as records have them, and its columns are integers in one segment and floats or strings in the next, so values
are compared here: first the outermost ones are asked for, then the records that have them. Numbers and dates (their ms) come before strings. A record
counts by its outermost number or date, one without any by its outermost string.
"""

from __future__ import annotations

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
        wanted, having = limit, total(self._searcher, query)
        limit = min(limit, having)
        while True:
            buckets, others = self._buckets(query, column, descending, wanted, {})
            wished: list[Any] = [value for value in buckets if isinstance(value, kinds)]
            values = sorted(wished, reverse=descending)[:wanted]
            # Values of another kind, in an array, take the place of those wanted: then more are asked for.
            sure = len(buckets) == len(wished)
            found: dict[tuple[int, int, int], Found] = {}
            if values:
                hits, _ = self._buckets(all_of([query, inside(values)]), column, descending, wanted, {"top": self._tops(limit)})
                for value in values:
                    for hit in hits.get(value, ()):
                        place = self._placed(hit, value)
                        found.setdefault((place.topic, place.partition, place.offset), place)
            if (sure and len(found) >= limit) or not others or wanted >= _BUCKETS_MAX:
                return list(found.values())[:limit]
            wanted = min(wanted * 4, _BUCKETS_MAX)

    def _buckets(
        self, query: tantivy.Query, column: str, descending: bool, size: int, inner: Mapping[str, Any]
    ) -> tuple[dict[Value | None, list[Any]], int]:
        """Hits by value, of the outermost ``size`` values of every segment, and how many are not among them. Booleans are None."""
        order = {"_key": "desc" if descending else "asc"}
        size_max = min(size * max(1, self._searcher.num_segments), _BUCKETS_MAX)
        terms = {"field": column, "size": size_max, "segment_size": size, "order": order}
        answer = self._searcher.aggregate(query, {"values": {"terms": terms, "aggs": inner}})["values"]
        found: dict[Value | None, list[Any]] = {}
        for bucket in answer["buckets"]:
            value = None if "key_as_string" in bucket else bucket["key"]
            found.setdefault(value, []).extend(bucket["top"]["hits"] if inner else ())
        return found, answer["sum_other_doc_count"]


def _order(found: Found, descending: bool) -> tuple[Any, ...]:
    value: Any = found.sort_value
    return (-value if descending else value, -found.timestamp, found.topic, found.partition, -found.offset)
