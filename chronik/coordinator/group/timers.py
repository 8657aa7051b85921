"""Deadlines of members and rebalances: thousands of them on one reactor timer."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Deadline:
    """Something that happens at a time unless it is put off or called off.

    :ivar due: when, on the clock in seconds; None when it was called off.
    """

    __slots__ = ("action", "due", "queued")

    def __init__(self, action: Callable[[], None]) -> None:
        self.action = action
        self.due: float | None = None
        self.queued = False


class Timers:
    """Keeps deadlines.

    Putting a deadline off, which every heartbeat does, only changes a number: it is looked at again when its old time comes.

    :param clock: the reactor's: nobody sets it, so that no session ends before it is over.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Deadline]] = []
        self._order = itertools.count()
        self._timer: IDelayedCall | None = None

    def set(self, deadline: Deadline, ms: int) -> None:
        """Let it happen in so many milliseconds from now, and not at any other time that was set before."""
        due = self._clock.seconds() + ms / 1000
        sooner = deadline.due is None or due < deadline.due
        deadline.due = due
        if not deadline.queued or sooner:
            deadline.queued = True
            heapq.heappush(self._heap, (due, next(self._order), deadline))
            if self._heap[0][2] is deadline:
                self._schedule()

    def call_off(self, deadline: Deadline) -> None:
        """Let it not happen."""
        deadline.due = None

    def stop(self) -> None:
        """Nothing happens any more."""
        self._heap.clear()
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._heap:
            self._timer = self._clock.callLater(max(0.0, self._heap[0][0] - self._clock.seconds()), self._look)

    def _look(self) -> None:
        now = self._clock.seconds()
        while self._heap and self._heap[0][0] <= now:
            deadline = heapq.heappop(self._heap)[2]
            if deadline.due is None:
                deadline.queued = False
            elif deadline.due > now:
                heapq.heappush(self._heap, (deadline.due, next(self._order), deadline))
            else:
                deadline.due = None
                deadline.queued = False
                deadline.action()
        self._schedule()
