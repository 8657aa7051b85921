"""Sockets of those who are not known yet, and of listeners: a little of their work in each turn of the reactor, however many there are.

The reactor serves in one turn whatever is ready. When thousands of strangers have sent something, connected or hung up, that takes seconds, and
whoever asks meanwhile waits for all of it. So their sockets are in a poll of their own, which the reactor sees as one descriptor: when that is
ready, some of them are served, for a moment. Those who have shown that they are clients leave the crowd for the reactor itself, and
wait for that moment at most. Who says nothing for a while goes back.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakSet

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

SHARE_SECONDS: Final = 0.0003
"""What the crowd gets of a turn of the reactor. Nobody who is known waits longer for it, but for what one of them takes (a signature of RSA: some
ms); and a turn costs so little besides that a crowd that is alone has most of the processor."""

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

EVENTS_MAX: Final = 8
"""How many of those that are ready are asked for at a time, which is about what one share serves."""

ACCEPTED_AT_ONCE_MAX: Final = 2
"""Connections that are accepted before others have their turn. Twisted would take more and more at a time while there are enough."""

_DONE: Final = Failure(ConnectionDone("the peer hung up"))
_LOST: Final = Failure(ConnectionLost("the connection broke"))
_IN: Final = select.EPOLLIN
_OUT: Final = select.EPOLLOUT
_GONE: Final = select.EPOLLHUP | select.EPOLLERR


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

    def charge(self, took: float) -> None:
        """There is no pause; see :meth:`Crowd.charge`."""


NO_CROWD: Final = NoCrowd()


@implementer(IReadDescriptor)
class PolledCrowd:
    """The crowd of a reactor. To its sockets it is their reactor.

    :param reactor: an ``IReactorFDSet`` and ``IReactorTime``.
    :param seconds: a fine clock that goes on while the reactor works.
    """

    _log = Logger()

    def __init__(self, reactor: Any, seconds: Callable[[], float] = time.perf_counter) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._poll = select.epoll()
        self._members: dict[int, Any] = {}
        self._events: dict[int, int] = {}
        self._due: dict[int, int] = {}
        self._ports: dict[int, Any] = {}
        self._turn: IDelayedCall | None = None
        self._trusted: WeakSet[Any] = WeakSet()
        self._careful = 0
        self._rests_until = 0.0
        self.callLater = reactor.callLater
        self.seconds = reactor.seconds

    def __len__(self) -> int:
        """How many sockets are looked at."""
        return len(self._members)

    # -- who belongs to it --------------------------------------------------------------------------------------------

    def take_in(self, port: Any) -> None:
        """See :meth:`Crowd.take_in`."""
        if hasattr(port, "reactor"):
            port.reactor = self
            self._ports[port.fileno()] = port

    def promote(self, transport: Any) -> None:
        """See :meth:`Crowd.promote`."""
        connection = _socket_of(transport)
        if getattr(connection, "reactor", None) is not self:
            return
        events = self._events.get(connection.fileno(), 0)
        connection.stopReading()
        connection.stopWriting()
        connection.reactor = self._reactor
        if events & _IN:
            connection.startReading()
        if events & _OUT:
            connection.startWriting()

    def demote(self, transport: Any) -> None:
        """See :meth:`Crowd.demote`."""
        connection = _socket_of(transport)
        if getattr(connection, "reactor", None) is not self._reactor or not hasattr(connection, "startReading"):
            return
        connection.stopReading()
        connection.reactor = self
        connection.startReading()

    def trust(self, transport: Any) -> None:
        """See :meth:`Crowd.trust`."""
        self._trusted.add(_socket_of(transport))

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

    # -- a reactor to them --------------------------------------------------------------------------------------------

    def addReader(self, member: Any) -> None:
        """Look whether it can be read from."""
        self._change(member, _IN, 0)

    def addWriter(self, member: Any) -> None:
        """Look whether it can be written to."""
        self._change(member, _OUT, 0)

    def removeReader(self, member: Any) -> None:
        """Look no more."""
        self._change(member, 0, _IN)

    def removeWriter(self, member: Any) -> None:
        """Look no more."""
        self._change(member, 0, _OUT)

    def _change(self, member: Any, more: int, less: int) -> None:
        descriptor = member.fileno()
        before = self._events.get(descriptor, 0)
        events = (before | more) & ~less
        if events == before:
            return
        if not events:
            self._poll.unregister(descriptor)
            del self._events[descriptor], self._members[descriptor]
            self._due.pop(descriptor, None)
            if not self._members:
                self._stop()
            return
        if before:
            self._poll.modify(descriptor, events)
        else:
            self._poll.register(descriptor, events)
            if not self._members:
                self._reactor.addReader(self)
        self._events[descriptor] = events
        self._members[descriptor] = member

    def _stop(self) -> None:
        self._reactor.removeReader(self)
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    # -- a descriptor to the reactor ----------------------------------------------------------------------------------

    def fileno(self) -> int:
        """Of the poll: it can be read from while any member is ready."""
        return self._poll.fileno()

    def logPrefix(self) -> str:
        """Who logs, for Twisted."""
        return "crowd"

    def doRead(self) -> None:
        """Some are ready: their moment comes once everybody else who is ready in this turn was served."""
        if self._turn is None:
            self._turn = self._reactor.callLater(0, self._serve_some)

    def _serve_some(self) -> None:
        """Serve those that are ready, one after the other, until the share is used up; the rest the next time."""
        self._turn = None
        began = now = self._seconds()
        if self._rests_until > began:
            self._rest(self._rests_until - began)
            return
        due, strangers = self._due, 0.0
        while self._members:
            if not due:
                due.update(self._poll.poll(0, EVENTS_MAX))
                if not due:
                    return
            descriptor = next(iter(due))
            trusted = self._members[descriptor] in self._trusted
            self._serve(descriptor, due.pop(descriptor))
            before, now = now, self._seconds()
            if not trusted:
                strangers += now - before
            if now - began >= SHARE_SECONDS:
                if strangers:
                    self._rest(self.pause(strangers))
                return

    def _rest(self, seconds: float) -> None:
        """Let the reactor see nobody of the crowd for a while, so that it sleeps unless others have something for it."""
        if seconds and self._members:
            self._reactor.removeReader(self)
            self._turn = self._reactor.callLater(seconds, self._go_on)

    def _go_on(self) -> None:
        self._reactor.addReader(self)
        self._serve_some()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends, and all with it."""
        for member in tuple(self._members.values()):
            self.removeReader(member)
            self.removeWriter(member)
            member.connectionLost(reason)

    def _serve(self, descriptor: int, event: int) -> None:
        member = self._members[descriptor]
        port = self._ports.get(descriptor)
        if port is member:
            port.numberAccepts = ACCEPTED_AT_ONCE_MAX
        reading = True
        why: Any = None
        try:
            if event & _GONE and not event & _IN:
                reading = bool(self._events[descriptor] & _IN)
                why = _DONE.value if reading else _LOST.value
            else:
                if event & _IN:
                    why = member.doRead()
                if not why and event & _OUT and descriptor in self._events:
                    reading = False
                    why = member.doWrite()
        except Exception as error:  # noqa: BLE001  whatever fails in there ends this connection and no other
            self._log.failure("a connection could not be served")
            why = error
        if why:
            self._lose(member, why, reading)

    def _lose(self, member: Any, why: Exception, reading: bool) -> None:
        """As the reactor does it; making a failure for each takes longer than all the rest."""
        self.removeReader(member)
        if reading and type(why) is ConnectionDone and IHalfCloseableDescriptor.providedBy(member):
            member.readConnectionLost(_DONE)
            return
        self.removeWriter(member)
        member.connectionLost(_DONE if type(why) is ConnectionDone else _LOST if type(why) is ConnectionLost else Failure(why))


def _socket_of(transport: Any) -> Any:
    """What is below TLS."""
    while (below := getattr(transport, "below", None)) is not None:
        transport = below
    return transport
