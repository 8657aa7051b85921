"""The two ends of a TCP connection in memory."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IPushProducer, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from chronik.testing.simulation.network import Host, Network

WINDOW_BYTES: Final = 64 << 10
"""Past this many bytes under way the sender's producer is told to pause: what the system's buffers hold of a real connection."""

PIECE_BYTES: Final = 64 << 10
"""Most that is delivered at once."""

_DELIVERY: Final = Struct(">QIII")


@implementer(ITCPTransport, IConsumer, IPushProducer)
class SimulatedTransport:
    """One end. What is written arrives at the other end later, whole and in order, unless the network is told otherwise.

    :param host: whose end it is.
    :ivar peer: the other end.
    :ivar half_open: what arrives here is lost, and nobody is told.
    :ivar dribbling: what arrives here comes in small pieces.
    """

    __slots__ = (
        "_address", "_arriving", "_closing", "_lost", "_network", "_outgoing", "_paused", "_paused_producer", "_pending", "_producer",
        "_streaming", "bufferSize", "connected", "disconnecting", "dribbling", "half_open", "host", "number", "peer", "protocol",
    )  # fmt: skip

    def __init__(self, network: Network, number: int, host: Host, port: int) -> None:
        self._network = network
        self._address = IPv4Address("TCP", host.address, port)
        self.number = number
        self.host = host
        self.peer: SimulatedTransport
        self.protocol: Any = None
        self.connected = True
        self.disconnecting = False
        self.half_open = False
        self.dribbling = False
        self.bufferSize = PIECE_BYTES
        self._outgoing: list[bytes] = []
        self._pending = 0
        self._arriving = False
        self._paused = False
        self._lost = False
        self._closing = False
        self._producer: Any = None
        self._streaming = False
        self._paused_producer = False

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes."""
        if not self.connected or self._closing or not data:
            return
        self._outgoing.append(bytes(data))
        self._pending += len(data)
        self._schedule()
        if self._pending > WINDOW_BYTES and self._producer is not None and self._streaming and not self._paused_producer:
            self._paused_producer = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send bytes."""
        self.write(b"".join(data))

    def _schedule(self) -> None:
        """Let what is outgoing arrive some time later, unless something is on its way already: it will take this along."""
        if not self._arriving:
            self._arriving = True
            self._network.timeline.after(self._network.latency(self.host, self.peer.host), self._arrive)

    def _arrive(self) -> None:
        """At the other end."""
        self._arriving = False
        peer = self.peer
        if self._network.blocked(self.host, peer.host):
            self._network.when_healed(self._retry)
        elif peer.half_open:
            self._outgoing.clear()
            self._pending = 0
        elif peer._lost:
            if peer.host.up:
                self._network.reset(self)
        elif peer.protocol is not None and not peer._paused:
            self._deliver(peer)

    def _retry(self) -> None:
        if self._pending and not self._lost:
            self._schedule()
        elif self._closing and not self._lost:
            self._finish()

    def _deliver(self, peer: SimulatedTransport) -> None:
        if self._pending:
            data = b"".join(self._outgoing) if len(self._outgoing) > 1 else self._outgoing[0]
            size = self._network.piece(len(data)) if peer.dribbling else PIECE_BYTES
            piece = data if len(data) <= size else data[:size]
            self._outgoing = [data[size:]] if len(data) > size else []
            self._pending -= len(piece)
            self._network.timeline.note(_DELIVERY.pack(peer.number, len(piece), crc32(piece), 0))
            peer.protocol.dataReceived(piece)
        if self._pending:
            self._schedule()
        elif not self._lost:
            self._drained()

    def _drained(self) -> None:
        """Everything arrived."""
        producer = self._producer
        if producer is None:
            if self._closing:
                self._finish()
        elif not self._streaming or self._paused_producer:
            self._paused_producer = False
            producer.resumeProducing()
            if not self._streaming and not self._pending and self._producer is producer and not self._lost:
                self._network.timeline.after(0, self._pull, producer)

    def _pull(self, producer: Any) -> None:
        if producer is self._producer and not self._pending and not self._lost:
            self._drained()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let a producer be told when to send."""
        if self._lost:
            producer.stopProducing()
            return
        self._producer, self._streaming, self._paused_producer = producer, streaming, False
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """Tell it no more."""
        self._producer = None
        if self._closing and not self._pending and not self._lost:
            self._network.timeline.after(0, self._finish)

    # -- reading ------------------------------------------------------------------------------------------------------

    def begin(self, protocol: Any) -> None:
        """Give what arrives to a protocol."""
        self.protocol = protocol
        protocol.makeConnection(self)
        if not self._lost and self.peer._pending:
            self.peer._schedule()

    def pauseProducing(self) -> None:
        """Read nothing for now."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Read on."""
        if self._paused:
            self._paused = False
            if self.peer._pending and not self._lost:
                self.peer._schedule()

    def stopProducing(self) -> None:
        """Read nothing any more."""
        self.loseConnection()

    # -- the end ------------------------------------------------------------------------------------------------------

    def loseConnection(self, *_: Any) -> None:
        """Close once everything was sent."""
        if self._closing or self._lost:
            return
        self._closing = self.disconnecting = True
        if not self._pending and self._producer is None:
            self._network.timeline.after(0, self._finish)

    def loseWriteConnection(self) -> None:
        """Not needed by anybody here: the whole connection is closed."""
        self.loseConnection()

    def abortConnection(self) -> None:
        """Close now; the peer is told by a reset."""
        if not self._lost:
            self.connected = False
            self._outgoing.clear()
            self._pending = 0
            self._network.timeline.after(0, self.lose, ConnectionAborted())
            self._network.tell(self, ConnectionLost())

    def _finish(self) -> None:
        if not self._lost:
            self._network.tell(self, ConnectionDone())
            self.lose(ConnectionDone())

    def lose(self, reason: Exception) -> None:
        """The connection is gone at this end."""
        if self._lost:
            return
        self._lost = True
        self.connected = False
        self._outgoing.clear()
        self._pending = 0
        self._network.forget(self)
        producer, self._producer = self._producer, None
        if not self.host.up:
            return
        if producer is not None:
            producer.stopProducing()
        if self.protocol is not None:
            self.protocol.connectionLost(Failure(reason))

    # -- what protocols ask -------------------------------------------------------------------------------------------

    def getHost(self) -> IPv4Address:
        """This end's address."""
        return self._address

    def getPeer(self) -> IPv4Address:
        """The other end's address."""
        return self.peer._address

    def fileno(self) -> int:
        """There is no descriptor."""
        return -1

    def setTcpNoDelay(self, enabled: bool) -> None:
        """It always is so."""

    def getTcpNoDelay(self) -> bool:
        """Nothing waits for more to be sent with."""
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nobody looks whether a silent peer is there."""

    def getTcpKeepAlive(self) -> bool:
        """Nobody looks."""
        return False
