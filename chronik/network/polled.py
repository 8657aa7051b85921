"""Sockets in a poll of their own: the reactor sees one descriptor, and serves for a moment of each turn those of them that are ready."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableDescriptor, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

_DONE: Final = Failure(ConnectionDone("the peer hung up"))
_LOST: Final = Failure(ConnectionLost("the connection broke"))
_IN: Final = select.EPOLLIN
_OUT: Final = select.EPOLLOUT
_GONE: Final = select.EPOLLHUP | select.EPOLLERR


@implementer(IReadDescriptor)
class PolledSockets:
    """To its sockets it is their reactor.

    :param reactor: an ``IReactorFDSet`` and ``IReactorTime``.
    :param share_seconds: what they get of a turn of the reactor, or one of them what it takes.
    :param at_a_time: how many of those that are ready are asked for at a time, which is about what one share serves.
    :param seconds: a fine clock that goes on while the reactor works.
    """

    _log = Logger()

    def __init__(self, reactor: Any, share_seconds: float, at_a_time: int, seconds: Callable[[], float] = time.perf_counter) -> None:
        self._reactor = reactor
        self._share = share_seconds
        self._at_a_time = at_a_time
        self._seconds = seconds
        self._poll = select.epoll()
        self._members: dict[int, Any] = {}
        self._events: dict[int, int] = {}
        self._due: dict[int, int] = {}
        self._turn: IDelayedCall | None = None
        self.callLater = reactor.callLater
        self.seconds = reactor.seconds

    def __len__(self) -> int:
        """How many sockets are looked at."""
        return len(self._members)

    # -- who is among them --------------------------------------------------------------------------------------------

    def take(self, transport: Any) -> bool:
        """Look after the socket of a transport, which is read from and has nothing to write, in the place of the reactor; whether that did before."""
        connection = socket_of(transport)
        if getattr(connection, "reactor", None) is not self._reactor or not hasattr(connection, "startReading"):
            return False
        connection.stopReading()
        connection.reactor = self
        connection.startReading()
        return True

    def give_back(self, transport: Any) -> None:
        """Leave the socket of a transport to the reactor; what is none of these stays as it is."""
        connection = socket_of(transport)
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
        return "polled sockets"

    def doRead(self) -> None:
        """Some are ready: their moment comes once everybody else who is ready in this turn was served."""
        if self._turn is None:
            self._turn = self._reactor.callLater(0, self._serve_some)

    def _serve_some(self) -> None:
        """Serve those that are ready, one after the other, until the share is used up; the rest the next time."""
        self._turn = None
        due = self._due
        began = now = self._seconds()
        while self._members:
            if not due:
                due.update(self._poll.poll(0, self._at_a_time))
                if not due:
                    return
            descriptor = next(iter(due))
            member = self._members[descriptor]
            self._serve(descriptor, due.pop(descriptor))
            before, now = now, self._seconds()
            self._served(member, now - before)
            if now - began >= self._share:
                self._used_up()
                return

    def _served(self, member: Any, took: float) -> None:
        """One of them was, in so many seconds."""

    def _used_up(self) -> None:
        """The share is."""

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends, and all with it."""
        for member in tuple(self._members.values()):
            self.removeReader(member)
            self.removeWriter(member)
            member.connectionLost(reason)

    def _serve(self, descriptor: int, event: int) -> None:
        member = self._members[descriptor]
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


def socket_of(transport: Any) -> Any:
    """What is below TLS."""
    while (below := getattr(transport, "below", None)) is not None:
        transport = below
    return transport
