"""What a field name of a query means, and the types of values: the same in every backend.

Reserved roots are ``key``, ``value``, ``headers``, ``timestamp`` (``@timestamp``), ``partition``, ``offset``, ``size``, ``topic`` and a hit's
``_id``. Any other first name is looked up under ``value.``. A path's string values are words; ``path.keyword``, ``key`` and ``headers.name`` compare
whole strings. Integers and floats compare together. A string that is an ISO 8601 date is also a date: it compares in ranges and equals any spelling
of the same instant.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from chronik.search.interfaces import QueryError


class Kind(enum.Enum):
    """What a name stands for."""

    ANY = "any"
    KEY = "key"
    VALUE = "value"
    PATH = "path"
    KEYWORD = "keyword"
    HEADERS = "headers"
    HEADER = "header"
    NUMBER = "number"
    TIMESTAMP = "timestamp"
    TOPIC = "topic"
    ID = "id"


@dataclass(frozen=True, slots=True)
class Field:
    """A resolved name.

    :ivar path: the JSON path, dotted and without ``value.``; the header's name; or the name of a column.
    """

    kind: Kind
    path: str = ""

    @property
    def exact(self) -> bool:
        """Whether strings compare whole."""
        return self.kind in (Kind.KEY, Kind.KEYWORD, Kind.HEADER)


_ROOTS: Final = {
    "key": Field(Kind.KEY),
    "key.keyword": Field(Kind.KEY),
    "value": Field(Kind.VALUE),
    "headers": Field(Kind.HEADERS),
    "timestamp": Field(Kind.TIMESTAMP, "timestamp"),
    "@timestamp": Field(Kind.TIMESTAMP, "timestamp"),
    "partition": Field(Kind.NUMBER, "partition"),
    "offset": Field(Kind.NUMBER, "offset"),
    "size": Field(Kind.NUMBER, "size"),
    "topic": Field(Kind.TOPIC, "topic"),
    "_index": Field(Kind.TOPIC, "topic"),
    "_id": Field(Kind.ID, "_id"),
}
_ANY: Final = frozenset({None, "*", "_all"})
_KEYWORD: Final = ".keyword"


def resolve(name: str | None) -> Field:
    """What a query's field name means.

    :raises QueryError: it cannot be a name.
    """
    if name in _ANY or name is None:
        return Field(Kind.ANY)
    root = _ROOTS.get(name)
    if root is not None:
        return root
    if name.startswith("headers."):
        return Field(Kind.HEADER, _checked(name, name[8:].removesuffix(_KEYWORD)))
    path = name.removeprefix("value.")
    if path == "keyword" and name != path:
        raise QueryError("[value.keyword] is not a field: a value as a whole is not kept; name a path inside it", "illegal_argument_exception")
    if path.endswith(_KEYWORD):
        return Field(Kind.KEYWORD, _checked(name, path[: -len(_KEYWORD)]))
    return Field(Kind.PATH, _checked(name, path))


def _checked(name: str, path: str) -> str:
    if not path or "*" in path or "\0" in path or any(not step for step in path.split(".")):
        raise QueryError(
            f"[{name}] is not the name of a field: a path's steps are separated by single dots, without '*'", "illegal_argument_exception"
        )
    return path


def unsortable(name: str) -> QueryError:
    """The refusal of a sort by a field whose values are not kept in order."""
    return QueryError(f"cannot sort by [{name}]: sort by a path inside the value, by a column or by [_score]", "illegal_argument_exception")


_DATE: Final = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?[ ]?(Z|z|[+-]\d\d(?::?\d\d)?)?)?)?", re.ASCII
)
_EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Instants:
    """The ms from ``first`` to ``last`` (included) that a date text may stand for: ``2026-11`` is a month."""

    first: int
    last: int


def parse_date(text: str) -> Instants | None:
    """The instants of an ISO 8601 date or date and time (UTC when it names no zone), None when it is none."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        start = datetime(int(year), int(month), int(day or 1), int(hour or 0), int(minute or 0), min(int(second or 0), 59))
        if second == "60":
            start += timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    ms = ((start.date().toordinal() - _EPOCH) * 86_400 + start.hour * 3600 + start.minute * 60 + start.second) * 1000
    ms += int((fraction or "0").ljust(3, "0")[:3]) - _zone_ms(zone)
    return Instants(ms, ms + _length_ms(start, day, hour, minute, second, fraction) - 1)


def _zone_ms(zone: str | None) -> int:
    if not zone or zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    ms = (int(digits[:2]) * 60 + int(digits[2:])) * 60_000
    return -ms if zone[0] == "-" else ms


def _length_ms(start: datetime, day: str | None, hour: str | None, minute: str | None, second: str | None, fraction: str | None) -> int:
    if fraction:
        return int(10 ** max(0, 3 - len(fraction)))
    if second:
        return 1000
    if minute:
        return 60_000
    if hour:
        return 3_600_000
    if day:
        return 86_400_000
    after = date(start.year + start.month // 12, start.month % 12 + 1, 1) if (start.year, start.month) != (9999, 12) else None
    return (after.toordinal() - start.toordinal() if after else 31) * 86_400_000


def value_date(text: str) -> int | None:
    """The instant, in ms, that a string inside a record's JSON is; None when it is no full date (``YYYY-MM-DD`` at least)."""
    if not 10 <= len(text) <= 40 or text[4] != "-" or text[7] != "-":
        return None
    instants = parse_date(text)
    return None if instants is None else instants.first


_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def parse_number(text: str) -> int | float | None:
    """The number a text spells, None when it is none (or not a finite one)."""
    match = _NUMBER.fullmatch(text)
    if match is None or len(text) > 300:
        return None
    if match[1] is None and match[2] is None:
        return int(text)
    number = float(text)
    return number if abs(number) != float("inf") else None


def is_typed(text: str) -> bool:
    """Whether a text is a number or a date as a whole: its words mean nothing one by one."""
    return parse_number(text) is not None or (len(text) >= 10 and parse_date(text) is not None)


def timestamp_ms(value: str | float | bool, upper: bool) -> int:
    """A timestamp of a query, in ms: an integer, or an ISO date rounded to its first or last ms.

    :raises QueryError: it is neither.
    """
    if isinstance(value, bool):
        raise QueryError(f"failed to parse date [{value}]: give ms since 1970 or an ISO 8601 date", "illegal_argument_exception")
    if isinstance(value, (int, float)):
        return int(value)
    number = parse_number(value) if len(value) != 4 else None
    if isinstance(number, int):
        return number
    instants = parse_date(value if len(value) != 4 or not value.isdigit() else value + "-01")
    if instants is None:
        raise QueryError(f"failed to parse date [{value}]: give ms since 1970 or ISO 8601, as 2026-11-23T10:00:00Z", "illegal_argument_exception")
    return instants.last if upper else instants.first


def ms_text(ms: int) -> str:
    """A timestamp as ISO 8601 text."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")
