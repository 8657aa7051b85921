"""The makers of the index backends that come with Chronik. They run in search processes only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chronik.errors import ConfigurationError
from chronik.search.interfaces import ISearchBackend


def make_tantivy(context: Any, options: Mapping[str, str]) -> ISearchBackend:
    """The ``tantivy`` backend."""
    from chronik.search.backends.tantivy import TantivyBackend

    _no_options("tantivy", options)
    return TantivyBackend()


def make_sqlite(context: Any, options: Mapping[str, str]) -> ISearchBackend:
    """The ``sqlite`` backend."""
    from chronik.search.backends.sqlite import SqliteBackend

    _no_options("sqlite", options)
    return SqliteBackend()


def make_none(context: Any, options: Mapping[str, str]) -> ISearchBackend:
    """The ``none`` backend."""
    from chronik.search.backends.none import NoneBackend

    _no_options("none", options)
    return NoneBackend()


def _no_options(name: str, options: Mapping[str, str]) -> None:
    if options:
        raise ConfigurationError(f"plugin.index.{name} has no option {', '.join(sorted(options))}")
