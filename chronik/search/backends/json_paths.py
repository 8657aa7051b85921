"""Which JSON paths a store has seen, and of which kinds: what its catch-all searches are spread over.

The dictionary is bounded. A document with a path that found no room is *wide*: its words are indexed in the catch-all field too, so that words
without a field find it all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chronik.search.fields import value_date

PATHS_MAX: Final = 256
"""A word without a field costs two dictionary look-ups per path and segment: about 1 ms over 256 paths."""

SHAPES_MAX: Final = 4_096
"""Shapes of documents whose paths are known to be in the dictionary; past it the cache begins anew."""

SHAPES_CHARACTERS_MAX: Final = 16 << 20
"""Of the JSON whose shapes are kept: where objects are keyed by ids, no two are alike and each shape is as large as its record."""

_KINDS: Final[dict[type, str]] = {str: "text", int: "long", float: "double", bool: "boolean"}
_MAYBE_DATE: Final = re.compile(r"-\d\d-\d\d")  # begins with a literal: that is searched for five times as fast


@dataclass(frozen=True, slots=True)
class Seen:
    """What the dictionary says of one document.

    :ivar wide: some of its paths are not in the dictionary.
    :ivar dates: ms of its strings that are dates, by path.
    """

    wide: bool = False
    dates: Mapping[str, list[int]] = field(default_factory=dict)


_PLAIN: Final = Seen()


class JsonPaths:
    """The dictionary of one store.

    :param kinds: as :meth:`to_json` gave them.
    :ivar revision: grows with every change.
    """

    def __init__(self, kinds: Mapping[str, Iterable[str]] | None = None, maximum: int = PATHS_MAX) -> None:
        self._kinds: dict[str, set[str]] = {path: set(names) for path, names in (kinds or {}).items()}
        self._maximum = maximum
        self._shapes: dict[Any, Seen] = {}
        self._shapes_characters = 0
        self.revision = 0

    def kinds(self, path: str) -> frozenset[str]:
        """Kinds of values seen at a path without ``value.``; empty when it is not in the dictionary."""
        return frozenset(self._kinds.get(path, ()))

    def items(self) -> list[tuple[str, frozenset[str]]]:
        """All paths and their kinds, as of now."""
        return [(path, frozenset(kinds)) for path, kinds in list(self._kinds.items())]

    def to_json(self) -> dict[str, list[str]]:
        """For a store's own file."""
        return {path: sorted(kinds) for path, kinds in self._kinds.items()}

    def see(self, value: dict[str, Any], dated: bool, characters: int = 0) -> Seen:
        """Take in a document's paths.

        :param characters: of its JSON, at least of the names in it.
        :param dated: whether it may hold date strings, see :func:`may_hold_dates`; such a document is always walked through.
        """
        if dated:
            return self._walk(value)
        shape = _shape(value)
        seen = self._shapes.get(shape)
        if seen is None:
            if len(self._shapes) >= SHAPES_MAX or self._shapes_characters + characters > SHAPES_CHARACTERS_MAX:
                self._shapes.clear()
                self._shapes_characters = 0
            self._shapes_characters += characters
            seen = self._shapes[shape] = self._walk(value)
        return seen

    def roomless(self, value: dict[str, Any]) -> list[Any]:
        """The leaves of a wide document whose paths found no room."""
        return [leaf for path, leaf in leaves(value) if path not in self._kinds]

    def _walk(self, value: dict[str, Any]) -> Seen:
        wide = False
        dates: dict[str, list[int]] = {}
        for path, leaf in leaves(value):
            kind = _KINDS[type(leaf)]
            instant = value_date(leaf) if isinstance(leaf, str) else None
            if instant is not None:
                dates.setdefault(path, []).append(instant)
                wide |= not self._note(path, "date")
            wide |= not self._note(path, kind)
        return Seen(wide, dates) if wide or dates else _PLAIN

    def _note(self, path: str, kind: str) -> bool:
        kinds = self._kinds.get(path)
        if kinds is None:
            if len(self._kinds) >= self._maximum or not speakable(path):
                return False
            kinds = self._kinds[path] = set()
        if kind not in kinds:
            self._kinds[path] = kinds | {kind}
            self.revision += 1
        return True


def may_hold_dates(text: str) -> bool:
    """Whether a JSON text may hold date strings."""
    return _MAYBE_DATE.search(text) is not None


def speakable(path: str) -> bool:
    """Whether a query can name the path: no empty step, no control characters, no star."""
    return all(path.split(".")) and path.isprintable() and "*" not in path


def leaves(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """All strings, numbers and booleans inside a JSON object with their dotted paths; items of arrays share their array's path."""
    stack: list[tuple[str, Any]] = list(reversed(value.items()))
    while stack:
        at, item = stack.pop()
        if isinstance(item, dict):
            stack.extend((f"{at}.{name}", inner) for name, inner in reversed(item.items()))
        elif isinstance(item, list):
            stack.extend((at, inner) for inner in reversed(item))
        elif item is not None:
            yield at, item


def _shape(value: Any) -> Any:
    if type(value) is dict:
        return tuple(value), tuple([_shape(v) if type(v) in (dict, list) else type(v) for v in value.values()])
    return frozenset([_shape(v) if type(v) in (dict, list) else type(v) for v in value])
