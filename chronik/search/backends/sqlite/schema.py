"""Tables, and records as their rows.

``rows`` has a row per record and marker, ``leaves`` one per key, header and leaf of a JSON value (or the value itself, when it is text), ``words``
the words of leaves, numbered as they are. Words are cut by :mod:`chronik.search.analysis`; FTS5 only splits them at the spaces between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from chronik.search.analysis import decoded, exact_term, words
from chronik.search.backends.json_paths import leaves
from chronik.search.backends.values import header_text, indexed_value, size_bytes, storable
from chronik.search.fields import value_date
from chronik.search.interfaces import Document, Marker

VERSION: Final = 2
SCHEMA: Final = f"""
CREATE TABLE rows (
    id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL, last INTEGER NOT NULL,
    epoch INTEGER NOT NULL, batch INTEGER NOT NULL, position INTEGER NOT NULL, timestamp INTEGER NOT NULL, size INTEGER NOT NULL,
    has_value INTEGER NOT NULL, reason TEXT
);
CREATE INDEX rows_place ON rows (topic, partition, "offset");
CREATE INDEX rows_end ON rows (topic, partition, last);
CREATE INDEX rows_time ON rows (timestamp, topic, partition, "offset");
CREATE TABLE leaves (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, place TEXT NOT NULL, kind TEXT NOT NULL, exact TEXT, number NUMERIC, instant INTEGER
);
CREATE INDEX leaves_owner ON leaves (owner);
CREATE INDEX leaves_exact ON leaves (place, exact);
CREATE INDEX leaves_number ON leaves (place, number) WHERE number IS NOT NULL;
CREATE INDEX leaves_instant ON leaves (place, instant) WHERE instant IS NOT NULL;
CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'ascii');
CREATE TRIGGER rows_removed AFTER DELETE ON rows BEGIN DELETE FROM leaves WHERE owner = old.id; END;
CREATE TRIGGER leaves_removed AFTER DELETE ON leaves BEGIN DELETE FROM words WHERE rowid = old.id; END;
PRAGMA user_version = {VERSION};
"""

INSERT_ROW: Final = "INSERT INTO rows VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_LEAF: Final = "INSERT INTO leaves VALUES (NULL, ?, ?, ?, ?, ?, ?)"
INSERT_WORDS: Final = "INSERT INTO words (rowid, text) VALUES (?, ?)"

Leaf: TypeAlias = tuple[str, str, str | None, "int | float | None", "int | None", str]
"""place, kind, exact, number, instant, words"""


def row_of(item: Document | Marker) -> tuple[Any, ...]:
    """The row of a record or marker."""
    if isinstance(item, Marker):
        return item.topic, item.partition, item.offset, item.last_offset, item.leader_epoch, -1, -1, -1, 0, 0, item.reason
    return (
        item.topic,
        item.partition,
        item.offset,
        item.offset,
        item.leader_epoch,
        item.batch_offset,
        item.position,
        item.timestamp,
        size_bytes(item),
        int(item.value is not None),
        None,
    )


def leaves_of(document: Document) -> Iterator[Leaf]:
    """Everything of a record that can be searched for."""
    if document.key is not None:
        yield _text("key", decoded(document.key))
    for name, value in document.headers:
        yield _text(f"headers.{storable(name)}", header_text(value))
    indexed = indexed_value(document)
    if indexed is None:
        return
    if indexed.json is None:
        yield "value", "text", None, None, None, " ".join(words(storable(indexed.text)))
        return
    for path, leaf in leaves(indexed.json):
        yield _leaf(f"value.{storable(path)}", leaf)


def _text(place: str, text: str) -> Leaf:
    text = storable(text)
    return place, "text", exact_term(text), None, None, " ".join(words(text))


def _leaf(place: str, leaf: Any) -> Leaf:
    if isinstance(leaf, bool):
        return place, "boolean", "true" if leaf else "false", None, None, ""
    if isinstance(leaf, int):
        return place, "long", None, sql_number(leaf), None, ""
    if isinstance(leaf, float):
        return place, "double", None, leaf, None, ""
    place, kind, exact, _, _, text = _text(place, leaf)
    return place, kind, exact, None, value_date(leaf), text


def sql_number(number: float) -> int | float:
    """A number as SQLite holds it: beyond 64 bits it becomes a float."""
    return _float(number) if isinstance(number, int) and not -(1 << 63) <= number < 1 << 63 else number


def _float(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
