"""What of a record's value is indexed: the same decision in every backend."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from chronik.search.analysis import decoded, leaf_text
from chronik.search.interfaces import Document

DEPTH_MAX: Final = 126
"""Levels of JSON; tantivy takes no more. Far below what recursion bears: a parser that lets more through would leave it to others to fail."""


@dataclass(frozen=True, slots=True)
class IndexedValue:
    """A value as it is indexed: an object with its JSON text, or plain words.

    :ivar json: the object, None for text.
    :ivar text: its JSON, or the words.
    """

    json: dict[str, Any] | None
    text: str


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def indexed_value(document: Document) -> IndexedValue | None:
    """How a document's value is indexed; None for a tombstone.

    In ``json`` mode an object is indexed by its paths, any other JSON by the words in it; what is not JSON, is nested too deep or is not UTF-8 is
    indexed as the words of its bytes.
    """
    value = document.value
    if value is None:
        return None
    if document.mode != "json":
        return IndexedValue(None, decoded(value))
    try:
        text = value.decode()
        parsed = _parsed(text)
    except (ValueError, RecursionError):
        return IndexedValue(None, decoded(value))
    if not isinstance(parsed, dict):
        return IndexedValue(None, leaf_text(parsed))
    if text.count("{") + text.count("[") > DEPTH_MAX and _is_deep(parsed):
        return IndexedValue(None, text)
    return IndexedValue(parsed, text)


def _parsed(text: str) -> Any:
    if text.startswith("{"):
        parsed, end = _DECODER.raw_decode(text)
        if end == len(text):
            return parsed
    return _DECODER.decode(text)


def _is_deep(value: dict[str, Any]) -> bool:
    """Whether it has more than :data:`DEPTH_MAX` levels."""
    level: list[Any] = [value]
    for _ in range(DEPTH_MAX):
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def storable(text: str) -> str:
    """The text with lone surrogates (JSON can spell them, UTF-8 cannot) replaced."""
    return text.encode("utf-8", "replace").decode()


def header_text(value: bytes | None) -> str:
    """A header's value as text."""
    return "" if value is None else decoded(value)


def size_bytes(document: Document) -> int:
    """What the field ``size`` holds: bytes of key and value."""
    return len(document.key or b"") + len(document.value or b"")
