"""What brokers log while they are simulated: failures that nobody foresaw are findings."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from zope.interface import implementer

from chronik.errors import KafkaError
from chronik.metadata.interfaces import MetadataError
from chronik.search.interfaces import StoreDamaged

LAST_LINES: Final = 400
"""Lines that are kept to be shown with a failing run."""


@implementer(ILogObserver)
class SimulatedLog:
    """Takes all that is logged.

    :ivar failures: events with a traceback, but for those that tell of a disk, an index or a metadata store.
    :ivar lines: the last ones, warnings and worse.
    """

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.lines: deque[str] = deque(maxlen=LAST_LINES)

    def __call__(self, event: LogEvent) -> None:
        """Something was logged."""
        failure: Any = event.get("log_failure")
        if failure is not None and not failure.check(OSError, KafkaError, MetadataError, StoreDamaged):
            self.failures.append(f"{formatEvent(event)}: {failure.getTraceback(detail='brief')}")
        if event["log_level"] >= LogLevel.warn:
            self.lines.append(formatEvent(event))

    def begin(self) -> None:
        """Take everything from now on, once a process."""
        globalLogBeginner.beginLoggingTo([self], redirectStandardIO=False, discardBuffer=True)
