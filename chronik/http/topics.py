"""Topic expressions of search paths: ``orders,logs-*,-logs-debug``, ``_all``.

A part with ``*`` is a pattern. A part that begins with ``-`` after a pattern takes topics away again, as in Elasticsearch; before any pattern it is a
name, since a topic's name may begin so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chronik.http.interfaces import HttpError
from chronik.search.query.patterns import with_stars

ALL: Final = frozenset({"_all", "*"})
"""Names of every topic."""

PATTERNS_MAX: Final = 100
"""Patterns of one expression, each of which is compared with every topic."""

_WILDCARDS: Final = frozenset({"open", "all", "hidden"})
_NO_WILDCARDS: Final = frozenset({"closed", "none"})


@dataclass(frozen=True, slots=True)
class TopicOptions:
    """What Elasticsearch's clients may say about the topics of a request.

    :ivar ignore_unavailable: a topic that is named and does not exist, or is not searched, is passed over.
    :ivar allow_no_indices: it is well if patterns match nothing.
    :ivar expand: patterns match topics.
    """

    ignore_unavailable: bool = False
    allow_no_indices: bool = True
    expand: bool = True


def read_options(params: Mapping[str, str]) -> TopicOptions:
    """The options of a URL.

    :raises HttpError: 400: one of them cannot be understood.
    """
    return TopicOptions(
        _flag(params, "ignore_unavailable", False), _flag(params, "allow_no_indices", True), _expands(params.get("expand_wildcards", "open"))
    )


def _flag(params: Mapping[str, str], name: str, default: bool) -> bool:
    value = params.get(name, str(default).lower())
    if value not in ("", "true", "false"):
        raise HttpError(400, "illegal_argument_exception", f"[{name}] must be [true] or [false], not [{value}]")
    return value != "false"


def _expands(text: str) -> bool:
    states = set(text.split(","))
    unknown = sorted(states - _WILDCARDS - _NO_WILDCARDS)
    if unknown:
        raise HttpError(400, "illegal_argument_exception", f"[expand_wildcards] does not know [{unknown[0]}]")
    return bool(states & _WILDCARDS) and "none" not in states


@dataclass(frozen=True, slots=True)
class Chosen:
    """What an expression means.

    :ivar named: topics by name, whether they exist or not.
    :ivar matched: topics that a pattern matches.
    """

    named: Sequence[str]
    matched: Sequence[str]


def choose(expression: str, topics: Iterable[str], expand: bool = True) -> Chosen:
    """The topics of an expression.

    :param topics: those that a pattern may match.
    :raises HttpError: 400: there is nothing between two commas, or there are too many patterns.
    """
    everything = list(topics) if expand else []
    named: dict[str, None] = {}
    matched: dict[str, None] = {}
    patterns = 0
    for part in expression.split(","):
        if not part:
            raise HttpError(400, "illegal_argument_exception", f"a topic's name is missing in [{expression}]")
        if patterns and part.startswith("-"):
            patterns += 1
            fits = _pattern(part[1:]).fullmatch
            named = {name: None for name in named if not fits(name)}
            matched = {name: None for name in matched if not fits(name)}
        elif part in ALL or "*" in part:
            patterns += 1
            matched.update((name, None) for name in filter(_pattern(part).fullmatch, everything))
        else:
            named[part] = None
        if patterns > PATTERNS_MAX:
            raise HttpError(400, "illegal_argument_exception", f"there are more than {PATTERNS_MAX} patterns of topics")
    return Chosen(list(named), sorted(matched.keys() - named.keys()))


def _pattern(part: str) -> re.Pattern[str]:
    wild = "*" if part in ALL else part
    return re.compile(with_stars([re.escape(each) for each in wild.split("*")]), re.DOTALL)
