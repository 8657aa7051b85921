"""Sockets of those who are not known yet, and of listeners: a little of their work in each turn of the reactor, however many there are.

The reactor serves in one turn whatever is ready. When thousands of strangers have sent something, connected or hung up, that takes seconds, and
whoever asks meanwhile waits for all of it. So their sockets are in a poll of their own, which the reactor sees as one descriptor: when that is
ready, some of them are served, for a moment. Those who have shown that they are clients leave the crowd for the reactor itself, and
wait for that moment at most. Who says nothing for a while goes back.

Clients that send much are as much in the way of those who send little where there are many of them. So they are in a poll of their own then,
which has a longer moment of each turn, and no pauses.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol
from weakref import WeakSet

from chronik.network.polled import PolledSockets, socket_of

SHARE_SECONDS: Final = 0.0003
"""What the crowd gets of a turn of the reactor. Nobody who is known waits longer for it, but for what one of them takes (a signature of RSA: some
ms); and a turn costs so little besides that a crowd that is alone has most of the processor."""

AT_A_TIME: Final = 8
"""Strangers that one share serves, about."""

PAUSE_SECONDS: Final = 0.001
"""How long the crowd has nothing, at least, after a share that it used up, while others are at work. What they wait for otherwise is less the
reactor than a processor: the system takes one from a thread that always has work only every few ms. The reactor waits for whole ms."""

PAUSE_SHARES: Final = 2.0
"""The same, as a multiple of what the share took, where one of the crowd took longer than a share."""

PAUSE_SECONDS_MAX: Final = 0.02
"""The same, at most: what took that long has waited for a processor itself."""

REST_SECONDS_MAX: Final = 0.05
"""For how long the crowd has nothing at most, whatever pauses come together."""

CAREFUL_SHARES: Final = 64
"""Shares with a pause after a request of somebody known, a tenth of a second or so: who asks now and then finds the processor free as well."""

ACCEPTED_AT_ONCE_MAX: Final = 2
"""Connections that are accepted before others have their turn. Twisted would take more and more at a time while there are enough."""

HEAVY_SHARE_SECONDS: Final = 0.003
"""What those who send much get of a turn together, or one of them what it takes: whoever sends little waits no longer for them. The shorter it is,
the fewer batches are written and answered together: two hundred producers of 16 KB each get a tenth less done with 2 ms, and nothing less with 5."""

HEAVY_AT_A_TIME: Final = 32
"""Of them, one share serves so many, about."""

HEAVY_AT_ONCE: Final = 32
"""Of those who send much, so many may be served like anybody else: a turn of the reactor is short with them, and nothing has to be looked after."""


class Crowd(Protocol):
    """Where strangers are."""

    def take_in(self, port: Any) -> None:
        """Let a listening port, which is not read from now, and all whom it accepts be of the crowd."""

    def promote(self, transport: Any) -> None:
        """Let the socket of a transport leave the crowd; what is none of its sockets stays as it is."""

    def demote(self, transport: Any) -> None:
        """Let the socket of a transport, which is read from and has nothing to write, be of the crowd again."""

    def trust(self, transport: Any) -> None:
        """Let a transport be served with the crowd, one after the other, but with no pause after it."""

    def give_way(self) -> None:
        """Somebody who is known has asked: let the crowd have less for a while."""

    def pause(self, took: float) -> float:
        """Ask after each share of a turn.

        :param took: how long the share took, in seconds.
        :returns: how long nothing is to be done for the crowd, in seconds; 0 for until the next turn.
        """

    def heavy(self, transport: Any) -> bool:
        """A client, whose socket is read from and has nothing to write, sends much: where many do, it is served with them from now on.

        :returns: whether it is.
        """

    def light(self, transport: Any) -> None:
        """It does so no more, or is gone."""

    def charge(self, took: float) -> None:
        """Let the pause be longer that there is now, or that comes next, as if this had been done besides; ``took`` is in seconds."""


class NoCrowd:
    """Where nobody waits for strangers: in simulations, and where sockets are the test's."""

    def take_in(self, port: Any) -> None:
        """Leave it with the reactor; see :meth:`Crowd.take_in`."""

    def promote(self, transport: Any) -> None:
        """It has been there all the time; see :meth:`Crowd.promote`."""

    def demote(self, transport: Any) -> None:
        """It may stay; see :meth:`Crowd.demote`."""

    def trust(self, transport: Any) -> None:
        """There is no pause; see :meth:`Crowd.trust`."""

    def give_way(self) -> None:
        """Nobody is in the way; see :meth:`Crowd.give_way`."""

    def pause(self, took: float) -> float:
        """None; see :meth:`Crowd.pause`."""
        return 0.0

    def heavy(self, transport: Any) -> bool:
        """It is served like anybody else; see :meth:`Crowd.heavy`."""
        return False

    def light(self, transport: Any) -> None:
        """It was not told from others; see :meth:`Crowd.light`."""

    def charge(self, took: float) -> None:
        """There is no pause; see :meth:`Crowd.charge`."""


NO_CROWD: Final = NoCrowd()


class PolledCrowd(PolledSockets):
    """The crowd of a reactor. To its sockets it is their reactor.

    :param reactor: an ``IReactorFDSet`` and ``IReactorTime``.
    :param seconds: a fine clock that goes on while the reactor works.
    """

    def __init__(self, reactor: Any, seconds: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(reactor, SHARE_SECONDS, AT_A_TIME, seconds)
        self._ports: dict[int, Any] = {}
        self._trusted: WeakSet[Any] = WeakSet()
        self._strangers = 0.0
        self._careful = 0
        self._rests_until = 0.0
        self._heavy: set[Any] = set()
        self._lane = PolledSockets(reactor, HEAVY_SHARE_SECONDS, HEAVY_AT_A_TIME, seconds)

    # -- who belongs to it --------------------------------------------------------------------------------------------

    def take_in(self, port: Any) -> None:
        """See :meth:`Crowd.take_in`."""
        if hasattr(port, "reactor"):
            port.reactor = self
            self._ports[port.fileno()] = port

    def promote(self, transport: Any) -> None:
        """See :meth:`Crowd.promote`."""
        self.give_back(transport)

    def demote(self, transport: Any) -> None:
        """See :meth:`Crowd.demote`."""
        self.take(transport)

    def trust(self, transport: Any) -> None:
        """See :meth:`Crowd.trust`."""
        self._trusted.add(socket_of(transport))

    def heavy(self, transport: Any) -> bool:
        """See :meth:`Crowd.heavy`."""
        self._heavy.add(socket_of(transport))
        return len(self._heavy) > HEAVY_AT_ONCE and self._lane.take(transport)

    def light(self, transport: Any) -> None:
        """See :meth:`Crowd.light`."""
        self._heavy.discard(socket_of(transport))
        self._lane.give_back(transport)

    def give_way(self) -> None:
        """See :meth:`Crowd.give_way`."""
        self._careful = CAREFUL_SHARES

    def pause(self, took: float) -> float:
        """See :meth:`Crowd.pause`."""
        if not self._careful:
            return 0.0
        self._careful -= 1
        return self._rest_longer(took)

    def charge(self, took: float) -> None:
        """See :meth:`Crowd.charge`."""
        if self._careful:
            self._rest_longer(took)

    def _rest_longer(self, took: float) -> float:
        now = self._seconds()
        rest = min(PAUSE_SECONDS_MAX, max(PAUSE_SECONDS, PAUSE_SHARES * took))
        self._rests_until = min(max(self._rests_until, now) + rest, now + REST_SECONDS_MAX)
        return self._rests_until - now

    # -- its share of a turn ------------------------------------------------------------------------------------------

    def logPrefix(self) -> str:
        """Who logs, for Twisted."""
        return "crowd"

    def _serve_some(self) -> None:
        now = self._seconds()
        if self._rests_until > now:
            self._rest(self._rests_until - now)
            return
        self._strangers = 0.0
        super()._serve_some()

    def _served(self, member: Any, took: float) -> None:
        if member not in self._trusted:
            self._strangers += took

    def _used_up(self) -> None:
        if self._strangers:
            self._rest(self.pause(self._strangers))

    def _rest(self, seconds: float) -> None:
        """Let the reactor see nobody of the crowd for a while, so that it sleeps unless others have something for it."""
        self._turn = None
        if seconds and self._members:
            self._reactor.removeReader(self)
            self._turn = self._reactor.callLater(seconds, self._go_on)

    def _go_on(self) -> None:
        self._reactor.addReader(self)
        self._serve_some()

    def _serve(self, descriptor: int, event: int) -> None:
        port = self._ports.get(descriptor)
        if port is self._members[descriptor]:
            port.numberAccepts = ACCEPTED_AT_ONCE_MAX
        super()._serve(descriptor, event)
