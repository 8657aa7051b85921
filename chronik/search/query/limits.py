"""How big a query may be, in either language."""

from __future__ import annotations

from typing import Final

from chronik.search.interfaces import QueryError

DEPTH_MAX: Final = 30
"""Levels of nesting; Elasticsearch's ``indices.query.bool.max_nested_depth``. Far below what recursion bears."""

CLAUSES_MAX: Final = 1_024
"""Leaves of one query; Elasticsearch's ``indices.query.bool.max_clause_count`` as it was for years."""

TERMS_MAX: Final = 65_536
"""Values of one ``terms`` query; Elasticsearch's ``index.max_terms_count``."""


class Budget:
    """Counts clauses and levels while a query is parsed."""

    def __init__(self) -> None:
        self._clauses = 0

    def spend(self, depth: int) -> None:
        """One more clause, ``depth`` levels down.

        :raises QueryError: that is too many or too deep.
        """
        self._clauses += 1
        if self._clauses > CLAUSES_MAX:
            raise QueryError(f"the query has more than {CLAUSES_MAX} clauses; use [terms] for long lists of values", "too_many_clauses")
        if depth > DEPTH_MAX:
            raise QueryError(f"the query is nested more than {DEPTH_MAX} levels deep", "illegal_argument_exception")
