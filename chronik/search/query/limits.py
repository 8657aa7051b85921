"""How big a query may be, in either language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from chronik.search.analysis import words
from chronik.search.fields import Kind, resolve
from chronik.search.interfaces import QueryError

DEPTH_MAX: Final = 30
"""Levels of nesting; Elasticsearch's ``indices.query.bool.max_nested_depth``. Far below what recursion bears."""

CLAUSES_MAX: Final = 1_024
"""Leaves of one query, the words of texts among them; Elasticsearch's ``indices.query.bool.max_clause_count`` as it was for years."""

TERMS_MAX: Final = 65_536
"""Values of one ``terms`` query; Elasticsearch's ``index.max_terms_count``."""

BOOST_MAX: Final = 1e30
"""Scores are 32-bit floats, which end at 3e38."""


class Budget:
    """Counts clauses and levels while a query is parsed."""

    def __init__(self) -> None:
        self._clauses = 0

    def spend(self, depth: int) -> None:
        """One more clause, ``depth`` levels down.

        :raises QueryError: that is too many or too deep.
        """
        self._count(1)
        if depth > DEPTH_MAX:
            raise QueryError(f"the query is nested more than {DEPTH_MAX} levels deep", "illegal_argument_exception")

    def spend_words(self, text: str) -> None:
        """The words of a text that a clause was spent for already: each is searched for.

        :raises QueryError: they are too many.
        """
        if len(text) > 1:
            self._count(max(0, len(words(text)) - 1))

    def spend_values(self, field: str, values: Sequence[Any]) -> None:
        """Values of one clause that was spent for already. Where they are looked up everywhere, each is a clause for every path there is.

        :raises QueryError: they are too many.
        """
        if len(values) > TERMS_MAX:
            raise QueryError(f"[terms] on [{field}] has {len(values)} values, at most {TERMS_MAX} are allowed", "illegal_argument_exception")
        if resolve(field).kind in (Kind.ANY, Kind.VALUE):
            self._count(max(0, len(values) - 1))

    def _count(self, clauses: int) -> None:
        self._clauses += clauses
        if self._clauses > CLAUSES_MAX:
            raise QueryError(f"the query has more than {CLAUSES_MAX} clauses or words; use [terms] on a field for long lists", "too_many_clauses")
