"""Busy polling: a client that asks one thing after the other is waited for awake, for a moment.

A processor that has nothing to do sleeps, and takes some tens of microseconds to wake, more in a virtual machine, where it also finds its caches
cold. Where the next request comes that soon, or the disk's answer to this one, not sleeping is cheaper. Linux does the same for sockets under
``net.core.busy_poll``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

POLL_SECONDS: Final = 120e-6
"""How long a request is waited for awake: about what it takes to fall asleep and wake, on the client's side and on ours."""

ASKS_AGAIN_SECONDS: Final = 500e-6
"""A request that comes so soon after the last answer is of a client that does one thing after the other: the next will come as soon."""

ASKS_AGAIN_BYTES_MAX: Final = 4 << 10
"""Whoever sends more at a time is not waited for: sending it takes longer than waking up."""

CROWDED_SECONDS: Final = 30e-6
"""Giving way takes a microsecond or two unless somebody else wants the processor; in a virtual machine now and then some more."""

ANSWER_SECONDS: Final = 1e-3
"""How long an answer is waited for awake. A sync of a disk takes a few tenths of it; where the last answer took longer (records are waited for, the
disk is slow, the machine is busy) the next is not waited for at all."""

REST_SECONDS: Final = 0.005
"""How long nothing is polled for when somebody does: on a busy machine no processor sleeps anyway. Some ten requests of one client, so that one look
that was wrong costs little."""


class IBusyPoll(Protocol):
    """Who keeps the reactor's thread awake."""

    def for_request(self) -> None:
        """Somebody who asks again at once was just answered."""

    def for_answer(self) -> None:
        """Somebody who asks again at once asked, and the answer is made elsewhere: by a disk, mostly."""


class BusyPoll:
    """Keeps the reactor from sleeping: each of its turns asks for another, until the time is over. Whatever else comes is served meanwhile.

    :param clock: the reactor's.
    :param seconds: a fine clock that goes on while the reactor works.
    :param give_way: lets others have the processor who want it.
    """

    def __init__(
        self, clock: IReactorTime, seconds: Callable[[], float] = time.perf_counter, give_way: Callable[[], None] = os.sched_yield
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._give_way = give_way
        self._until = 0.0
        self._answer_until = 0.0
        self._rests_until = 0.0
        self._turning = False

    def for_request(self) -> None:
        """See :meth:`IBusyPoll.for_request`."""
        now = self._seconds()
        self._answer_until = 0.0
        if now >= self._rests_until:
            self._until = now + POLL_SECONDS
            self._begin()

    def for_answer(self) -> None:
        """See :meth:`IBusyPoll.for_answer`. Those who make the answer want a processor too: giving way to them tells nothing of the machine."""
        self._answer_until = self._seconds() + ANSWER_SECONDS
        self._begin()

    def _begin(self) -> None:
        if not self._turning:
            self._turning = True
            self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        began = self._seconds()
        for_answer = began < self._answer_until
        if for_answer or began < self._until:
            self._give_way()
            ended = self._seconds()
            if for_answer or ended - began < CROWDED_SECONDS:
                self._clock.callLater(0, self._turn)
                return
            self._rests_until = ended + REST_SECONDS
        self._turning = False


def asks_again(seconds: float, size_bytes: int) -> bool:
    """Whether a request's sender will ask again as soon as it is answered.

    :param seconds: from the last answer to the request.
    :param size_bytes: the request's.
    """
    return seconds < ASKS_AGAIN_SECONDS and size_bytes <= ASKS_AGAIN_BYTES_MAX


def answers_soon(seconds: float) -> bool:
    """Whether an answer is worth waiting for awake.

    :param seconds: what the one before it took.
    """
    return seconds < ANSWER_SECONDS


class NoBusyPoll:
    """Where there is no processor to keep awake: in a simulation, and in tests."""

    def for_request(self) -> None:
        """Nothing; see :meth:`IBusyPoll.for_request`."""

    def for_answer(self) -> None:
        """Nothing; see :meth:`IBusyPoll.for_answer`."""
