"""The query tree: what both query languages are parsed to and what every backend understands.

Field names are as the user wrote them, resolved by :mod:`chronik.search.fields`; a ``field`` of None means the catch-all: the words anywhere in
key, value and headers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class MatchAll:
    """Every record."""


@dataclass(frozen=True, slots=True)
class MatchNone:
    """No record."""


@dataclass(frozen=True, slots=True)
class Match:
    """Analysed words. ``operator`` is ``or`` or ``and``."""

    field: str | None
    text: str
    operator: str = "or"


@dataclass(frozen=True, slots=True)
class Phrase:
    """Analysed words, next to one another in order, at most ``slop`` moves apart.

    :ivar prefix: the last word may go on; not together with ``slop``.
    """

    field: str | None
    text: str
    slop: int = 0
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One exact value, not analysed."""

    field: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class Terms:
    """Any of several exact values."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """Between bounds; None is open. Strings on date fields are dates."""

    field: str
    gt: Scalar | None = None
    gte: Scalar | None = None
    lt: Scalar | None = None
    lte: Scalar | None = None


@dataclass(frozen=True, slots=True)
class Exists:
    """The field has a value."""

    field: str


@dataclass(frozen=True, slots=True)
class Prefix:
    """A term that starts so; on analysed text, a word that starts so."""

    field: str | None
    value: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A term that fits a pattern of ``*`` and ``?``; it may not begin with one of them."""

    field: str | None
    pattern: str


@dataclass(frozen=True, slots=True)
class Bool:
    """All of ``must`` and ``filter``, none of ``must_not``, and at least ``minimum_should_match`` of ``should``."""

    must: tuple[Query, ...] = ()
    filter: tuple[Query, ...] = ()
    should: tuple[Query, ...] = ()
    must_not: tuple[Query, ...] = ()
    minimum_should_match: int = 0


@dataclass(frozen=True, slots=True)
class Boost:
    """The same matches, scored ``factor`` times as high."""

    query: Query
    factor: float


@dataclass(frozen=True, slots=True)
class Scored:
    """The same matches, each of which scores ``score``; see :mod:`chronik.search.query.scoring`. Without this a clause scores 1."""

    query: Query
    score: float


Query: TypeAlias = MatchAll | MatchNone | Match | Phrase | Term | Terms | Range | Exists | Prefix | Wildcard | Bool | Boost | Scored
