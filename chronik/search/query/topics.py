"""Topics by name, and hits by id: indexes know numbers only, so a query's ``topic`` and ``_id`` clauses are bound before a store is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from chronik.search.fields import Kind, resolve
from chronik.search.interfaces import QueryError
from chronik.search.query.ast import Bool, Boost, Exists, Match, MatchAll, MatchNone, Phrase, Prefix, Query, Range, Scored, Term, Terms, Wildcard
from chronik.search.query.patterns import wildcard_pattern

_ID_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)


def bind_topics(query: Query, topics: Mapping[str, int]) -> Query:
    """The query with topic names replaced by the numbers that a store calls them.

    :param topics: number by name, of every topic the store may be asked for.
    :raises QueryError: topics are compared in a way they cannot be.
    """
    if isinstance(query, Bool):
        return replace(
            query,
            must=tuple(bind_topics(q, topics) for q in query.must),
            filter=tuple(bind_topics(q, topics) for q in query.filter),
            should=tuple(bind_topics(q, topics) for q in query.should),
            must_not=tuple(bind_topics(q, topics) for q in query.must_not),
        )
    if isinstance(query, Boost):
        return Boost(bind_topics(query.query, topics), query.factor)
    if isinstance(query, Scored):
        return Scored(bind_topics(query.query, topics), query.score)
    kind = None if isinstance(query, (MatchAll, MatchNone)) else resolve(query.field).kind
    if kind is Kind.ID:
        return bind_topics(_identified(query), topics)
    if isinstance(query, (MatchAll, MatchNone)) or kind is not Kind.TOPIC:
        return query
    wanted = _wanted(query)
    numbers = tuple(number for name, number in topics.items() if wanted(name))
    return Terms("topic", numbers) if numbers else MatchNone()


def _identified(query: Query) -> Query:
    if isinstance(query, Exists):
        return MatchAll()
    if isinstance(query, Term):
        return with_id(query.value)
    if isinstance(query, Terms):
        return Bool(should=tuple(map(with_id, query.values)), minimum_should_match=1)
    if isinstance(query, Match) or (isinstance(query, Phrase) and not query.prefix):
        return with_id(query.text)
    raise QueryError("[_id] can only be equal to something, as [orders:0:42]", "illegal_argument_exception")


def with_id(value: object) -> Query:
    """The record of a hit's ``_id``.

    :raises QueryError: it is none.
    """
    topic, partition, offset = value.rsplit(":", 2) if isinstance(value, str) and value.count(":") == 2 else ("", "", "")
    if not (_ID_NUMBER.fullmatch(partition) and _ID_NUMBER.fullmatch(offset)):
        raise QueryError(f"an id is topic:partition:offset, as [orders:0:42], not [{value}]", "illegal_argument_exception")
    return Bool(filter=(Term("topic", topic), Term("partition", int(partition)), Term("offset", int(offset))))


def _wanted(query: Query) -> Callable[[str], bool]:
    if isinstance(query, Exists):
        return lambda name: True
    if isinstance(query, Term):
        return lambda name: name == str(query.value)
    if isinstance(query, Terms):
        names = {str(value) for value in query.values}
        return names.__contains__
    if isinstance(query, Phrase):
        return (lambda name: name.startswith(query.text)) if query.prefix else (lambda name: name == query.text)
    if isinstance(query, Match):
        return lambda name: name == query.text
    if isinstance(query, Prefix):
        return lambda name: name.startswith(query.value)
    if isinstance(query, Wildcard):
        pattern = wildcard_pattern(query.pattern)
        return lambda name: pattern.fullmatch(name) is not None
    assert isinstance(query, Range)
    raise QueryError("[topic] cannot be compared in a range", "illegal_argument_exception")
