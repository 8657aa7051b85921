"""The SQLite backend (FTS5): small, dependable, slower; needs nothing but Python."""

from __future__ import annotations

from chronik.search.backends.sqlite.store import SqliteBackend, SqliteStore

__all__ = ["SqliteBackend", "SqliteStore"]
