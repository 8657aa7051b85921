"""Whole search bodies: ``query``, ``from``, ``size``, ``sort``, ``track_total_hits``, ``_source``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from chronik.search.interfaces import QueryError, Sort
from chronik.search.query.ast import MatchAll, Query
from chronik.search.query.dsl import parse_query
from chronik.search.query.querystring import parse_query_string

RESULT_WINDOW_MAX: Final = 10_000
"""``from`` + ``size``; Elasticsearch's ``index.max_result_window``."""

_KEYS: Final = ("query", "from", "size", "sort", "track_total_hits", "_source")
NEWEST: Final = Sort("timestamp", True)
_EVERYTHING: Final = MatchAll()
OLDEST: Final = Sort("timestamp", False)


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """What of ``_source`` is answered: nothing, or the paths that fit ``includes`` (empty: all) and none of ``excludes``."""

    enabled: bool = True
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


_WHOLE: Final = SourceFilter()


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search, from either language.

    :ivar offset: how many hits are passed over (``from``).
    :ivar track_total_hits: True counts all, False none, a number at most so many.
    """

    query: Query = _EVERYTHING
    offset: int = 0
    size: int = 10
    sort: Sort = NEWEST
    track_total_hits: bool | int = True
    source: SourceFilter = _WHOLE


def parse_search_body(body: Any) -> SearchRequest:
    """A search of a JSON body.

    :raises QueryError: it cannot be understood, or holds what is not supported.
    """
    if body is None:
        return SearchRequest()
    if not isinstance(body, dict):
        raise QueryError("the body of a search must be a JSON object")
    for key in body:
        if key not in _KEYS:
            raise QueryError(f"unknown key [{key}] in the body of a search; supported are [{', '.join(_KEYS)}]")
    request = SearchRequest(
        query=parse_query(body["query"]) if "query" in body else MatchAll(),
        offset=_count("from", body.get("from", 0)),
        size=_count("size", body.get("size", 10)),
        sort=parse_sort(body["sort"]) if "sort" in body else NEWEST,
        track_total_hits=_track("track_total_hits", body.get("track_total_hits", True)),
        source=parse_source(body.get("_source", True)),
    )
    return _within_window(request)


def with_params(request: SearchRequest, params: Mapping[str, str]) -> SearchRequest:
    """The search with the parameters of its URL, which count more than its body: ``q``, ``default_operator``, ``df``, ``from``, ``size``,
    ``sort``, ``track_total_hits``, ``_source``, ``_source_includes``, ``_source_excludes``. Others are not looked at.

    :raises QueryError: one of them cannot be understood.
    """
    if "q" in params:
        request = replace(request, query=parse_query_string(params["q"], params.get("default_operator", "or"), params.get("df")))
    if "from" in params:
        request = replace(request, offset=_count("from", params["from"]))
    if "size" in params:
        request = replace(request, size=_count("size", params["size"]))
    if "sort" in params:
        request = replace(request, sort=_sort_param(params["sort"]))
    if "track_total_hits" in params:
        request = replace(request, track_total_hits=_track("track_total_hits", params["track_total_hits"]))
    return _within_window(replace(request, source=_source_params(request.source, params)))


def _within_window(request: SearchRequest) -> SearchRequest:
    window = request.offset + request.size
    if window > RESULT_WINDOW_MAX:
        raise QueryError(
            f"Result window is too large, from + size must be less than or equal to: [{RESULT_WINDOW_MAX}] but was [{window}]",
            "illegal_argument_exception",
        )
    return request


def _count(name: str, value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise QueryError(f"[{name}] must be an integer of at least 0, not [{value}]", "illegal_argument_exception")
    return value


def _track(name: str, value: Any) -> bool | int:
    if value in ("true", "false", ""):
        return bool(value != "false")
    if isinstance(value, bool):
        return value
    if value in (-1, "-1"):
        return True
    return _count(name, value)


def _sort_param(text: str) -> Sort:
    if "," in text:
        raise QueryError(f"[sort] takes one field, not [{text}]", "illegal_argument_exception")
    name, _, order = text.rpartition(":")
    return _sort(name, order, "_last") if name else parse_sort(text)


def parse_sort(value: Any) -> Sort:
    """``newest``, ``oldest``, a field's name, ``{"field": "desc"}`` or ``{"field": {"order": "desc", "missing": "_last"}}``, or a list of one.

    :raises QueryError: it is none of these.
    """
    if isinstance(value, list):
        if len(value) != 1:
            raise QueryError(f"[sort] takes one field, not {len(value)}; ties are newest first", "illegal_argument_exception")
        value = value[0]
    if isinstance(value, str):
        named = {"newest": NEWEST, "oldest": OLDEST}.get(value)
        return named or _sort(value, None, "_last")
    if not isinstance(value, dict) or len(value) != 1:
        raise QueryError(f"[sort] must be a field's name or an object of one, not [{value}]", "illegal_argument_exception")
    name, options = next(iter(value.items()))
    if isinstance(options, str):
        return _sort(name, options, "_last")
    if not isinstance(options, dict):
        raise QueryError(f"[sort] on [{name}] must say [asc] or [desc], not [{options}]", "illegal_argument_exception")
    for key in options:
        if key not in ("order", "missing", "unmapped_type"):
            raise QueryError(f"[sort] on [{name}] does not support [{key}]; it supports [order, missing, unmapped_type]")
    return _sort(name, options.get("order"), options.get("missing", "_last"))


def _sort(name: str, order: Any, missing: Any) -> Sort:
    if order not in (None, "asc", "desc"):
        raise QueryError(f"[sort] on [{name}] must be [asc] or [desc], not [{order}]", "illegal_argument_exception")
    if missing not in ("_last", "_first"):
        raise QueryError(f"[sort] on [{name}]: [missing] must be [_last] or [_first], not [{missing}]", "illegal_argument_exception")
    if name == "_score" and order == "asc":
        raise QueryError("[sort] on [_score] is best first: it can only be [desc]", "illegal_argument_exception")
    if name == "_doc":
        return Sort("timestamp", order != "asc")
    name = "timestamp" if name == "@timestamp" else name
    descending = name == "_score" if order is None else order == "desc"
    return Sort(name, descending, missing == "_last")


def parse_source(value: Any) -> SourceFilter:
    """``true``, ``false``, a pattern, a list of patterns, or an object with ``includes`` and ``excludes``.

    :raises QueryError: it is none of these.
    """
    if isinstance(value, bool):
        return SourceFilter(value)
    if isinstance(value, dict):
        for key in value:
            if key not in ("includes", "excludes", "include", "exclude"):
                raise QueryError(f"[_source] does not support [{key}]; it supports [includes, excludes]")
        includes = value.get("includes", value.get("include", []))
        return SourceFilter(True, _patterns(includes), _patterns(value.get("excludes", value.get("exclude", []))))
    return SourceFilter(True, _patterns(value))


def _patterns(value: Any) -> tuple[str, ...]:
    patterns = [value] if isinstance(value, str) else value
    if not isinstance(patterns, list) or not all(isinstance(p, str) for p in patterns):
        raise QueryError(f"[_source] takes patterns as texts, not [{value}]", "illegal_argument_exception")
    return tuple(patterns)


def _source_params(source: SourceFilter, params: Mapping[str, str]) -> SourceFilter:
    if "_source" in params:
        text = params["_source"]
        source = SourceFilter(text == "true") if text in ("true", "false") else SourceFilter(True, tuple(text.split(",")))
    if "_source_includes" in params:
        source = replace(source, includes=tuple(params["_source_includes"].split(",")))
    if "_source_excludes" in params:
        source = replace(source, excludes=tuple(params["_source_excludes"].split(",")))
    return source
