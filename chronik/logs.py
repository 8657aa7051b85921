"""Levels of the log, by the names of those who log, and changing them while the broker runs.

Who logs is a dotted name: the module and class that hold the ``Logger``, as in ``chronik.broker.BrokerService``. What has no level of its own has
that of the longest name before it that has one, and in the end the one of ``root``. Levels have Kafka's names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from twisted.logger import ILogFilterPredicate, LogEvent, Logger, LogLevel, PredicateResult
from zope.interface import implementer

ROOT: Final = "root"
"""The name of what all others come from."""

LEVELS: Final = ("OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE")
"""Kafka's levels. Twisted has none below debug: TRACE shows the same as DEBUG, and is remembered as what was asked for."""

NAMESPACES_MAX: Final = 10_000
"""Answers that are remembered; names of loggers are in the code, so that there are far fewer."""

_THRESHOLDS: Final = {"OFF": 5, "FATAL": 4, "ERROR": 3, "WARN": 2, "INFO": 1, "DEBUG": 0, "TRACE": 0}
_RANKS: Final = {LogLevel.debug: 0, LogLevel.info: 1, LogLevel.warn: 2, LogLevel.error: 3, LogLevel.critical: 4}
_NAMES: Final = {0: "DEBUG", 1: "INFO", 2: "WARN", 3: "ERROR", 4: "FATAL"}
_OTHERS: Final = ("twisted", "log_legacy")
"""Names of others whose levels can be set."""


@implementer(ILogFilterPredicate)
class LogLevels:
    """What is logged, and what is not.

    :param root: the level of what nobody set another one for.
    """

    def __init__(self, root: str = "INFO") -> None:
        self._default = root
        self._levels: dict[str, str] = {ROOT: root}
        self._ranks: dict[str, int] = {}

    def __call__(self, event: LogEvent) -> Any:
        """Whether to log an event; as a filter of :class:`twisted.logger.FilteringLogObserver`."""
        namespace = event.get("log_namespace") or ""
        rank = self._ranks.get(namespace)
        if rank is None:
            if len(self._ranks) >= NAMESPACES_MAX:
                self._ranks.clear()
            rank = self._ranks[namespace] = _THRESHOLDS[self.level(namespace)]
        return PredicateResult.maybe if _RANKS.get(event.get("log_level"), 1) >= rank else PredicateResult.no

    def level(self, name: str) -> str:
        """The level that counts for a name."""
        while name:
            found = self._levels.get(name)
            if found is not None:
                return found
            name = name.rpartition(".")[0]
        return self._levels[ROOT]

    def set(self, name: str, level: str) -> None:
        """Give a name, and all below it that have none of their own, a level. It must be one of :data:`LEVELS`."""
        if level not in _THRESHOLDS:
            raise ValueError(level)
        self._levels[name] = level
        self._ranks = {}

    def unset(self, name: str) -> None:
        """Let a name go by what is above it again; the root by what it began with."""
        self._levels.pop(name, None)
        self._levels.setdefault(ROOT, self._default)
        self._ranks = {}

    def start_with(self, level: Any) -> None:
        """Take the level that the process was started with.

        :param level: Twisted's.
        """
        self._default = _NAMES[_RANKS[level]]
        self.set(ROOT, self._default)

    def known(self, name: str) -> bool:
        """Whether anybody logs under this name or one below it."""
        return name == ROOT or name in self._levels or any(each == name or each.startswith(f"{name}.") for each in (*_loggers(), *_OTHERS))

    def described(self) -> Mapping[str, str]:
        """The level of every name there is, sorted, the root included."""
        return {name: self.level(name) for name in sorted({ROOT, *self._levels, *_loggers(), *_OTHERS})}


STRANGERS_LINES_A_SECOND: Final = 10
"""Lines about what strangers do wrong: each takes as long as a small request, and thousands a second would fill the disk."""


class LogRation:
    """So many lines a second; more of them are counted, and their number is told with the first line of a later second.

    :param seconds: what time it is.
    :param more: told how many there were that had no line.
    """

    __slots__ = ("_lines_max", "_more", "_second", "_seconds", "_taken")

    def __init__(self, seconds: Callable[[], float], more: Callable[[int], object], lines_max: int = STRANGERS_LINES_A_SECOND) -> None:
        self._seconds = seconds
        self._more = more
        self._lines_max = lines_max
        self._second = 0
        self._taken = 0

    def take(self) -> bool:
        """Whether there is a line for what has happened now."""
        second = int(self._seconds())
        if second != self._second:
            left_out = self._taken - self._lines_max
            self._second, self._taken = second, 0
            if left_out > 0:
                self._more(left_out)
        self._taken += 1
        return self._taken <= self._lines_max


LOG_LEVELS: Final = LogLevels()
"""Those of this process: there is one log in it."""


def _loggers() -> Iterator[str]:
    """Names of the loggers of our modules that are loaded."""
    for name, module in sorted(sys.modules.items()):
        if not name.startswith("chronik.") or module is None:
            continue
        for value in tuple(vars(module).values()):
            if isinstance(value, Logger):
                yield name
            elif isinstance(value, type) and value.__module__ == name and any(isinstance(each, Logger) for each in vars(value).values()):
                yield f"{name}.{value.__name__}"
