"""Where requests wait for what has not happened yet, but not for ever."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from math import ceil
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred
from zope.interface import implementer

from chronik.replica.interfaces import ICommitListener, IPartition

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

TICK_MS: Final = 10
"""Deadlines are kept to this precision: what ends in the same tick shares one entry of the reactor's timer heap."""


FORGOTTEN_TICKS: Final = 1024
"""Ticks at which nobody waits any more and that are kept: they may be 24 days away, for clients say how long they want to wait."""


class Waiter:
    """One wait.

    :ivar ended: fires with True when it was woken, False when its time was up.
    :ivar tick: when its time is up, in ticks; the purgatory's.
    """

    __slots__ = ("_over", "ended", "tick")

    def __init__(self) -> None:
        self.ended: Deferred[bool] = Deferred()
        self.tick = 0
        self._over = False

    def wake(self) -> None:
        """It happened; calling again does nothing."""
        self._end(True)

    def expire(self) -> None:
        """It did not happen in time; calling again does nothing."""
        self._end(False)

    def _end(self, happened: bool) -> None:
        if not self._over:
            self._over = True
            self.ended.callback(happened)


@implementer(ICommitListener)
class CommitWaiter(Waiter):
    """Woken when any of its partitions has more to read.

    :param partitions: listened to until :meth:`forget`.
    """

    __slots__ = ("_partitions",)

    def __init__(self, partitions: Iterable[IPartition]) -> None:
        super().__init__()
        self._partitions = tuple(partitions)
        for partition in self._partitions:
            partition.add_listener(self)

    def committed(self, partition: IPartition) -> None:
        """See :meth:`ICommitListener.committed`."""
        self.wake()

    def forget(self) -> None:
        """Listen no more."""
        for partition in self._partitions:
            partition.remove_listener(self)
        self._partitions = ()


class AppendWaiter(CommitWaiter):
    """Woken also when something is appended to any of its partitions, committed or not: what followers wait for."""

    __slots__ = ()

    def __init__(self, partitions: Iterable[IPartition]) -> None:
        super().__init__(partitions)
        for partition in self._partitions:
            partition.add_append_listener(self)


class Purgatory:
    """Ends waits whose time is up, thousands of them on one reactor timer.

    :param clock: the reactor's time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._ticks: list[int] = []
        self._due: dict[int, dict[Waiter, None]] = {}
        self._ticks_max = FORGOTTEN_TICKS
        self._timer: IDelayedCall | None = None

    def expire_after(self, waiter: Waiter, ms: int) -> None:
        """End ``waiter`` in ``ms`` milliseconds, at most a tick later, unless it is woken before."""
        tick = waiter.tick = ceil((self._clock.seconds() * 1000 + ms) / TICK_MS)
        waiting = self._due.get(tick)
        if waiting is not None:
            waiting[waiter] = None
            return
        if len(self._ticks) >= self._ticks_max:
            self._drop_forgotten()
        self._due[tick] = {waiter: None}
        heapq.heappush(self._ticks, tick)
        if self._ticks[0] == tick:
            self._schedule()

    def forget(self, waiter: Waiter) -> None:
        """Keep no deadline for a waiter that was woken."""
        self._due.get(waiter.tick, {}).pop(waiter, None)

    def _drop_forgotten(self) -> None:
        """Keep only the ticks at which somebody waits; done again when they have doubled."""
        self._due = {tick: waiting for tick, waiting in self._due.items() if waiting}
        self._ticks = sorted(self._due)
        self._ticks_max = 2 * len(self._ticks) + FORGOTTEN_TICKS

    def _schedule(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._ticks:
            delay = max(0.0, self._ticks[0] * TICK_MS / 1000 - self._clock.seconds())
            self._timer = self._clock.callLater(delay, self._expire)

    def _expire(self) -> None:
        now = self._clock.seconds() * 1000 / TICK_MS
        while self._ticks and self._ticks[0] <= now:
            for waiter in self._due.pop(heapq.heappop(self._ticks)):
                waiter.expire()
        self._schedule()

    def close(self) -> None:
        """Expire everything that still waits, and keep no timer."""
        for waiting in tuple(self._due.values()):
            for waiter in tuple(waiting):
                waiter.expire()
        self._due.clear()
        self._ticks.clear()
        self._schedule()
