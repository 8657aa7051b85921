"""What the backend can be told: ``plugin.storage.sqlite.*``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from chronik.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SqliteOptions:
    """How databases are made and used.

    :ivar page_bytes: page size of a new database; one that is there keeps its own.
    :ivar wal_bytes: how large the write-ahead log grows before it is folded into the database.
    :ivar cache_bytes: page cache of each connection; there is one writer, and a reader for each thread that reads.
    """

    page_bytes: int = 16 << 10
    wal_bytes: int = 16 << 20
    cache_bytes: int = 8 << 20

    @classmethod
    def of(cls, options: Mapping[str, str]) -> SqliteOptions:
        """The options of the configuration.

        :raises ConfigurationError: one is unknown or cannot be.
        """
        for name in options.keys() - _RULES.keys():
            raise ConfigurationError(f"storage:sqlite has no option {name}; its options are {', '.join(sorted(_RULES))}")
        return cls(**{name.replace(".", "_"): _number(name, text) for name, text in options.items()})


_RULES: Final[Mapping[str, tuple[Callable[[int], bool], str]]] = {
    "page.bytes": (lambda value: value in {1 << n for n in range(9, 17)}, "a power of two from 512 to 65536"),
    "wal.bytes": (lambda value: 1 << 16 <= value <= 1 << 32, "from 65536 to 4294967296"),
    "cache.bytes": (lambda value: 1 << 16 <= value <= 1 << 32, "from 65536 to 4294967296"),
}
"""What each option may be, and how that is said."""


def _number(name: str, text: str) -> int:
    allowed, rule = _RULES[name]
    value = int(text) if text.isascii() and text.isdigit() else -1
    if not allowed(value):
        raise ConfigurationError(f"plugin.storage.sqlite.{name} is {text!r}; it must be {rule}")
    return value
