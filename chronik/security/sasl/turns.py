"""Many that are due at one time, a few in each turn of the reactor: whoever fails in a crowd must not hold up the others."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, succeed

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

A_TURN_MAX: Final = 2
"""Answers to failures, each with the end of a connection: about half a millisecond."""


class Turns:
    """Lets some go on in each turn, in the order in which they came."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._left = A_TURN_MAX
        self._waiting: deque[Deferred[None]] = deque()

    def wait(self) -> Deferred[None]:
        """Fires at once, or in one of the next turns."""
        is_first = self._left == A_TURN_MAX
        if self._left:
            self._left -= 1
            waiting: Deferred[None] = succeed(None)
        else:
            waiting = Deferred()
            self._waiting.append(waiting)
        if is_first:
            self._clock.callLater(0, self._next)
        return waiting

    def _next(self) -> None:
        """Another turn."""
        some = [self._waiting.popleft() for _ in range(min(A_TURN_MAX, len(self._waiting)))]
        self._left = A_TURN_MAX - len(some)
        if some:
            self._clock.callLater(0, self._next)
        for waiting in some:
            waiting.callback(None)
