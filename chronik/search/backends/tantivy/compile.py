"""Query trees as tantivy's queries."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import tantivy

from chronik.search.analysis import exact_term, spaced
from chronik.search.backends.json_paths import JsonPaths, speakable
from chronik.search.backends.tantivy.expansion import PathPhrase, text_phrase
from chronik.search.backends.tantivy.floats import readings
from chronik.search.backends.tantivy.limits import INT64_MIN, UINT64_MAX, json_number, number_limits
from chronik.search.fields import Field, Kind, is_typed, parse_date, parse_number, resolve, timestamp_ms, value_date
from chronik.search.interfaces import Bounds, QueryError
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
from chronik.search.query.patterns import quoted, wildcard_regex, word_pattern

Q: Final = tantivy.Query
_MUST: Final = tantivy.Occur.Must
_SHOULD: Final = tantivy.Occur.Should
_NOT: Final = tantivy.Occur.MustNot
_FLOAT_LEAST: Final = 5e-324


def any_of(queries: Sequence[tantivy.Query]) -> tantivy.Query:
    """At least one of them."""
    if len(queries) == 1:
        return queries[0]
    return Q.boolean_query([(_SHOULD, query) for query in queries]) if queries else Q.empty_query()


def all_of(queries: Iterable[tantivy.Query]) -> tantivy.Query:
    """Every one of them."""
    return Q.boolean_query([(_MUST, query) for query in queries])


def total(searcher: tantivy.Searcher, query: tantivy.Query) -> int:
    """How many match."""
    result: Any = searcher.search(query, 1, count=True)
    return int(result.count)


def unscored(query: tantivy.Query) -> tantivy.Query:
    """The same matches, adding nothing to a score."""
    return Q.const_score_query(query, 0.0)


class QueryCompiler:
    """Compiles for one index.

    :param searcher: what is searched, as it is now.
    :param columnless: whether records without columns (``search.fast=false``) are among those searched.
    """

    def __init__(
        self, index: tantivy.Index, searcher: tantivy.Searcher, analyzer: tantivy.TextAnalyzer, paths: JsonPaths, columnless: Callable[[], bool]
    ) -> None:
        self._index = index
        self._searcher = searcher
        self._schema = index.schema
        self._analyzer = analyzer
        self._paths = paths
        self._columnless = columnless

    def compile(self, query: Query) -> tantivy.Query:
        """The tantivy query of a tree.

        :raises QueryError: it asks for what an index cannot answer.
        """
        try:
            return self._compile(query)
        except (ValueError, OverflowError) as error:
            raise QueryError(f"the query cannot be answered: {error}", "illegal_argument_exception") from error

    def _compile(self, query: Query) -> tantivy.Query:
        if isinstance(query, MatchAll):
            return Q.const_score_query(Q.all_query(), 1.0)
        if isinstance(query, MatchNone):
            return Q.empty_query()
        if isinstance(query, Bool):
            return self._bool(query)
        if isinstance(query, Boost):
            return Q.boost_query(self._compile(query.query), query.factor)
        if isinstance(query, Scored):
            return Q.const_score_query(self._compile(query.query), query.score)
        return Q.const_score_query(self._leaf(query, resolve(query.field)), 1.0)

    def _leaf(self, query: Query, field: Field) -> tantivy.Query:
        if isinstance(query, Match):
            return self._match(field, query)
        if isinstance(query, Phrase):
            return self._phrase(field, query)
        if isinstance(query, Term):
            return self._term(field, query.value)
        if isinstance(query, Terms):
            return any_of([self._term(field, value) for value in query.values])
        if isinstance(query, Range):
            return self._range(field, query)
        if isinstance(query, Exists):
            return self._exists(field)
        if isinstance(query, Prefix):
            return self._prefix(field, query)
        assert isinstance(query, Wildcard)
        if field.exact:
            return self._pattern(field, wildcard_regex(query.pattern), query.pattern)
        return self._pattern(field, wildcard_regex(word_pattern(query.pattern)), query.pattern)

    def _prefix(self, field: Field, query: Prefix) -> tantivy.Query:
        cut = [] if field.exact else self._words(query.value)
        if len(cut) > 1:
            return self._phrase(field, Phrase(query.field, query.value, prefix=True))
        return self._pattern(field, quoted(cut[0] if cut else query.value) + ".*", query.value)

    def _bool(self, query: Bool) -> tantivy.Query:
        clauses = [(_MUST, self._compile(q)) for q in query.must]
        clauses += [(_MUST, unscored(self._compile(q))) for q in query.filter]
        clauses += [(_NOT, self._compile(q)) for q in query.must_not]
        minimum = query.minimum_should_match
        if minimum > len(query.should):
            return Q.empty_query()
        if not query.must and not query.filter and not minimum:
            clauses.append((_MUST, unscored(Q.all_query())))
        should = [(_SHOULD, self._compile(q)) for q in query.should]
        if minimum and should:
            clauses.append((_MUST, Q.boolean_query(should, minimum)))
        else:
            clauses += should
        return Q.boolean_query(clauses)

    def _match(self, field: Field, query: Match) -> tantivy.Query:
        if field.exact or field.kind in (Kind.NUMBER, Kind.TIMESTAMP, Kind.TOPIC):
            return self._term(field, query.text)
        if is_typed(query.text):
            return self._phrase(field, Phrase(None, query.text))
        parts = [self._any_place(field, [word], 0, False) for word in self._words(query.text)]
        return any_of([self._joined(parts, query.operator), *self._typed(field, query.text)])

    def _joined(self, parts: list[tantivy.Query], operator: str) -> tantivy.Query:
        return all_of(parts) if operator == "and" and parts else any_of(parts)

    def _phrase(self, field: Field, query: Phrase) -> tantivy.Query:
        if field.exact and query.prefix:
            return self._pattern(field, quoted(query.text) + ".*", query.text)
        if field.exact or field.kind in (Kind.NUMBER, Kind.TIMESTAMP, Kind.TOPIC):
            return self._term(field, query.text)
        words = self._words(query.text)
        found = [self._any_place(field, words, query.slop, query.prefix)] if words else []
        return any_of(found + ([] if query.prefix else self._typed(field, query.text)))

    def _words(self, text: str) -> list[str]:
        return list(self._analyzer.analyze(spaced(text)))

    def _text_places(self, field: Field) -> list[tuple[str, str]]:
        """Where words may stand: a field, and a path in it where it has some."""
        if field.kind is Kind.PATH:
            return [("words", field.path)]
        if field.kind is Kind.HEADERS:
            return [("header_words", "")]
        places = [("text", "")] if field.kind is Kind.VALUE else [("text", ""), ("key_words", ""), ("header_words", "")]
        return places + [("words", path) for path, kinds in self._paths.items() if "text" in kinds]

    def _any_place(self, field: Field, words: list[str], slop: int, prefix: bool) -> tantivy.Query:
        at = self._prefix_at if prefix else lambda root, path, words: self._phrase_at(root, path, words, slop)
        return any_of([at(root, path, words) for root, path in self._text_places(field)])

    def _phrase_at(self, root: str, path: str, words: list[str], slop: int) -> tantivy.Query:
        place = f"{root}.{json_path(spaced(path))}" if path else root
        if len(words) == 1:
            return Q.term_query(self._schema, place, words[0])
        return Q.phrase_query(self._schema, place, list(words), slop)

    def _prefix_at(self, root: str, path: str, words: list[str]) -> tantivy.Query:
        last = self._regex(root, quoted(words[-1]) + ".*", spaced(path))
        if len(words) == 1:
            return last
        if not path:
            return text_phrase(self._searcher, self._schema, root, words)
        near = all_of([last, self._phrase_at(root, path, words[:-1], 0)])
        if not total(self._searcher, near):
            return Q.empty_query()
        self._need_columns("match_phrase_prefix", path)
        column = f"exact.{json_path(path)}"
        phrases, unsure = PathPhrase(self._searcher, column, words, near, lambda found: self._phrase_at(root, path, list(found), 0)).find()
        if unsure:
            phrases.append(Q.phrase_prefix_query(self._schema, f"{root}.{json_path(spaced(path))}", list(words)))
        return any_of(phrases)

    def _typed(self, field: Field, text: str) -> list[tantivy.Query]:
        """Where ``text`` is the number, the boolean or the date that a JSON value holds."""
        found: list[tantivy.Query] = []
        number = parse_number(text)
        instants = parse_date(text) if number is None and len(text) >= 10 else None
        for path, kinds in self._typed_paths(field):
            if number is not None and (not kinds or kinds & {"long", "double"}):
                found += self._whole(path, json_number(number))
            if text.lower() in ("true", "false") and (not kinds or "boolean" in kinds):
                found += self._whole(path, text.lower() == "true")
            if instants is not None and (not kinds or "date" in kinds):
                found.append(self._json_range("dates", path, instants.first, instants.last))
        return found

    def _typed_paths(self, field: Field) -> list[tuple[str, frozenset[str]]]:
        if field.kind is Kind.PATH:
            return [(field.path, frozenset())]
        return self._paths.items() if field.kind in (Kind.ANY, Kind.VALUE) else []

    def _whole(self, path: str, value: Any) -> list[tantivy.Query]:
        return [Q.term_query(self._schema, f"{root}.{json_path(path)}", each) for root in ("exact", "slow") for each in _readings(value)]

    def _term(self, field: Field, value: Scalar) -> tantivy.Query:
        if field.kind is Kind.TIMESTAMP:
            return self._int_range("timestamp", timestamp_ms(value, False), timestamp_ms(value, True))
        if field.kind in (Kind.NUMBER, Kind.TOPIC):
            number = _column_number(field, value)
            return Q.term_query(self._schema, field.path, number) if number is not None else Q.empty_query()
        text = scalar_text(value)
        if field.kind is Kind.KEY:
            return Q.term_query(self._schema, "key", exact_term(text))
        if field.kind is Kind.HEADER:
            return Q.term_query(self._schema, f"headers.{json_path(field.path)}", exact_term(text) + " ")
        if field.kind is Kind.KEYWORD:
            return any_of(self._keyword(field.path, text))
        return self._phrase(field, Phrase(None, text))

    def _keyword(self, path: str, text: str) -> list[tantivy.Query]:
        found = self._whole(path, exact_term(text))
        if value_date(text) is not None:
            found += self._whole(path, text + " ")
        return found + self._typed_keyword(path, text)

    def _typed_keyword(self, path: str, text: str) -> list[tantivy.Query]:
        number = parse_number(text)
        if number is not None:
            return self._whole(path, json_number(number))
        return self._whole(path, text == "true") if text in ("true", "false") else []

    def _range(self, field: Field, query: Range) -> tantivy.Query:
        if field.kind is Kind.TIMESTAMP:
            return self._int_range("timestamp", *timestamp_bounds(query))
        if field.kind is Kind.NUMBER:
            return self._int_range(field.path, *integer_bounds(query))
        if field.kind not in (Kind.PATH, Kind.KEYWORD):
            raise QueryError(f"[range] on [{query.field}] is not supported: it holds strings", "illegal_argument_exception")
        self._need_columns("range", query.field)
        path = field.path
        instants = date_bounds(query)
        if instants is not None:
            return self._json_range("dates", path, instants.first, instants.last) if instants.first <= instants.last else Q.empty_query()
        return self._number_range(path, query)

    def _number_range(self, path: str, query: Range) -> tantivy.Query:
        low, low_open, high, high_open = number_ends(query)
        if low is not None:
            low, low_open = rounded(low, low_open, True, UINT64_MAX)
            low = (max if low_open else min)(_readings(low))
        if high is not None:
            high, high_open = rounded(high, high_open, False, UINT64_MAX)
            high = (min if high_open else max)(_readings(high))
        return all_of(self._parse_range("exact", path, limits) for limits in number_limits(low, low_open, high, high_open))

    def has_number(self, path: str) -> tantivy.Query:
        """Records with a number at a path."""
        return self._parse_range("exact", path, *number_limits(-sys.float_info.max, False, None, False))

    def has_string(self, path: str) -> tantivy.Query:
        """Records with a string at a path, dates included."""
        return self._regex("exact", "(?s:.)*", path)

    def has_any(self, path: str, strings: Sequence[str]) -> tantivy.Query:
        """Records with one of these strings at a path, as its column has them."""
        return any_of([Q.term_query(self._schema, f"exact.{json_path(path)}", string) for string in strings])

    def numbers(self, column: str, low: float, high: float) -> tantivy.Query:
        """Records with a number from ``low`` to ``high`` in a column of a JSON field."""
        root, _, path = column.partition(".")
        # A column of floats has -0.0 below 0.0, and "-0.0" is read as 0.
        low = low or -_FLOAT_LEAST
        return all_of(self._index.parse_query(f"{root}.{_escaped(json_path(path))}:{limits}") for limits in number_limits(low, False, high, False))

    def _json_range(self, root: str, path: str, low: int, high: int) -> tantivy.Query:
        return self._parse_range(root, path, f"[{low} TO {high}]")

    def _parse_range(self, root: str, path: str, limits: str) -> tantivy.Query:
        return self._index.parse_query(f"{root}.{_parser_path(path)}:{limits}")

    def _int_range(self, column: str, low: int, high: int) -> tantivy.Query:
        low, high = max(low, INT64_MIN), min(high, INT64_MAX)
        if low > high:
            return Q.empty_query()
        return Q.range_query(self._schema, column, tantivy.FieldType.Integer, low, high)

    def _exists(self, field: Field) -> tantivy.Query:
        if field.kind in (Kind.ANY, Kind.NUMBER, Kind.TIMESTAMP, Kind.TOPIC):
            return Q.all_query()
        if field.kind is Kind.KEY:
            return self._regex("key", "(?s:.)*")
        if field.kind is Kind.HEADER:
            return Q.regex_query(self._schema, "headers", f"{_term_path(field.path)}\0s(?s:.)*")
        if field.kind is Kind.HEADERS:
            return Q.regex_query(self._schema, "headers", "(?s:.)*")
        if field.kind is Kind.VALUE:
            return Q.range_query(self._schema, "has_value", tantivy.FieldType.Integer, 1, 1)
        self._need_columns("exists", field.path)
        return Q.exists_query(f"exact.{json_path(field.path)}", True)

    def _need_columns(self, name: str, field: str | None) -> None:
        if self._columnless():
            raise QueryError(
                f"[{name}] on [{field}] needs columns, and records searched here were indexed with search.fast=false", "illegal_argument_exception"
            )

    def _pattern(self, field: Field, pattern: str, shown: str) -> tantivy.Query:
        if field.kind in (Kind.NUMBER, Kind.TIMESTAMP, Kind.TOPIC):
            raise QueryError(f"[{shown}] cannot be matched against the numbers of [{field.path}]", "illegal_argument_exception")
        if field.kind is Kind.KEY:
            return self._regex("key", pattern)
        if field.kind is Kind.HEADER:
            return self._regex("headers", f"(?:{pattern}) ", field.path)
        if field.kind is Kind.KEYWORD:  # date strings end with a space
            return any_of([self._regex(root, f"(?:{pattern}) ?", field.path) for root in ("exact", "slow")])
        if field.kind is Kind.PATH:
            return self._regex("words", pattern, spaced(field.path))
        places = {Kind.HEADERS: ["header_words"], Kind.VALUE: ["text"]}.get(field.kind, ["text", "key_words", "header_words"])
        found = [self._regex(place, pattern) for place in places]
        if field.kind is not Kind.HEADERS:
            found.append(Q.regex_query(self._schema, "words", f"[^\0]*\0s(?:{pattern})"))
        return any_of(found)

    def _regex(self, root: str, pattern: str, path: str = "") -> tantivy.Query:
        try:
            return Q.regex_query(self._schema, root, f"{_term_path(path)}\0s(?:{pattern})" if path else f"(?:{pattern})")
        except ValueError as error:  # here, not by whoever compiles: while hits are ranked it would stand for a damaged index
            raise QueryError(f"the name or the pattern is too long or too wide: {error}", "illegal_argument_exception") from error

    def within(self, bounds: Sequence[Bounds]) -> tantivy.Query:
        """What is inside one of the bounds, markers included."""
        return unscored(any_of([self.rows(b.topic, b.partition, b.start, b.end) for b in bounds]))

    def contributions(self, query: Query, factor: float = 1.0, gates: Sequence[tantivy.Query] = ()) -> list[tuple[float, tantivy.Query]]:
        """What a record's score is the sum of: each clause's part, and what finds the records it is a part of.

        :param gates: queries around it that must match for it to count.
        """
        if isinstance(query, Boost):
            return self.contributions(query.query, factor * query.factor, gates)
        if not isinstance(query, Bool):
            score = query.score if isinstance(query, Scored) else 1.0
            return [(factor * score, all_of([self._compile(query), *gates]))]
        inner = [*gates, self._compile(query)]
        return [part for clause in (*query.must, *query.should) for part in self.contributions(clause, factor, inner)]

    def rows(self, topic: int, partition: int, start: int, end: int) -> tantivy.Query:
        """Documents and markers of a partition that begin at ``start`` <= offset < ``end``."""
        return all_of(
            [
                Q.term_query(self._schema, "topic", topic),
                Q.term_query(self._schema, "partition", partition),
                self._int_range("offset", start, end - 1),
            ]
        )


def scalar_text(value: Scalar) -> str:
    """A value of a query as the text that is looked for."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def json_path(path: str) -> str:
    """A dotted path as tantivy splits it."""
    return path.replace("\\", "\\\\")


def _term_path(path: str) -> str:
    return "\1".join(quoted(step) for step in path.split("."))


def _parser_path(path: str) -> str:
    if not speakable(path):
        raise QueryError(f"[{path}] cannot be compared in a range", "illegal_argument_exception")
    return _escaped(json_path(json_path(path)))


def _escaped(path: str) -> str:
    return "".join(c if c.isalnum() or c in "._" else "\\" + c for c in path)


def _readings(value: Scalar) -> tuple[Any, ...]:
    """What a value may have become in an index."""
    return readings(value) if isinstance(value, float) else (value,)


def _column_number(field: Field, value: Scalar) -> int | None:
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or number is None:
        raise QueryError(f"[{field.path}] is a number, [{value}] is none", "number_format_exception")
    return int(number) if number == int(number) and INT64_MIN <= number <= INT64_MAX else None
