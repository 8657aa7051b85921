"""The limits of a range, by the type of what is compared: the same in every backend."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from chronik.search.fields import Instants, parse_date, parse_number, timestamp_ms
from chronik.search.interfaces import QueryError
from chronik.search.query.ast import Range, Scalar

_FIRST: Final = -(1 << 63)
_LAST: Final = (1 << 63) - 1


def timestamp_bounds(query: Range) -> tuple[int, int]:
    """First and last ms of a range over timestamps; dates are rounded as Elasticsearch does (``lte`` a day includes all of it).

    :raises QueryError: a limit is no date.
    """
    lows = [_FIRST]
    highs = [_LAST]
    if query.gt is not None:
        lows.append(timestamp_ms(query.gt, True) + 1)
    if query.gte is not None:
        lows.append(timestamp_ms(query.gte, False))
    if query.lt is not None:
        highs.append(timestamp_ms(query.lt, False) - 1)
    if query.lte is not None:
        highs.append(timestamp_ms(query.lte, True))
    return max(lows), min(highs)


def integer_bounds(query: Range) -> tuple[int, int]:
    """First and last integer of a range over a column of integers.

    :raises QueryError: a limit is no number.
    """
    query = number_bounds(query)
    lows = [_FIRST]
    highs = [_LAST]
    if query.gt is not None:
        lows.append(math.floor(_real(query.gt)) + 1)
    if query.gte is not None:
        lows.append(math.ceil(_real(query.gte)))
    if query.lt is not None:
        highs.append(math.ceil(_real(query.lt)) - 1)
    if query.lte is not None:
        highs.append(math.floor(_real(query.lte)))
    return max(lows), min(highs)


def date_bounds(query: Range) -> Instants | None:
    """First and last ms of a range whose limits are dates, None when they are none."""
    limits = [v for v in (query.gt, query.gte, query.lt, query.lte) if v is not None]
    if not all(isinstance(v, str) and parse_number(v) is None and parse_date(v) is not None for v in limits) or not limits:
        return None
    return Instants(*timestamp_bounds(query))


def number_bounds(query: Range) -> Range:
    """The range with its limits as numbers, at most one at each end.

    :raises QueryError: a limit is neither number nor date, or an end has two.
    """
    if (query.gt is not None and query.gte is not None) or (query.lt is not None and query.lte is not None):
        raise QueryError(f"[range] on [{query.field}] has two limits at one end", "illegal_argument_exception")
    return replace(query, **{name: _number(query.field, getattr(query, name)) for name in ("gt", "gte", "lt", "lte")})


def _number(field: str, value: Scalar | None) -> int | float | None:
    number = parse_number(value) if isinstance(value, str) else value
    if isinstance(number, bool) or (number is None and value is not None):
        raise QueryError(f"[range] on [{field}]: [{value}] is neither a number nor an ISO 8601 date", "illegal_argument_exception")
    if isinstance(number, float) and not math.isfinite(number):
        raise QueryError(f"[range] on [{field}]: [{value}] is not finite", "illegal_argument_exception")
    return number


def _real(value: Scalar) -> int | float:
    assert isinstance(value, (int, float))
    return value
