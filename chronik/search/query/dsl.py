"""Elasticsearch's query bodies: the JSON under ``query``.

What is not supported is refused by name, inside known queries too: a parameter that changed the answer must never be passed over.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from chronik.search.interfaces import QueryError
from chronik.search.query.ast import (
    Bool,
    Boost,
    Exists,
    Match,
    MatchAll,
    MatchNone,
    Phrase,
    Prefix,
    Query,
    Range,
    Scalar,
    Term,
    Terms,
    Wildcard,
)
from chronik.search.query.limits import BOOST_MAX, Budget
from chronik.search.query.querystring import parse_query_string
from chronik.search.query.topics import with_id

Body: TypeAlias = Mapping[str, Any]


def parse_query(body: Any) -> Query:
    """The query of the JSON under ``query``.

    :raises QueryError: it cannot be understood, or holds what is not supported.
    """
    return _parse(body, Budget(), 0)


def _parse(body: Any, budget: Budget, depth: int) -> Query:
    budget.spend(depth)
    if not isinstance(body, dict):
        raise QueryError(f"a query is expected as a JSON object, not {_shown(body)}")
    if len(body) != 1:
        raise QueryError(f"a query has one name, this one has {len(body)}: [{', '.join(map(str, body))}]; join queries with [bool]")
    name, inner = next(iter(body.items()))
    parser = _QUERIES.get(name)
    if parser is None:
        raise QueryError(f"unknown query [{name}]; supported are [{', '.join(sorted(_QUERIES))}]")
    return parser(name, inner, budget, depth)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _object(name: str, inner: Any) -> dict[str, Any]:
    if not isinstance(inner, dict):
        raise QueryError(f"[{name}] expects a JSON object, not {_shown(inner)}")
    return inner


def _known(name: str, inner: Body, allowed: Sequence[str]) -> None:
    for key in inner:
        if key not in allowed and key != "_name":
            raise QueryError(f"[{name}] does not support [{key}]; it supports [{', '.join(allowed)}]")


def _boosted(query: Query, inner: Body) -> Query:
    boost = inner.get("boost", 1)
    if isinstance(boost, bool) or not isinstance(boost, (int, float)) or not 0 <= boost <= BOOST_MAX:
        raise QueryError(f"[boost] must be a number from 0 to {BOOST_MAX:.0e}, not {_shown(boost)}", "illegal_argument_exception")
    return query if boost == 1 else Boost(query, float(boost))


def _scalar(name: str, value: Any) -> Scalar:
    if isinstance(value, (str, int, bool)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise QueryError(f"[{name}] expects a string, a number or a boolean, not {_shown(value)}")


def _text(name: str, value: Any) -> str:
    scalar = _scalar(name, value)
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    return str(scalar)


def _words(name: str, value: Any, budget: Budget) -> str:
    text = _text(name, value)
    budget.spend_words(text)
    return text


def _number(name: str, key: str, value: Any, default: int = 0) -> int:
    if value is None:
        return default
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise QueryError(f"[{name}] [{key}] must be an integer, not {_shown(value)}")


def _one_field(name: str, inner: Any, value_key: str, allowed: Sequence[str]) -> tuple[str, dict[str, Any]]:
    fields = {k: v for k, v in _object(name, inner).items() if not (k in ("boost", "_name") and not isinstance(v, dict))}
    if len(fields) != 1:
        raise QueryError(f"[{name}] expects one field, not [{', '.join(fields)}]")
    field, value = next(iter(fields.items()))
    options = dict(value) if isinstance(value, dict) else {value_key: value}
    options.update({k: inner[k] for k in ("boost", "_name") if k in inner and k not in fields})
    _known(name, options, allowed)
    if value_key not in options:
        raise QueryError(f"[{name}] on [{field}] needs [{value_key}]")
    return field, options


def _match_all(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    _known(name, _object(name, inner), ("boost",))
    return _boosted(MatchAll(), inner)


def _match_none(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    _known(name, _object(name, inner), ())
    return MatchNone()


def _operator(name: str, value: Any) -> str:
    if not isinstance(value, str) or value.lower() not in ("or", "and"):
        raise QueryError(f"[{name}] [operator] must be [or] or [and], not {_shown(value)}", "illegal_argument_exception")
    return value.lower()


def _match(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    field, options = _one_field(name, inner, "query", ("query", "operator", "boost"))
    return _boosted(Match(field, _words(name, options["query"], budget), _operator(name, options.get("operator", "or"))), options)


def _match_phrase(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    field, options = _one_field(name, inner, "query", ("query", "slop", "boost"))
    slop = _number(name, "slop", options.get("slop"))
    if not 0 <= slop <= 1_000:
        raise QueryError(f"[{name}] [slop] must be from 0 to 1000, not {slop}", "illegal_argument_exception")
    return _boosted(Phrase(field, _words(name, options["query"], budget), slop), options)


def _match_phrase_prefix(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    field, options = _one_field(name, inner, "query", ("query", "boost"))
    return _boosted(Phrase(field, _words(name, options["query"], budget), prefix=True), options)


def _multi_match(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    _known(name, _object(name, inner), ("query", "fields", "type", "operator", "boost"))
    kind = inner.get("type", "best_fields")
    if kind not in ("best_fields", "phrase"):
        raise QueryError(f"[{name}] does not support the type [{kind}]; it supports [best_fields, phrase]")
    if "query" not in inner:
        raise QueryError(f"[{name}] needs [query]")
    text = _text(name, inner["query"])
    operator = _operator(name, inner.get("operator", "or"))
    fields = inner.get("fields", ["*"])
    if not isinstance(fields, list) or not fields or not all(isinstance(f, str) for f in fields):
        raise QueryError(f"[{name}] [fields] must be a list of names, not {_shown(fields)}")
    clauses: list[Query] = []
    for field in fields:
        budget.spend(depth)
        budget.spend_words(text)
        target, _, factor = field.partition("^")
        clause: Query = Match(target, text, operator) if kind == "best_fields" else Phrase(target, text)
        clauses.append(_boosted(clause, {"boost": _factor(name, factor)}) if factor else clause)
    return _boosted(Bool(should=tuple(clauses), minimum_should_match=1), inner)


def _factor(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise QueryError(f"[{name}] a boost is expected after '^', not [{text}]") from None


def _term(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    field, options = _one_field(name, inner, "value", ("value", "boost"))
    return _boosted(Term(field, _scalar(name, options["value"])), options)


def _terms(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    fields = {k: v for k, v in _object(name, inner).items() if k not in ("boost", "_name")}
    if len(fields) != 1:
        raise QueryError(f"[{name}] expects one field, not [{', '.join(fields)}]")
    field, values = next(iter(fields.items()))
    if not isinstance(values, list):
        raise QueryError(f"[{name}] on [{field}] expects a list of values, not {_shown(values)}")
    budget.spend_values(field, values)
    return _boosted(Terms(field, tuple(_scalar(name, v) for v in values)), inner)


_BOUNDS: Final = ("gt", "gte", "lt", "lte")


def _range(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    fields = {k: v for k, v in _object(name, inner).items() if k not in ("boost", "_name")}
    if len(fields) != 1:
        raise QueryError(f"[{name}] expects one field, not [{', '.join(fields)}]")
    field, options = next(iter(fields.items()))
    _known(name, _object(name, options), (*_BOUNDS, "boost", "format"))
    if options.get("format") not in (None, "epoch_millis", "strict_date_optional_time", "strict_date_optional_time||epoch_millis"):
        raise QueryError(f"[{name}] does not support the format [{options['format']}]; dates are ISO 8601 or ms since 1970")
    bounds = {k: _scalar(name, options[k]) for k in _BOUNDS if options.get(k) is not None}
    for value in bounds.values():
        if isinstance(value, str) and (value.startswith("now") or "||" in value):
            raise QueryError(f"[{name}] on [{field}] does not support date math as [{value}]; give an ISO 8601 date or ms since 1970")
    query: Query = Range(field, **bounds) if bounds else Exists(field)
    return _boosted(_boosted(query, options), {k: v for k, v in inner.items() if k == "boost" and field != "boost"})


def _exists(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    _known(name, _object(name, inner), ("field", "boost"))
    if not isinstance(inner.get("field"), str):
        raise QueryError(f"[{name}] needs [field], a name")
    return _boosted(Exists(inner["field"]), inner)


def _prefix(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    field, options = _one_field(name, inner, "value", ("value", "boost"))
    start = _text(name, options["value"])
    if not start:
        raise QueryError(f"[{name}] on [{field}] is empty: use [exists] for any value")
    return _boosted(Prefix(field, start), options)


def _wildcard(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    if isinstance(inner, dict):
        inner = {k: {("value" if o == "wildcard" else o): v for o, v in i.items()} if isinstance(i, dict) else i for k, i in inner.items()}
    field, options = _one_field(name, inner, "value", ("value", "boost"))
    pattern = _text(name, options["value"])
    if pattern == "*":
        return _boosted(Exists(field), options)
    if not pattern or pattern[0] in "*?":
        raise QueryError(f"[{name}] on [{field}]: a pattern cannot begin with '*' or '?', that would read every term there is")
    return _boosted(Wildcard(field, pattern), options)


def _ids(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    _known(name, _object(name, inner), ("values", "boost"))
    values = inner.get("values")
    if not isinstance(values, list):
        raise QueryError(f"[{name}] needs [values], a list of ids")
    clauses = []
    for value in values:
        budget.spend(depth)
        clauses.append(with_id(value))
    return _boosted(Bool(should=tuple(clauses), minimum_should_match=1), inner) if clauses else MatchNone()


_OCCURRENCES: Final = ("must", "filter", "should", "must_not")


def _bool(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    _known(name, _object(name, inner), (*_OCCURRENCES, "minimum_should_match", "boost"))
    lists: dict[str, tuple[Query, ...]] = {}
    for occurrence in _OCCURRENCES:
        clauses = inner.get(occurrence, [])
        clauses = clauses if isinstance(clauses, list) else [clauses]
        lists[occurrence] = tuple(_parse(clause, budget, depth + 1) for clause in clauses)
    if not any(lists.values()):
        return _boosted(MatchAll(), inner)
    needed = bool(lists["should"]) and not (lists["must"] or lists["filter"])
    minimum = _minimum(name, inner["minimum_should_match"], len(lists["should"])) if "minimum_should_match" in inner else 0
    # Where nothing else is asked for one of them has to match, as in Elasticsearch, also when what is said comes to none.
    return _boosted(Bool(**lists, minimum_should_match=max(minimum, int(needed))), inner)


def _minimum(name: str, value: Any, clauses: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        percent = _number(name, "minimum_should_match", value[:-1])
        count = abs(percent) * clauses // 100
        return max(0, clauses - count if percent < 0 else count)
    number = _number(name, "minimum_should_match", value)
    return max(0, clauses + number if number < 0 else number)


def _query_string(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    _known(name, _object(name, inner), ("query", "default_field", "default_operator", "boost"))
    if not isinstance(inner.get("query"), str):
        raise QueryError(f"[{name}] needs [query], a text")
    operator = inner.get("default_operator", "or")
    field = inner.get("default_field")
    if field is not None and not isinstance(field, str):
        raise QueryError(f"[{name}] [default_field] must be a name, not {_shown(field)}")
    return _boosted(parse_query_string(inner["query"], str(operator), None if field == "*" else field, budget), inner)


def _constant_score(name: str, inner: Any, budget: Budget, depth: int) -> Query:
    _known(name, _object(name, inner), ("filter", "boost"))
    if "filter" not in inner:
        raise QueryError(f"[{name}] needs [filter]")
    return Bool(must=(_boosted(MatchAll(), inner),), filter=(_parse(inner["filter"], budget, depth + 1),))


_QUERIES: Final[Mapping[str, Callable[[str, Any, Budget, int], Query]]] = {
    "bool": _bool,
    "constant_score": _constant_score,
    "exists": _exists,
    "ids": _ids,
    "match": _match,
    "match_all": _match_all,
    "match_none": _match_none,
    "match_phrase": _match_phrase,
    "match_phrase_prefix": _match_phrase_prefix,
    "multi_match": _multi_match,
    "prefix": _prefix,
    "query_string": _query_string,
    "range": _range,
    "term": _term,
    "terms": _terms,
    "wildcard": _wildcard,
}
