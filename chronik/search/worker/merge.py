"""Putting the hits of several stores into one order: exactly the order that one store of everything would give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chronik.search.interfaces import Found, Sort
from chronik.search.worker.partition import View


@dataclass(frozen=True, slots=True)
class Hit:
    """A match, and the partition it is of."""

    view: View
    found: Found


def merged(hits: Iterable[Hit], sort: Sort, start: int, count: int) -> Sequence[Hit]:
    """``count`` hits from the ``start``-th on, in order.

    Each store must have given its first ``start + count``. Values that cannot be compared are ordered by kind: numbers, then strings.
    """
    ordered = sorted(hits, key=_tie)
    if sort.field == "_score":
        ordered.sort(key=lambda h: h.found.score, reverse=sort.descending)
        return ordered[start : start + count]
    present = [h for h in ordered if h.found.sort_value is not None]
    missing = [h for h in ordered if h.found.sort_value is None]
    present.sort(key=_value, reverse=sort.descending)
    return (present + missing if sort.missing_last else missing + present)[start : start + count]


def _tie(hit: Hit) -> tuple[int, str, int, int]:
    return -hit.found.timestamp, hit.view.topic, hit.view.partition, -hit.found.offset


def _value(hit: Hit) -> tuple[bool, int | float | str]:
    value = hit.found.sort_value
    assert value is not None
    return isinstance(value, str), value
