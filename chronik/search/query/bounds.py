"""The limits of a range, by the type of what is compared: the same in every backend."""

from __future__ import annotations

import math
from typing import Final

from chronik.search.fields import Instants, parse_date, parse_number, timestamp_ms
from chronik.search.interfaces import QueryError
from chronik.search.query.ast import Range, Scalar

_FIRST: Final = -(1 << 63)
INT64_MAX: Final = (1 << 63) - 1
"""The largest integer of 64 bits with a sign."""


def timestamp_bounds(query: Range) -> tuple[int, int]:
    """First and last ms of a range over timestamps; dates are rounded as Elasticsearch does (``lte`` a day includes all of it).

    :raises QueryError: a limit is no date.
    """
    lows = [_FIRST]
    highs = [INT64_MAX]
    if query.gt is not None:
        lows.append(timestamp_ms(query.gt, True) + 1)
    if query.gte is not None:
        lows.append(timestamp_ms(query.gte, False))
    if query.lt is not None:
        highs.append(timestamp_ms(query.lt, False) - 1)
    if query.lte is not None:
        highs.append(timestamp_ms(query.lte, True))
    return _span(max(lows), min(highs))


def integer_bounds(query: Range) -> tuple[int, int]:
    """First and last integer of a range over a column of integers.

    :raises QueryError: a limit is no number.
    """
    low, low_open, high, high_open = number_ends(query)
    first = _FIRST if low is None else math.floor(low) + 1 if low_open else math.ceil(low)
    last = INT64_MAX if high is None else math.ceil(high) - 1 if high_open else math.floor(high)
    return _span(first, last)


def _span(first: int, last: int) -> tuple[int, int]:
    """Both ends as 64-bit integers; ``(1, 0)`` when nothing is between them."""
    return (1, 0) if first > min(last, INT64_MAX) or last < _FIRST else (max(first, _FIRST), min(last, INT64_MAX))


def date_bounds(query: Range) -> Instants | None:
    """First and last ms of a range whose limits are dates, None when they are none."""
    limits = [v for v in (query.gt, query.gte, query.lt, query.lte) if v is not None]
    if not all(isinstance(v, str) and parse_number(v) is None and parse_date(v) is not None for v in limits) or not limits:
        return None
    return Instants(*timestamp_bounds(query))


def number_ends(query: Range) -> tuple[int | float | None, bool, int | float | None, bool]:
    """``(low, whether it is excluded, high, whether it is excluded)`` of a range over numbers.

    :raises QueryError: a limit is neither number nor date, or an end has two.
    """
    if (query.gt is not None and query.gte is not None) or (query.lt is not None and query.lte is not None):
        raise QueryError(f"[range] on [{query.field}] has two limits at one end", "illegal_argument_exception")
    low = query.gte if query.gt is None else query.gt
    high = query.lte if query.lt is None else query.lt
    return _number(query.field, low), query.gt is not None, _number(query.field, high), query.lt is not None


def rounded(limit: float, limit_open: bool, lower: bool, integer_max: int) -> tuple[int | float, bool]:
    """A limit as a backend holds it, and whether it is excluded: the same numbers are inside.

    :param integer_max: the backend's largest integer; beyond it numbers become floats.
    """
    if not isinstance(limit, int) or _FIRST <= limit <= integer_max:
        return limit, limit_open
    try:
        given = float(limit)
    except OverflowError:
        given = math.inf if limit > 0 else -math.inf
    return given, limit_open if given == limit else (given < limit) == lower


def _number(field: str, value: Scalar | None) -> int | float | None:
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or (number is None and value is not None):
        raise QueryError(f"[range] on [{field}]: [{value}] is neither a number nor an ISO 8601 date", "illegal_argument_exception")
    if isinstance(number, float) and not math.isfinite(number):
        raise QueryError(f"[range] on [{field}]: [{value}] is not finite", "illegal_argument_exception")
    return number
