"""Query trees as SQL conditions over ``rows r``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from chronik.search.analysis import exact_term, words
from chronik.search.backends.sqlite.schema import sql_number
from chronik.search.fields import Field, Kind, is_typed, parse_date, parse_number, resolve
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
    Scored,
    Term,
    Terms,
    Wildcard,
)
from chronik.search.query.bounds import INT64_MAX, date_bounds, integer_bounds, number_ends, rounded, timestamp_bounds
from chronik.search.query.patterns import python_regex, quoted, wildcard_tokens, word_pattern

TERMS_MAX: Final = 4_000
"""Values of one ``terms`` clause: SQLite takes 32,766 parameters a statement."""


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition and its parameters."""

    text: str
    params: tuple[Any, ...] = ()


TRUE: Final = Sql("1")
FALSE: Final = Sql("0")


def _tree(conditions: Sequence[Sql], operator: str, empty: Sql) -> Sql:
    """Joined as a balanced tree: SQLite's expressions may be 1,000 deep."""
    if not conditions:
        return empty
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    left, right = _tree(conditions[:middle], operator, empty), _tree(conditions[middle:], operator, empty)
    return Sql(f"({left.text} {operator} {right.text})", left.params + right.params)


def any_of(conditions: Sequence[Sql]) -> Sql:
    """At least one of them."""
    return _tree(conditions, "OR", FALSE)


def all_of(conditions: Sequence[Sql]) -> Sql:
    """Every one of them."""
    return _tree(conditions, "AND", TRUE)


def compile_query(query: Query) -> Sql:
    """The condition of a tree.

    :raises QueryError: it asks for what cannot be answered.
    """
    if isinstance(query, MatchAll):
        return TRUE
    if isinstance(query, MatchNone):
        return FALSE
    if isinstance(query, Bool):
        return _bool(query)
    if isinstance(query, (Boost, Scored)):
        return compile_query(query.query)
    return _leaf(query, resolve(query.field))


def compile_score(query: Query) -> Sql:
    """What a record scores, as an expression."""
    if isinstance(query, Boost):
        inner = compile_score(query.query)
        return Sql(f"({inner.text} * ?)", (*inner.params, query.factor))
    if isinstance(query, Bool):
        return _scored(query, _tree([compile_score(q) for q in (*query.must, *query.should)], "+", Sql("0.0")))
    return _scored(query, Sql("?", (query.score if isinstance(query, Scored) else 1.0,)))


def _scored(query: Query, score: Sql) -> Sql:
    where = compile_query(query)
    return Sql(f"(CASE WHEN {where.text} THEN {score.text} ELSE 0.0 END)", where.params + score.params)


def _leaf(query: Query, field: Field) -> Sql:
    if isinstance(query, Match):
        return _match(field, query)
    if isinstance(query, Phrase):
        return _phrase(field, query)
    if isinstance(query, Term):
        return _term(field, query.value)
    if isinstance(query, Terms):
        if len(query.values) > TERMS_MAX:
            raise QueryError(f"[terms] on [{query.field}] has {len(query.values)} values, the sqlite backend takes {TERMS_MAX}")
        return any_of([_term(field, value) for value in query.values])
    if isinstance(query, Range):
        return _range(field, query)
    if isinstance(query, Exists):
        return _exists(field)
    if isinstance(query, Prefix):
        cut = [] if field.exact else words(query.value)
        if len(cut) > 1:
            return _phrase(field, Phrase(query.field, query.value, prefix=True))
        text = cut[0] if cut else query.value
        return _pattern(field, quoted(text) + ".*", text, query.value)
    assert isinstance(query, Wildcard)
    pattern = query.pattern if field.exact else word_pattern(query.pattern)
    return _pattern(field, python_regex(pattern), _literal_start(pattern), query.pattern)


def _bool(query: Bool) -> Sql:
    if query.minimum_should_match > len(query.should):
        return FALSE
    parts = [compile_query(q) for q in (*query.must, *query.filter)]
    for forbidden in map(compile_query, query.must_not):
        parts.append(Sql(f"NOT ({forbidden.text})", forbidden.params))
    if query.minimum_should_match == 1:
        parts.append(any_of([compile_query(q) for q in query.should]))
    elif query.minimum_should_match:
        should = [compile_query(q) for q in query.should]
        total = _tree([Sql(f"({q.text})", q.params) for q in should], "+", FALSE)
        parts.append(Sql(f"({total.text} >= {query.minimum_should_match})", total.params))
    return all_of(parts)


def _places(field: Field) -> Sql:
    value = "(place = 'value' OR (place >= 'value.' AND place < 'value/'))"
    if field.kind is Kind.ANY:
        return TRUE
    if field.kind is Kind.VALUE:
        return Sql(value)
    if field.kind is Kind.HEADERS:
        return Sql("(place >= 'headers.' AND place < 'headers/')")
    return Sql("place = ?", (_place(field),))


def _place(field: Field) -> str:
    if field.kind is Kind.KEY:
        return "key"
    return f"headers.{field.path}" if field.kind is Kind.HEADER else f"value.{field.path}"


def _owners(field: Field, condition: str, *params: Any) -> Sql:
    places = _places(field)
    return Sql(f"r.id IN (SELECT owner FROM leaves WHERE {places.text} AND {condition})", (*places.params, *params))


def _fts(field: Field, expression: str, further: str = "", *params: Any) -> Sql:
    places = _places(field)
    return Sql(
        f"r.id IN (SELECT owner FROM words CROSS JOIN leaves ON leaves.id = words.rowid WHERE words MATCH ? AND {places.text}{further})",
        (expression, *places.params, *params),
    )


def _match(field: Field, query: Match) -> Sql:
    if field.exact or field.kind in (Kind.NUMBER, Kind.TIMESTAMP, Kind.TOPIC):
        return _term(field, query.text)
    if is_typed(query.text):
        return _phrase(field, Phrase(None, query.text))
    parts = [_fts(field, f'"{word}"') for word in words(query.text)]
    joined = all_of(parts) if query.operator == "and" and parts else any_of(parts)
    return any_of([joined, *_typed(field, query.text)])


def _phrase(field: Field, query: Phrase) -> Sql:
    if field.exact and query.prefix:
        return _pattern(field, quoted(query.text) + ".*", query.text, query.text)
    if field.exact or field.kind in (Kind.NUMBER, Kind.TIMESTAMP, Kind.TOPIC):
        return _term(field, query.text)
    cut = words(query.text)
    if not cut:
        return any_of([] if query.prefix else _typed(field, query.text))
    if query.slop and len(cut) > 1:
        every = " AND ".join(f'"{word}"' for word in cut)
        found = _fts(field, every, " AND near(words.text, ?, ?)", " ".join(cut), query.slop)
    else:
        found = _fts(field, f'"{" ".join(cut)}"' + (" *" if query.prefix else ""))
    return any_of([found] + ([] if query.prefix else _typed(field, query.text)))


def _typed(field: Field, text: str) -> list[Sql]:
    """Where ``text`` is the number, the boolean or the date that a JSON value holds."""
    if field.kind not in (Kind.ANY, Kind.VALUE, Kind.PATH):
        return []
    number = parse_number(text)
    if number is not None:
        return [_owners(field, "number = ?", sql_number(number))]
    if text.lower() in ("true", "false"):
        return [_owners(field, "kind = 'boolean' AND exact = ?", text.lower())]
    instants = parse_date(text) if len(text) >= 10 else None
    return [_owners(field, "instant BETWEEN ? AND ?", instants.first, instants.last)] if instants else []


def _term(field: Field, value: Scalar) -> Sql:
    if field.kind is Kind.TIMESTAMP:
        return Sql("r.timestamp BETWEEN ? AND ?", timestamp_bounds(Range("timestamp", gte=value, lte=value)))
    if field.kind in (Kind.NUMBER, Kind.TOPIC):
        return _column_term(field, value)
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    if field.kind is Kind.KEYWORD:
        number = parse_number(text)
        typed = [] if number is None else [_owners(field, "number = ?", sql_number(number))]
        return any_of([_owners(field, "exact = ?", exact_term(text)), *typed])
    if field.exact:
        return _owners(field, "exact = ?", exact_term(text))
    return _phrase(field, Phrase(None, text))


def _column_term(field: Field, value: Scalar) -> Sql:
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or number is None:
        raise QueryError(f"[{field.path}] is a number, [{value}] is none", "number_format_exception")
    return Sql(f'r."{field.path}" = ?', (sql_number(number),))


def _range(field: Field, query: Range) -> Sql:
    if field.kind is Kind.TIMESTAMP:
        return Sql("r.timestamp BETWEEN ? AND ?", timestamp_bounds(query))
    if field.kind is Kind.NUMBER:
        return Sql(f'r."{field.path}" BETWEEN ? AND ?', integer_bounds(query))
    if field.kind not in (Kind.PATH, Kind.KEYWORD):
        raise QueryError(f"[range] on [{query.field}] is not supported: it holds strings", "illegal_argument_exception")
    instants = date_bounds(query)
    if instants is not None:
        return _owners(field, "instant BETWEEN ? AND ?", instants.first, instants.last)
    low, low_open, high, high_open = number_ends(query)
    conditions = ["number IS NOT NULL"]
    params = []
    if low is not None:
        low, low_open = rounded(low, low_open, True, INT64_MAX)
        conditions.append("number > ?" if low_open else "number >= ?")
        params.append(low)
    if high is not None:
        high, high_open = rounded(high, high_open, False, INT64_MAX)
        conditions.append("number < ?" if high_open else "number <= ?")
        params.append(high)
    return _owners(field, " AND ".join(conditions), *params)


def _exists(field: Field) -> Sql:
    if field.kind in (Kind.ANY, Kind.NUMBER, Kind.TIMESTAMP, Kind.TOPIC):
        return TRUE
    if field.kind is Kind.VALUE:
        return Sql("r.has_value")
    if field.kind is Kind.HEADERS:
        return _owners(field, "1")
    place = _place(field)
    return Sql("r.id IN (SELECT owner FROM leaves WHERE place = ? OR (place >= ? AND place < ?))", (place, place + ".", place + "/"))


def _literal_start(pattern: str) -> str:
    start = ""
    for character, wild in wildcard_tokens(pattern):
        if wild:
            break
        start += character
    return start


def _pattern(field: Field, regex: str, start: str, shown: str) -> Sql:
    if field.kind in (Kind.NUMBER, Kind.TIMESTAMP, Kind.TOPIC):
        raise QueryError(f"[{shown}] cannot be matched against the numbers of [{field.path}]", "illegal_argument_exception")
    if field.exact:
        return _owners(field, "exact >= ? AND exact REGEXP ?", start, regex)
    cut = words(start)
    if cut != [start]:
        return FALSE
    return _fts(field, f'"{start}" *', " AND any_word(?, words.text)", regex)


def any_word(regex: str, text: str) -> bool:
    """Whether one of a text's words fits; a function for SQL."""
    pattern = re.compile(regex, re.DOTALL)
    return any(pattern.fullmatch(word) for word in text.split(" "))


def fits(regex: str, text: str | None) -> bool:
    """Whether a whole string fits; SQL's ``REGEXP``."""
    return text is not None and re.compile(regex, re.DOTALL).fullmatch(text) is not None


def near(text: str, wanted: str, slop: int) -> bool:
    """Whether words are found in order with at most ``slop`` moves; a function for SQL."""
    places: dict[str, list[int]] = {}
    for number, word in enumerate(text.split(" ")):
        places.setdefault(word, []).append(number)
    spans = {(0, 0)}
    for number, word in enumerate(wanted.split(" ")):
        starts = [place - number for place in places.get(word, ())]
        spans = {(s, s) for s in starts} if number == 0 else {(min(a, s), max(b, s)) for a, b in spans for s in starts}
        spans = {(a, b) for a, b in spans if b - a <= slop}
    return bool(spans)
