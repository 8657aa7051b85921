"""A network in memory: hosts, connections between them, and all that happens to those."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError, ConnectionDone, ConnectionLost, ConnectionRefusedError, TimeoutError
from twisted.internet.interfaces import IConnector, IListeningPort
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.testing.simulation.timeline import Timeline
from chronik.testing.simulation.transport import SimulatedTransport

EPHEMERAL_PORT: Final = 32768

DRIBBLE_BYTES_MAX: Final = 40
"""Most that arrives at once while a connection dribbles."""


class Host:
    """A machine on the network.

    :ivar up: whether its process runs; what arrives for one that does not is lost or refused.
    :ivar silent: it has no power: not even a refusal comes.
    """

    def __init__(self, network: Network, address: str) -> None:
        self.network = network
        self.address = address
        self.up = True
        self.silent = False
        self.ports: dict[int, SimulatedPort] = {}


class Network:
    """Carries bytes between hosts.

    :param random: decides how long they take.
    :ivar slow: how many times longer than usual everything takes.
    """

    def __init__(self, timeline: Timeline, random: Random) -> None:
        self.timeline = timeline
        self.random = random
        self.slow = 1.0
        self._hosts: dict[str, Host] = {}
        self._open: dict[SimulatedTransport, None] = {}
        self._blocked: set[tuple[str, str]] = set()
        self._waiting: list[Callable[[], None]] = []
        self._numbers = 0

    def host(self, address: str) -> Host:
        """A machine, made when it is first asked for."""
        return self._hosts.setdefault(address, Host(self, address))

    # -- what transports ask ------------------------------------------------------------------------------------------

    def latency(self, source: Host, target: Host) -> float:
        """Seconds until bytes arrive: mostly a fraction of a millisecond, now and then much longer."""
        random = self.random.random()
        if source is target:
            return 0.00002 + random * 0.0001
        seconds = 0.0001 + random * 0.0005 if random < 0.97 else 0.002 + (random - 0.97)
        return seconds * self.slow

    def piece(self, size: int) -> int:
        """How much of what is under way arrives at a connection that dribbles."""
        return self.random.randint(1, max(DRIBBLE_BYTES_MAX, size // 8))

    def blocked(self, source: Host, target: Host) -> bool:
        """Whether nothing gets from one to the other."""
        return bool(self._blocked) and (source.address, target.address) in self._blocked

    def when_healed(self, retry: Callable[[], None]) -> None:
        """Try again when something is no longer blocked: TCP sends again what was not acknowledged."""
        self._waiting.append(retry)

    def tell(self, transport: SimulatedTransport, reason: Exception) -> None:
        """Let the other end hear that this one is closed, if that gets there."""
        self.timeline.after(self.latency(transport.host, transport.peer.host), self._told, transport, reason)

    def _told(self, transport: SimulatedTransport, reason: Exception) -> None:
        if self.blocked(transport.host, transport.peer.host):
            self.when_healed(lambda: self.tell(transport, reason))
        elif not transport.peer.half_open:
            transport.peer.lose(reason)

    def reset(self, transport: SimulatedTransport) -> None:
        """It wrote to an end that is not there any more."""
        self.timeline.after(self.latency(transport.peer.host, transport.host), transport.lose, ConnectionLost())

    def forget(self, transport: SimulatedTransport) -> None:
        """This end is gone."""
        self._open.pop(transport, None)

    # -- connecting ---------------------------------------------------------------------------------------------------

    def connect(self, connector: SimulatedConnector) -> None:
        """The first packet leaves."""
        self.timeline.after(self.latency(connector.host, connector.host), self._knock, connector)

    def _knock(self, connector: SimulatedConnector) -> None:
        """It arrives, or does not."""
        source, target = connector.host, self._hosts.get(connector.target)
        if target is None or target.silent or self.blocked(source, target) or self.blocked(target, source):
            return
        port = target.ports.get(connector.port)
        if not target.up or port is None:
            self.timeline.after(self.latency(target, source), connector.failed, ConnectionRefusedError())
            return
        theirs, ours = self._pair(source, target, connector.port)
        self.timeline.after(self.latency(target, source), connector.connected, theirs)
        port.accept(ours)

    def socket_pair(self, host: Host) -> tuple[SimulatedTransport, SimulatedTransport]:
        """Two connected sockets on one machine; what goes wrong on networks does not happen between them."""
        return self._pair(host, host, 0)

    def _pair(self, source: Host, target: Host, port: int) -> tuple[SimulatedTransport, SimulatedTransport]:
        self._numbers += 2
        theirs = SimulatedTransport(self, self._numbers, source, EPHEMERAL_PORT + self._numbers // 2 % 28_000)
        ours = SimulatedTransport(self, self._numbers + 1, target, port)
        theirs.peer, ours.peer = ours, theirs
        self._open[theirs] = self._open[ours] = None
        return theirs, ours

    # -- what happens to it -------------------------------------------------------------------------------------------

    def connections(self) -> list[SimulatedTransport]:
        """One end of each that is open between machines: the one that connected."""
        ends = [transport for transport in self._open if transport.number % 2 == 0 and transport.connected and transport.peer.connected]
        return [transport for transport in ends if transport.host is not transport.peer.host]

    def break_connection(self, transport: SimulatedTransport) -> None:
        """Reset it at both ends."""
        transport.peer.abortConnection()
        transport.lose(ConnectionLost())

    def crash(self, host: Host, silent: bool) -> None:
        """The process on a host is gone; its peers hear of it unless the whole machine is."""
        host.up, host.silent = False, silent
        host.ports.clear()
        for transport in [transport for transport in self._open if transport.host is host]:
            transport.lose(ConnectionDone())
            if not silent:
                self.tell(transport, ConnectionLost())

    def revive(self, host: Host) -> None:
        """The host runs again; peers that still wait for an answer of its former self learn that it is gone when they next send something."""
        host.up, host.silent = True, False

    def block(self, source: Host, target: Host) -> None:
        """Let nothing get from one to the other until :meth:`heal`."""
        self._blocked.add((source.address, target.address))

    def heal(self) -> None:
        """Let everything through again; dribbling ends, and connections that lost bytes break."""
        self._blocked.clear()
        self.slow = 1.0
        for transport in tuple(self._open):
            transport.dribbling = False
            if transport.half_open:
                transport.half_open = False
                self.break_connection(transport)
        waiting, self._waiting = self._waiting, []
        for retry in waiting:
            retry()


@implementer(IListeningPort)
class SimulatedPort:
    """A port that is listened on."""

    def __init__(self, host: Host, port: int, factory: Any) -> None:
        self._host = host
        self._port = port
        self._factory = factory
        self._reading = True
        self._backlog: list[SimulatedTransport] = []

    def startListening(self) -> None:
        """Take the port.

        :raises CannotListenError: another has it.
        """
        if self._port in self._host.ports:
            raise CannotListenError(self._host.address, self._port, OSError("in use"))
        self._host.ports[self._port] = self
        self._factory.doStart()

    def accept(self, transport: SimulatedTransport) -> None:
        """Somebody connects."""
        if not self._reading:
            self._backlog.append(transport)
            return
        protocol = self._factory.buildProtocol(transport.getPeer())
        if protocol is None:
            transport.abortConnection()
        else:
            transport.begin(protocol)

    def stopReading(self) -> None:
        """Let those who connect wait."""
        self._reading = False

    def startReading(self) -> None:
        """Let them in."""
        self._reading = True
        waiting, self._backlog = self._backlog, []
        for transport in waiting:
            if transport.connected:
                self.accept(transport)

    def stopListening(self) -> Deferred[None]:
        """Give the port back."""
        if self._host.ports.get(self._port) is self:
            del self._host.ports[self._port]
            self._factory.doStop()
        waiting, self._backlog = self._backlog, []
        for transport in waiting:
            transport.abortConnection()
        return succeed(None)

    def getHost(self) -> IPv4Address:
        """Its address."""
        return IPv4Address("TCP", self._host.address, self._port)


@implementer(IConnector)
class SimulatedConnector:
    """An attempt to connect, and the connection that comes of it.

    :param seconds: how long the attempt may take.
    """

    def __init__(self, host: Host, target: str, port: int, factory: Any, seconds: float) -> None:
        self.host = host
        self.target = target
        self.port = port
        self._factory = factory
        self._seconds = seconds
        self._over = False
        self._transport: SimulatedTransport | None = None

    def connect(self) -> None:
        """Begin."""
        self._factory.doStart()
        self._factory.startedConnecting(self)
        self.host.network.timeline.after(self._seconds, self.failed, TimeoutError())
        self.host.network.connect(self)

    def connected(self, transport: SimulatedTransport) -> None:
        """The other side answered."""
        if self._over or not self.host.up or not transport.connected:
            if transport.connected:
                transport.abortConnection()
            elif not self._over:
                self.failed(ConnectionLost())
            return
        self._over = True
        protocol = self._factory.buildProtocol(transport.getPeer())
        if protocol is None:
            transport.abortConnection()
            return
        self._transport = transport
        transport.begin(protocol)

    def failed(self, reason: Exception) -> None:
        """It came to nothing."""
        if not self._over and self.host.up:
            self._over = True
            self._factory.clientConnectionFailed(self, Failure(reason))
            self._factory.doStop()

    def stopConnecting(self) -> None:
        """Give up."""
        self.failed(ConnectionLost())

    def disconnect(self) -> None:
        """Give up, or close the connection."""
        if self._transport is not None:
            self._transport.loseConnection()
        else:
            self.stopConnecting()

    def getDestination(self) -> IPv4Address:
        """Where to."""
        return IPv4Address("TCP", self.target, self.port)
