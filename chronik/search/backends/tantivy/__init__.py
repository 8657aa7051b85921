"""The tantivy backend: schema, compiled queries, stores. Only search processes import it."""

from __future__ import annotations

from chronik.search.backends.tantivy.store import TantivyBackend, TantivyStore

__all__ = ["TantivyBackend", "TantivyStore"]
