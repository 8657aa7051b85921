"""Work that needs the writing thread, in order, and the wake-up of the loop that does it."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

Task: TypeAlias = Callable[[], Awaitable[None]]


class TaskQueue:
    """Tasks, first come first served, and a way to sleep until there is one."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._tasks: deque[Task] = deque()
        self._sleeping: Deferred[None] | None = None
        self._alarm: IDelayedCall | None = None

    def put(self, task: Task) -> None:
        """Do this after what was put before."""
        self._tasks.append(task)
        self.wake()

    def take(self) -> Task | None:
        """The next task, None when there is none."""
        return self._tasks.popleft() if self._tasks else None

    def wake(self) -> None:
        """Something changed: end the sleep, if there is one."""
        sleeping, self._sleeping = self._sleeping, None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if sleeping is not None:
            sleeping.callback(None)

    def sleep(self, until: float | None) -> Deferred[None]:
        """Fires at the time given, or when woken before; None sleeps until woken."""
        sleeping: Deferred[None] = Deferred()
        self._sleeping = sleeping
        if until is not None:
            self._alarm = self._clock.callLater(max(0.0, until - self._clock.seconds()), self._rang)
        return sleeping

    def _rang(self) -> None:
        self._alarm = None
        self.wake()
