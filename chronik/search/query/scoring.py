"""Scores that are the same whatever store a record is found in.

A store could count how rare a word is only within itself: one record would score differently in the tail, in a shard and in the next partition. So a
search by score takes two phases: every store is asked how many records match each :func:`scored_clauses`, the sums say how rare each clause is over
all that is searched, and :func:`weigh` writes that into the query.

A clause scores its inverse document frequency, as in BM25 with ``k1 = 0``: how rare it is, not how often a record repeats it or how long the record
is. A record's score is the sum over the clauses it matches. Scores are multiples of :data:`STEP`, so that floating-point sums are exact in any
order: equal is equal, and ties are newest first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from chronik.search.analysis import words
from chronik.search.fields import Kind, is_typed, resolve
from chronik.search.query.ast import Bool, Boost, Match, MatchAll, MatchNone, Phrase, Query, Scored, Term
from chronik.search.query.limits import BOOST_MAX

STEP: Final = 1 / 1024
"""Sums of up to 16,384 are exact in 32-bit floats."""

WORDS_MAX: Final = 64
"""A match of more words is scored as one clause."""


def scored_clauses(query: Query) -> list[Query]:
    """The clauses whose score depends on how rare they are, each once."""
    found: dict[str, Query] = {}
    _collect(query, found)
    return list(found.values())


def _collect(query: Query, found: dict[str, Query]) -> None:
    if isinstance(query, Bool):
        for clause in (*query.must, *query.should):
            _collect(clause, found)
    elif isinstance(query, Boost):
        _collect(query.query, found)
    elif isinstance(query, Match):
        found.update((repr(part), part) for part in _parts(query))
    elif isinstance(query, (Phrase, Term)):
        found[repr(query)] = query


def _parts(query: Match) -> tuple[Query, ...]:
    """A match, or one for each of its words where they are looked for one by one."""
    whole = resolve(query.field)
    if whole.exact or whole.kind in (Kind.NUMBER, Kind.TIMESTAMP, Kind.TOPIC, Kind.ID) or is_typed(query.text):
        return (query,)
    cut = list(dict.fromkeys(words(query.text)))
    return tuple(Match(query.field, word) for word in cut) if 1 < len(cut) <= WORDS_MAX else (query,)


def weigh(query: Query, documents: int, frequencies: Sequence[int]) -> Query:
    """The same matches, scored.

    :param documents: how many records are searched.
    :param frequencies: how many of them match each of the :func:`scored_clauses`.
    """
    rarities = [math.log(1 + (documents - count + 0.5) / (count + 0.5)) for count in frequencies]
    # By their text: True and 1 are equal as keys, and different clauses.
    weights = {repr(clause): rarity for clause, rarity in zip(scored_clauses(query), rarities, strict=True)}
    return _weigh(query, weights, 1.0)


def _weigh(query: Query, weights: Mapping[str, float], factor: float) -> Query:
    if isinstance(query, Boost):
        return _weigh(query.query, weights, min(factor * query.factor, BOOST_MAX))
    if isinstance(query, Bool):
        must = tuple(_weigh(q, weights, factor) for q in query.must)
        return replace(query, must=must, should=tuple(_weigh(q, weights, factor) for q in query.should))
    if isinstance(query, (MatchAll, MatchNone)):
        return Scored(query, _stepped(factor))
    if not isinstance(query, Match):
        return Scored(query, _stepped(factor * weights.get(repr(query), 1.0)))
    parts = tuple(Scored(part, _stepped(factor * weights[repr(part)])) for part in _parts(query))
    return parts[0] if len(parts) == 1 else Bool(filter=(query,), should=parts)


def _stepped(score: float) -> float:
    """A multiple of the step, at least one unless the score is none."""
    return max(round(score / STEP), 1) * STEP if score > 0 else 0.0
