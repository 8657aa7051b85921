"""Subscriptions by regular expression, in RE2's syntax, as Kafka's clients send them to the broker.

RE2 takes time linear in the name and bounded memory, whatever the expression (``docs/adr/0007``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

import re2

from chronik.errors import ErrorCode, KafkaError

MEMORY_BYTES_MAX: Final = 1 << 20
"""What one compiled expression may take; one that needs more is refused. A thousand times what anybody needs to choose topics."""

PATTERNS_MAX: Final = 64
"""Expressions whose matches are remembered, a hundred bytes a topic; those least recently asked for are matched again."""


@dataclass(frozen=True, slots=True)
class ResolvedPattern:
    """What an expression stands for.

    :ivar topics: names that match it and that the member who asked may describe.
    :ivar version: of the metadata it was compared with; 0 when it has to be compared again as soon as it may.
    :ivar timestamp: ms of when that was.
    """

    topics: frozenset[str]
    version: int
    timestamp: int


def compile_pattern(pattern: str) -> Any:
    """The expression, ready to match whole names.

    :raises KafkaError: ``INVALID_REGULAR_EXPRESSION``.
    """
    options = re2.Options()
    options.max_mem = MEMORY_BYTES_MAX
    options.log_errors = False
    options.never_capture = True
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = f"SubscribedTopicRegex `{pattern}` is not a valid regular expression: {_text(error)}."
        raise KafkaError(ErrorCode.INVALID_REGULAR_EXPRESSION, reason) from None


def _text(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


class PatternMatcher:
    """Matches expressions with the names of topics, each pair once: what is asked again and again is only looked up."""

    def __init__(self) -> None:
        self._verdicts: OrderedDict[str, dict[str, bool]] = OrderedDict()

    def matches(self, pattern: str, names: Collection[str]) -> frozenset[str]:
        """Those of the names that an expression matches as a whole; none for one that is invalid."""
        verdicts = self._verdicts_of(pattern)
        missing = [name for name in names if name not in verdicts]
        if missing:
            try:
                compiled = compile_pattern(pattern)
            except KafkaError:
                return frozenset()
            for name in missing:
                verdicts[name] = compiled.fullmatch(name) is not None
        return frozenset(name for name in names if verdicts[name])

    def _verdicts_of(self, pattern: str) -> dict[str, bool]:
        verdicts = self._verdicts.setdefault(pattern, {})
        self._verdicts.move_to_end(pattern)
        if len(self._verdicts) > PATTERNS_MAX:
            self._verdicts.popitem(last=False)
        return verdicts

    def forget_names(self, names: Iterable[str]) -> None:
        """Topics may be no more."""
        for verdicts in self._verdicts.values():
            for name in names:
                verdicts.pop(name, None)
