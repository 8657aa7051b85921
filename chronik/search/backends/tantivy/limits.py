"""The limits of ranges over JSON numbers, in tantivy's syntax.

A path's numbers are 64-bit integers, unsigned ones, or floats, in each segment as its records had them. Tantivy panics when one limit of a range is
an integer and the other a float, and a limit beyond what a column can hold lets through what it should not. So a range is given one end at a time,
with the edges of each kind of integers beside it, unless both ends are integers of 64 bits.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, TypeAlias

from chronik.search.query.bounds import INT64_MAX

Number: TypeAlias = int | float
INT64_MIN: Final = -(1 << 63)
UINT64_MAX: Final = (1 << 64) - 1


def json_number(number: Number) -> Number:
    """A number as tantivy holds it: beyond 64 bits it becomes a float."""
    return float(number) if isinstance(number, int) and not INT64_MIN <= number <= UINT64_MAX else number


def number_limits(low: Number | None, low_open: bool, high: Number | None, high_open: bool) -> list[str]:
    """Limits that all hold for the numbers inside. One number is left out: a float of 2**63 or 2**64 that is itself a closed lower limit."""
    if all(isinstance(limit, int) and INT64_MIN <= limit <= INT64_MAX for limit in (low, high)):
        return [_limits(low, low_open, high, high_open)]
    above = [] if low is None else _above(low, low_open)
    return above if high is None else above + _below(high, high_open)


def _above(low: Number, low_open: bool) -> list[str]:
    return [_limits(low, low_open, None, False), *(_limits(edge, True, None, False) for edge in (INT64_MAX, UINT64_MAX) if low > edge)]


def _below(high: Number, high_open: bool) -> list[str]:
    if high_open and high == UINT64_MAX + 1:
        return [_limits(None, False, UINT64_MAX, False)]
    return [_limits(None, False, high, high_open), *(_limits(None, False, edge, True) for edge in (0, INT64_MIN) if high < edge)]


def _limits(low: Number | None, low_open: bool, high: Number | None, high_open: bool) -> str:
    return f"{'{' if low_open else '['}{_limit(low)} TO {_limit(high)}{'}' if high_open else ']'}"


def _limit(value: Number | None) -> str:
    return "*" if value is None else format(Decimal(str(value)), "f")
