"""The language of ``q=`` and of ``query_string``.

``word``, ``"a phrase"~2``, ``"pre fix"*``, ``pre*``, ``wild?car*d``, ``field:word``, ``field:(a OR b)``, ``field:[1 TO 5}``, ``field:>=5``,
``field:IN [a b]``, ``field:*``, ``_exists_:field``, ``AND``/``&&``, ``OR``/``||``, ``NOT``/``!``/``-``, ``+``, parentheses, ``^2``, ``\\`` escapes.
AND binds tighter than OR; clauses side by side are joined by the default operator, of which ``+`` makes one required and ``-`` forbidden. A term
that is cut into several words (``alice@example.com``) means all of them next to one another.
"""

from __future__ import annotations

import enum
import re
from typing import Final, NoReturn

from chronik.search.fields import parse_number
from chronik.search.interfaces import QueryError
from chronik.search.query.ast import Bool, Boost, Exists, MatchAll, Phrase, Prefix, Query, Range, Scalar, Terms, Wildcard
from chronik.search.query.limits import BOOST_MAX, Budget

_OPERATOR: Final = re.compile(r"(AND|&&|OR|\|\||NOT)(?=[\s()+\-!]|$)")
_FIELD: Final = re.compile(r"((?:\\.|[^\s\\:()\[\]{}\"^~<>=+\-!/]) (?:\\.|[^\s\\:()\[\]{}\"^~<>=])*)\s*:".replace(" ", ""))
_WORD: Final = re.compile(r"(?:\\.|[^\s\\()\[\]{}\"^~])+")
_QUOTED: Final = re.compile(r'"((?:\\.|[^"\\])*)"', re.DOTALL)
_LIMIT: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|(?:\\.|[^\s\\\[\]{}\"])+")
_BOOST: Final = re.compile(r"\^(\d+(?:\.\d+)?)")
_SLOP: Final = re.compile(r"~(\d*)")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_IN: Final = re.compile(r"IN\s*\[")
_STAR: Final = re.compile(r"\*(?=[\s)]|$)")
_TO: Final = re.compile(r"TO(?=\s)")
_COMPARE: Final = re.compile(r"(>=|<=|>|<)\s*")


class _Mod(enum.Enum):
    NONE = ""
    MUST = "+"
    NOT = "-"


_Clause = tuple[_Mod, Query]


def parse_query_string(text: str, default_operator: str = "or", default_field: str | None = None, budget: Budget | None = None) -> Query:
    """The query of a text.

    :param default_operator: ``or`` or ``and``, in any case.
    :param default_field: what a word without a field is looked up in; None for everything.
    :raises QueryError: the text cannot be understood; says what is wrong and at which column, counted from 1.
    """
    operator = default_operator.lower()
    if operator not in ("or", "and"):
        raise QueryError(f"[default_operator] is [{default_operator}]: it can be [or] or [and]", "illegal_argument_exception")
    if not text.strip():
        raise QueryError("the query text is empty: write * to find everything")
    return _Parser(text, operator == "and", budget or Budget()).whole(default_field)


class _Parser:
    def __init__(self, text: str, conjunctive: bool, budget: Budget) -> None:
        self._text = text
        self._at = 0
        self._and = conjunctive
        self._budget = budget

    def whole(self, field: str | None) -> Query:
        query = self._sequence(field, 0)
        if self._at < len(self._text):
            self._fail(f"unexpected {self._text[self._at]!r}")
        return query

    def _fail(self, what: str, at: int | None = None) -> NoReturn:
        column = (self._at if at is None else at) + 1
        raise QueryError(f"Failed to parse query [{self._text}]: {what} at column {column}")

    def _skip(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _operator(self, *names: str) -> bool:
        self._skip()
        match = _OPERATOR.match(self._text, self._at)
        if match is None or match[1] not in names:
            return False
        self._at = match.end()
        return True

    def _sequence(self, field: str | None, depth: int) -> Query:
        clauses = [self._disjunction(field, depth)]
        self._skip()
        while self._peek() not in ("", ")"):
            clauses.append(self._disjunction(field, depth))
            self._skip()
        return self._joined(clauses)

    def _joined(self, clauses: list[_Clause]) -> Query:
        if len(clauses) == 1 and clauses[0][0] is not _Mod.NOT:
            return clauses[0][1]
        must = tuple(q for m, q in clauses if m is _Mod.MUST or (self._and and m is _Mod.NONE))
        should = tuple(q for m, q in clauses if m is _Mod.NONE and not self._and)
        must_not = tuple(q for m, q in clauses if m is _Mod.NOT)
        return Bool(must=must, should=should, must_not=must_not, minimum_should_match=0 if must or not should else 1)

    def _disjunction(self, field: str | None, depth: int) -> _Clause:
        clauses = [self._conjunction(field, depth)]
        while self._operator("OR", "||"):
            clauses.append(self._conjunction(field, depth))
        if len(clauses) == 1:
            return clauses[0]
        return _Mod.NONE, Bool(should=tuple(Bool(must_not=(q,)) if m is _Mod.NOT else q for m, q in clauses), minimum_should_match=1)

    def _conjunction(self, field: str | None, depth: int) -> _Clause:
        clauses = [self._unary(field, depth)]
        while self._operator("AND", "&&"):
            clauses.append(self._unary(field, depth))
        if len(clauses) == 1:
            return clauses[0]
        must = tuple(q for m, q in clauses if m is not _Mod.NOT)
        return _Mod.NONE, Bool(must=must, must_not=tuple(q for m, q in clauses if m is _Mod.NOT))

    def _unary(self, field: str | None, depth: int) -> _Clause:
        mod = _Mod.NONE
        while True:
            if self._operator("NOT"):
                sign = "!"
            elif self._peek() in ("+", "-", "!") and self._peek():
                sign = self._peek()
                self._at += 1
            else:
                break
            if sign == "+":
                mod = _Mod.MUST if mod is _Mod.NONE else mod
            else:
                mod = _Mod.MUST if mod is _Mod.NOT else _Mod.NOT
        return mod, self._boosted(self._primary(field, depth))

    def _boosted(self, query: Query) -> Query:
        if self._peek() != "^":
            return query
        match = self._take(_BOOST)
        if match is None:
            self._fail("a number is expected after '^'")
        factor = float(match[1])
        if factor > BOOST_MAX:
            self._fail(f"a boost may be {BOOST_MAX:.0e} at most")
        return Boost(query, factor)

    def _primary(self, field: str | None, depth: int) -> Query:
        self._budget.spend(depth)
        self._skip()
        start = self._at
        character = self._peek()
        if not character:
            self._fail("a term is missing")
        if _OPERATOR.match(self._text, self._at):
            self._fail(f"a term is missing before {self._text[self._at :].split()[0]!r}")
        if character == "(":
            return self._group(field, depth)
        named = self._take(_FIELD)
        if named is not None:
            return self._field_clause(named[1], depth, start)
        return self._value(field, start)

    def _group(self, field: str | None, depth: int) -> Query:
        opened = self._at
        self._at += 1
        query = self._sequence(field, depth + 1)
        if self._peek() != ")":
            self._fail("the '(' is never closed", opened)
        self._at += 1
        return query

    def _field_clause(self, raw: str, depth: int, start: int) -> Query:
        self._skip()
        field = _ESCAPE.sub(r"\1", raw)
        if raw == "*":
            if self._take(_STAR):
                return MatchAll()
            self._fail("'*' cannot stand for a field's name; leave the name away to search everything", start)
        if raw == "_exists_":
            match = self._take(_WORD)
            return Exists(_ESCAPE.sub(r"\1", match[0])) if match else self._fail("a field's name is expected after '_exists_:'")
        if self._peek() == "(":
            return self._group(field, depth)
        return self._value(field, start)

    def _value(self, field: str | None, start: int) -> Query:
        character = self._peek()
        if not character or character == ")":
            self._fail("a term is missing")
        if character == '"':
            return self._quoted(field)
        if character in "[{":
            return self._range(self._named(field, start))
        if character == "/":
            self._fail("regular expressions are not supported; put text with '/' in quotes")
        if field is not None and self._take(_IN):
            return self._in(field)
        compare = self._take(_COMPARE)
        if compare is not None:
            return self._comparison(self._named(field, start), compare[1])
        return self._word(field)

    def _named(self, field: str | None, start: int) -> str:
        if field is None:
            self._fail("a range needs the name of a field, as in size:[1 TO 5]", start)
        return field

    def _quoted(self, field: str | None) -> Query:
        match = self._take(_QUOTED)
        if match is None:
            self._fail("the '\"' is never closed")
        text = _ESCAPE.sub(r"\1", match[1])
        self._budget.spend_words(text)
        if self._peek() == "*":
            self._at += 1
            return Phrase(field, text, prefix=True)
        slop = self._take(_SLOP)
        if slop is not None and not slop[1]:
            self._fail("a number is expected after '~'")
        return Phrase(field, text, min(int(slop[1]), 1_000) if slop else 0)

    def _word(self, field: str | None) -> Query:
        start = self._at
        match = self._take(_WORD)
        if match is None:
            self._fail(f"unexpected {self._peek()!r}")
        if self._peek() == "~":
            self._fail("fuzzy terms are not supported")
        raw = match[0]
        if raw == "*":
            return MatchAll() if field is None else Exists(field)
        wild = _ESCAPE.sub("", raw)
        if "*" not in wild and "?" not in wild:
            text = _ESCAPE.sub(r"\1", raw)
            self._budget.spend_words(text)
            return Phrase(field, text)
        if raw[0] in "*?":
            self._fail("a term cannot begin with '*' or '?': that would read every term there is", start)
        if "?" not in wild and wild.count("*") == 1 and raw.endswith("*"):
            return Prefix(field, _ESCAPE.sub(r"\1", raw[:-1]))
        return Wildcard(field, raw)

    def _range(self, field: str) -> Query:
        opened, lower_open = self._at, self._peek() == "{"
        self._at += 1
        low = self._limit(opened)
        self._skip()
        if not self._take(_TO):
            self._fail("'TO' is expected in a range, as in [1 TO 5]")
        high = self._limit(opened)
        self._skip()
        if self._peek() not in ("]", "}") or not self._peek():
            self._fail("the range is never closed", opened)
        upper_open = self._peek() == "}"
        self._at += 1
        if low is None and high is None:
            return Exists(field)
        return Range(
            field,
            gt=low if lower_open else None,
            gte=None if lower_open else low,
            lt=high if upper_open else None,
            lte=None if upper_open else high,
        )

    def _limit(self, opened: int) -> Scalar | None:
        self._skip()
        match = self._take(_LIMIT)
        if match is None:
            self._fail("a limit is missing in the range that begins", opened)
        return None if match[0] == "*" else _scalar(match[0])

    def _comparison(self, field: str, operator: str) -> Query:
        match = self._take(_QUOTED) or self._take(_WORD)
        if match is None:
            self._fail(f"a value is expected after '{operator}'")
        value = _scalar(match[0])
        return {
            ">": Range(field, gt=value),
            ">=": Range(field, gte=value),
            "<": Range(field, lt=value),
            "<=": Range(field, lte=value),
        }[operator]

    def _in(self, field: str) -> Query:
        opened = self._at - 1
        values: list[Scalar] = []
        self._skip()
        while self._peek() != "]":
            match = self._take(_LIMIT)
            if match is None:
                self._fail("the list of values is never closed", opened)
            values.append(_unquoted(match[0]))
            self._skip()
        self._at += 1
        self._budget.spend_values(field, values)
        return Terms(field, tuple(values))


def _unquoted(raw: str) -> str:
    return _ESCAPE.sub(r"\1", raw[1:-1] if raw.startswith('"') else raw)


def _scalar(raw: str) -> Scalar:
    if raw.startswith('"'):
        return _unquoted(raw)
    number = parse_number(raw)
    return _unquoted(raw) if number is None else number
