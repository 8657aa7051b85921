"""How long the reactor was kept from its work: the one number that tells whether anything blocks where it must not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

INTERVAL_SECONDS: Final = 0.025
"""How often the meter looks. A stall is seen shortened by at most this."""

STALL_BUCKETS_SECONDS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Upper bounds of the histogram's buckets; one more counts what took longer."""

_TOLD_SECONDS: Final = 0.25
"""A stall this long is worth a line in the log."""


class ReactorStallMeter:
    """Measures how late its own timer comes.

    :param clock: the reactor's time.
    :param processor: the processor time of the reactor's thread so far, in seconds; asked on that thread.
    :ivar buckets: how many looks were late by at most each bound of :data:`STALL_BUCKETS_SECONDS`, and longer than the one before.
    :ivar seconds: sum of all lateness.
    :ivar longest_seconds: the worst since the start.
    :ivar longest_busy_seconds: the most of one stall that the thread spent computing. The rest of a stall is a disk that blocked, or a machine that
        had no processor for the thread.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, processor: Callable[[], float]) -> None:
        self._clock = clock
        self._processor = processor
        self._processor_before = 0.0
        self._due = 0.0
        self._timer: IDelayedCall | None = None
        self.buckets = [0] * (len(STALL_BUCKETS_SECONDS) + 1)
        self.seconds = 0.0
        self.longest_seconds = 0.0
        self.longest_busy_seconds = 0.0

    def start(self) -> None:
        """Measure from now on."""
        self._processor_before = self._processor()
        self._due = self._clock.seconds() + INTERVAL_SECONDS
        self._timer = self._clock.callLater(INTERVAL_SECONDS, self._look)

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _look(self) -> None:
        late = max(0.0, self._clock.seconds() - self._due)
        self.buckets[sum(late > bound for bound in STALL_BUCKETS_SECONDS)] += 1
        self.seconds += late
        self.longest_seconds = max(self.longest_seconds, late)
        busy = min(late, self._processor() - self._processor_before)
        self.longest_busy_seconds = max(self.longest_busy_seconds, busy)
        if late > _TOLD_SECONDS:
            self._log.warn("the reactor did nothing else for {seconds:.3f} s, of which it computed for {busy:.3f} s", seconds=late, busy=busy)
        self.start()
