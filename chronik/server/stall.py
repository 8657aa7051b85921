"""How long the reactor was kept from its work: the one number that tells whether anything blocks where it must not."""

from __future__ import annotations

import os
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


class ProcessorWait:
    """How long the calling thread was ready to run and had no processor: what a busy machine adds to every measurement.

    :param path: where the kernel tells it; elsewhere than on Linux nobody does, and 0 is the answer.
    """

    def __init__(self, path: str = "/proc/thread-self/schedstat") -> None:
        try:
            self._file: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._file = None

    def seconds(self) -> float:
        """Since the thread began; of the thread that made this object."""
        if self._file is None:
            return 0.0
        return int(os.pread(self._file, 64, 0).split()[1]) / 1e9

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class ReactorStallMeter:
    """Measures how late its own timer comes.

    :param clock: the reactor's time.
    :param waited: for how long, all in all, the reactor's thread had to wait for a processor; in seconds.
    :ivar buckets: how many looks were late by at most each bound of :data:`STALL_BUCKETS_SECONDS`, and longer than the one before.
    :ivar seconds: sum of all lateness.
    :ivar longest_seconds: the worst since the start.
    :ivar longest_own_seconds: the worst without what the thread waited for a processor: the broker's own doing.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime, waited: Callable[[], float]) -> None:
        self._clock = clock
        self._waited = waited
        self._waited_before = 0.0
        self._due = 0.0
        self._timer: IDelayedCall | None = None
        self.buckets = [0] * (len(STALL_BUCKETS_SECONDS) + 1)
        self.seconds = 0.0
        self.longest_seconds = 0.0
        self.longest_own_seconds = 0.0

    def start(self) -> None:
        """Measure from now on."""
        self._waited_before = self._waited()
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
        waited = self._waited() - self._waited_before
        self.longest_own_seconds = max(self.longest_own_seconds, late - waited)
        if late > _TOLD_SECONDS:
            self._log.warn(
                "the reactor did nothing else for {seconds:.3f} s, of which it waited {waited:.3f} s for a processor", seconds=late, waited=waited
            )
        self.start()
