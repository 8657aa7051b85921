"""Listeners: where connections come from, how many there may be, and who looks after them."""

from __future__ import annotations

import select
import socket
from array import array
from collections import Counter, deque
from collections.abc import Callable, Mapping
from fcntl import ioctl
from functools import partial
from termios import FIONREAD
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from chronik.defer import deferred
from chronik.errors import ChronikError
from chronik.logs import LogRation
from chronik.network.admission import Admission
from chronik.network.busypoll import IBusyPoll, NoBusyPoll
from chronik.network.connection import KafkaConnection
from chronik.network.crowd import NO_CROWD, Crowd
from chronik.network.handshakes import Handshakes
from chronik.network.interfaces import Handshake, IAuthentication, IAuthenticators, IRequestDispatcher, ITlsSide, Session
from chronik.network.limits import BYTES_IN_FLIGHT_TOTAL_MAX, ENDED_A_TURN, LOOKED_AT_A_TURN, ConnectionLimits
from chronik.network.opening import host_of
from chronik.network.tls import TlsTransport

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

LOOK_SECONDS: Final = 1.0
"""How often deadlines are looked at: one timer for all connections of a listener."""


_HUNG_UP: Final = getattr(select, "POLLRDHUP", 0)
"""What to look for beside errors, which are always told."""


class RequestBudget:
    """Bytes of requests that all connections together hold.

    Whole requests are answered sooner or later, which makes room; requests that their senders do not finish would keep it. So past half of the
    budget those give way, the largest first, when it is used up.

    :ivar held: how many bytes there are.
    :ivar unfinished: how many of them are of requests whose end has not come.
    """

    def __init__(self, bytes_max: int = BYTES_IN_FLIGHT_TOTAL_MAX) -> None:
        self._bytes_max = bytes_max
        self._waiting: dict[KafkaConnection, None] = {}
        self._unfinished: dict[KafkaConnection, None] = {}
        self.held = 0
        self.unfinished = 0

    @property
    def over(self) -> bool:
        """Whether nobody may be read from."""
        return self.held > self._bytes_max

    def hold(self, count: int) -> None:
        """Count bytes that came, or with a negative count those that went."""
        self.held += count
        if count < 0 and self._waiting and not self.over:
            waiting, self._waiting = self._waiting, {}
            for connection in waiting:
                connection.budget_freed()

    def note_unfinished(self, connection: KafkaConnection, before: int) -> None:
        """A connection has another number of bytes of an unfinished request than ``before``; they are held already."""
        now = connection.unfinished_bytes
        self.unfinished += now - before
        if not now:
            self._unfinished.pop(connection, None)
        elif not before:
            self._unfinished[connection] = None
        if now > before and self.over and self.unfinished > self._bytes_max // 2:
            self._make_room()

    def _make_room(self) -> None:
        """End what is unfinished, down to half of what would call for it: the search for the largest is not made for every piece that comes."""
        for connection in sorted(self._unfinished, key=lambda each: each.unfinished_bytes, reverse=True):
            if self.unfinished <= self._bytes_max // 4:
                return
            connection.give_up_unfinished()

    def wait(self, connection: KafkaConnection) -> None:
        """Tell the connection when there is room."""
        self._waiting[connection] = None

    def forget(self, connection: KafkaConnection) -> None:
        """The connection is gone."""
        self._waiting.pop(connection, None)


def _end_hung_up(paused: Mapping[int, KafkaConnection]) -> None:
    """End connections whose peer is gone: those that are not read from would keep their socket until something is written.

    A producer that wants no answers (acks=0) may have sent its last batches, and closed, long before its quota lets them in: it is waited for them.

    :param paused: those, by the descriptors of their sockets.
    """
    if paused:
        poll = select.poll()
        for descriptor in paused:
            poll.register(descriptor, _HUNG_UP)
        for descriptor, event in poll.poll(0):
            if event & ~_HUNG_UP or not paused[descriptor].has_more(_unread_bytes(descriptor)):
                paused[descriptor].abort()


def _unread_bytes(descriptor: int) -> int:
    """What of a peer is in its socket."""
    count = array("i", (0,))
    ioctl(descriptor, FIONREAD, count)
    return count[0]


def _nobody(handshake: Handshake) -> None:
    """Who is told of handshakes where nobody is."""


class ConnectionFactory(Factory):
    """What the connections of one listener share.

    :param name: the listener's name.
    :param clock: times their deadlines.
    :param frame_bytes_max: no request is larger (``socket.request.max.bytes``).
    :ivar dispatcher: serves their requests; set before the first connection is accepted.
    :ivar shaken: told of handshakes that showed who a peer is, and of those that failed.
    :ivar authenticators: how peers prove who they are; likewise. None where nobody has to.
    :ivar connections: those that are open, in the order in which they came.
    :ivar accepted: connections that came, since the start.
    :ivar bytes_in: bytes received since the start.
    :ivar bytes_out: bytes of answers since the start.
    :ivar refused: connections closed by us, by reason: ``protocol``, ``connections``, ``deadline``, ``memory``, ``tls``.
    :ivar admission: who may connect.
    :ivar protocol_name: the listener's security protocol, as in ``listener.security.protocol.map``.
    :ivar tls: its side of TLS, None for a listener without.
    :ivar handshakes: when handshakes begin; those of all listeners.
    :ivar crowd: where peers are who are not known yet.
    :ivar ration: lines of the log for connections that end for what their peers did.
    :ivar bytes_held: counts request bytes that came, or with a negative count those that went.
    :ivar busy_poll: keeps the reactor awake for whoever asks again at once; see :mod:`~chronik.network.busypoll`.
    """

    noisy = False
    dispatcher: IRequestDispatcher
    _log = Logger()

    def __init__(
        self,
        name: str,
        clock: IReactorTime,
        limits: ConnectionLimits,
        frame_bytes_max: int,
        budget: RequestBudget,
        admission: Admission | None = None,
        tls: ITlsSide | None = None,
        handshakes: Handshakes | None = None,
        protocol_name: str = "PLAINTEXT",
    ) -> None:
        self.name = name
        self.busy_poll: IBusyPoll = NoBusyPoll()
        self.bytes_held = budget.hold
        self.clock = clock
        self.limits = limits
        self.frame_bytes_max = frame_bytes_max
        self._budget = budget
        self.admission = admission or Admission(clock)
        self.tls = tls
        self.handshakes = handshakes or Handshakes(clock)
        self.protocol_name = protocol_name
        self.authenticators: IAuthenticators | None = None
        self.shaken: Callable[[Handshake], None] = _nobody
        self._timer: IDelayedCall | None = None
        self._emptied: list[Deferred[None]] = []
        self.connections: dict[KafkaConnection, None] = {}
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self.bytes_in = 0
        self.bytes_out = 0
        self.crowd: Crowd = NO_CROWD
        self.ration = LogRation(clock.seconds, self._left_out)
        self._unlooked: deque[KafkaConnection] = deque()

    def _left_out(self, count: int) -> None:
        self._log.warn("{count} more connections on {listener} were ended within a second", count=count, listener=self.name)

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A connection came: a :class:`KafkaConnection`, or one under TLS; None sends it away."""
        host = host_of(addr)
        if self.admission.full(host):
            self.refused["connections"] += 1
            if self.ration.take():
                self._log.warn("refusing a connection of {host} on {listener}: it has too many", host=host, listener=self.name)
            return None
        connection = KafkaConnection(self, internal=False)
        if self.tls is None:
            return connection
        return TlsTransport(self.tls, connection, self.clock, self.handshakes, partial(self._without_tls, host, getattr(addr, "port", 0)))

    def _without_tls(self, host: str, port: int, why: str, is_gone: bool) -> None:
        if not is_gone:
            self.refused["tls"] += 1
            self.shaken(Handshake(self.name, host, None, why))
        if not self.ration.take():
            return
        if is_gone:  # as clients do that are closed while they connect
            self._log.info("a connection of {host}:{port} on {listener} came to nothing: it {why}", host=host, port=port, listener=self.name, why=why)
        else:
            self._log.warn("closing the connection of {host}:{port} on {listener}: it {why}", host=host, port=port, listener=self.name, why=why)

    def tell_refused(self, session: Session, reason: str, why: str) -> None:
        """A connection is being ended; count it, and log it if there have not been too many.

        :param reason: as in ``refused``.
        """
        self.refused[reason] += 1
        if self.ration.take():
            self._log.warn(
                "closing the connection of {host}:{port} on {listener}: {why}",
                host=session.peer_host,
                port=session.peer_port,
                listener=session.listener,
                why=why,
            )

    def begin_authentication(self, session: Session) -> IAuthentication | None:
        """How a new peer will prove who it is; None when it need not."""
        return None if self.authenticators is None else self.authenticators.begin(session)

    def opened(self, connection: KafkaConnection) -> None:
        """A connection begins."""
        assert connection.session is not None
        self.accepted += 1
        self.connections[connection] = None
        self.admission.enter(connection, connection.session.peer_host)
        if self._timer is None:
            self._timer = self.clock.callLater(LOOK_SECONDS, self._look)

    def closed(self, connection: KafkaConnection) -> None:
        """A connection ended."""
        self.connections.pop(connection, None)
        self._budget.forget(connection)
        if connection.session is not None:
            self.admission.leave(connection, connection.session.peer_host)
        if not self.connections:
            emptied, self._emptied = self._emptied, []
            for waiter in emptied:
                waiter.callback(None)

    def emptied(self) -> Deferred[None]:
        """Fires once no connection is open."""
        waiter: Deferred[None] = Deferred()
        if self.connections:
            self._emptied.append(waiter)
        else:
            waiter.callback(None)
        return waiter

    def stop_looking(self) -> None:
        """Enforce no deadlines any more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._unlooked.clear()

    def _look(self) -> None:
        """Look at all who are there now, some in each turn."""
        if not self._unlooked:
            self._unlooked.extend(self.connections)
        now, left, ended = self.clock.seconds(), LOOKED_AT_A_TURN, 0
        paused: dict[int, KafkaConnection] = {}
        while self._unlooked and left and ended < ENDED_A_TURN:
            left -= 1
            connection = self._unlooked.popleft()
            if connection not in self.connections:
                continue
            if self._ended_overdue(connection, now):
                ended += 1
            elif (descriptor := connection.paused_descriptor) >= 0:
                paused[descriptor] = connection
        _end_hung_up(paused)
        if self._unlooked:
            self._timer = self.clock.callLater(0, self._look)
        else:
            self._timer = self.clock.callLater(LOOK_SECONDS, self._look) if self.connections else None

    def _ended_overdue(self, connection: KafkaConnection, now: float) -> bool:
        """End a connection if its time is over; whether it was."""
        why = connection.overdue(now)
        if why is None or connection.session is None:
            connection.rest(now)
            return False
        if self.ration.take():
            self._log.info("closing the connection of {host}: it {why}", host=connection.session.peer_host, why=why)
        self.refused["deadline"] += 1
        connection.abort()
        return True

    # -- the bytes of all connections ---------------------------------------------------------------------------------

    @property
    def over_budget(self) -> bool:
        """Whether all connections together hold more requests than they may."""
        return self._budget.over

    def unfinished_held(self, connection: KafkaConnection, before: int) -> None:
        """Count what a connection holds of an unfinished request, ``before`` being what it held."""
        self._budget.note_unfinished(connection, before)

    def wait_for_budget(self, connection: KafkaConnection) -> None:
        """Tell the connection when there is room again."""
        self._budget.wait(connection)


class KafkaListener:
    """One bound address and its connections.

    :param reactor: binds; an ``IReactorTCP`` and ``IReactorTime``.
    :param host: an address or name; empty for all addresses.
    """

    _log = Logger()

    def __init__(self, reactor: Any, factory: ConnectionFactory, host: str, port: int) -> None:
        self._reactor = reactor
        self.factory = factory
        self._host = host
        self._port = port
        self._listening: Any = None
        self._accepting = False
        factory.admission.on_crowd(self._crowded)

    @property
    def port(self) -> int:
        """The port it listens on, as bound."""
        return self._port if self._listening is None else int(self._listening.getHost().port)

    def bind(self) -> None:
        """Take the address; connections wait in the kernel until :meth:`accept`.

        :raises ChronikError: it cannot be had.
        """
        try:
            self._listening = self._reactor.listenTCP(self._port, self.factory, backlog=self.factory.limits.backlog, interface=self._host)
        except (CannotListenError, OSError) as error:
            cause = getattr(error, "socketError", error)
            raise ChronikError(
                f"cannot listen on {self._host or '*'}:{self._port} ({self.factory.name}): {cause}; "
                "stop what uses the port, or choose another in listeners"
            ) from None
        self._listening.stopReading()
        self.factory.crowd.take_in(self._listening)

    def accept(self) -> None:
        """Serve those who wait, and those who come."""
        if self._listening is not None:
            self._accepting = True
            self._listening.startReading()

    def _crowded(self, accept: bool) -> None:
        """Those who come now wait in the kernel until the others were let in."""
        if self._accepting and self._listening is not None:
            self._listening.startReading() if accept else self._listening.stopReading()

    def adopt(self, descriptor: int) -> None:
        """Serve one of the broker's own children, at the other end of a connected socket, of which a copy is taken."""
        self._reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, _Adopting(self.factory))

    @deferred
    async def stop_accepting(self) -> None:
        """Take no more connections."""
        self._accepting = False
        if self._listening is not None:
            await maybeDeferred(self._listening.stopListening)
            self._listening = None

    @deferred
    async def close(self, seconds: float) -> None:
        """Let requests that were begun be answered, for at most so long, then close every connection."""
        await self.stop_accepting()
        for connection in tuple(self.factory.connections):
            connection.end()
        ended = self.factory.emptied()
        timer = self._reactor.callLater(seconds, self._abort_all)
        await ended
        if timer.active():
            timer.cancel()
        self.factory.stop_looking()

    def _abort_all(self) -> None:
        for connection in tuple(self.factory.connections):
            connection.abort()


class _Adopting(Factory):
    """Builds the connection of a child."""

    noisy = False

    def __init__(self, factory: ConnectionFactory) -> None:
        self._factory = factory

    def buildProtocol(self, addr: IAddress | None) -> KafkaConnection:
        """The child's connection."""
        return KafkaConnection(self._factory, internal=True)
