"""A dispatcher that does as it is told, slices in memory and in files, and a connection without a socket."""

from __future__ import annotations

import os
from struct import pack
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from zope.interface import implementer

from chronik.network.connection import KafkaConnection
from chronik.network.interfaces import Answer, IRequestDispatcher, Pieces, ProtocolViolation, Session
from chronik.network.limits import ConnectionLimits
from chronik.network.listener import ConnectionFactory, RequestBudget
from chronik.storage.interfaces import ILogSlice

SERVED = 18
"""The only API key of the dispatcher below."""


def request(body: bytes = b"", api_key: int = SERVED, version: int = 0) -> bytes:
    """A framed request with correlation id 7; ``body`` follows the first eight bytes."""
    return pack(">ihhi", 8 + len(body), api_key, version, 7) + body


def framed(body: bytes) -> bytes:
    """An answer as it travels."""
    return pack(">i", len(body)) + body


@implementer(IRequestDispatcher)
class ToldDispatcher:
    """Answers when the test says so, or at once with what follows the request's header.

    :ivar bodies: what came.
    :ivar answers: the Deferreds of pieces not given at once.
    """

    def __init__(self, at_once: bool = False) -> None:
        self.at_once = at_once
        self.bodies: list[bytes] = []
        self.answers: list[Deferred[Pieces | None]] = []
        self.started: Deferred[None] | None = None
        self.error: Exception | None = None
        self.gone: list[Session] = []

    def frame_bytes_max(self, session: Session, api_key: int, api_version: int) -> int:
        """A megabyte, for the one API."""
        if api_key != SERVED:
            raise ProtocolViolation(f"API key {api_key}")
        return 1 << 20

    def dispatch(self, session: Session, frame: bytes) -> Answer:
        """Keep it, or answer."""
        self.bodies.append(frame[8:])
        if self.error is not None:
            raise self.error
        started, self.started = self.started, None
        pieces: Deferred[Pieces | None] = succeed([frame[8:]]) if self.at_once else Deferred()
        self.answers.append(pieces)
        return Answer(started, pieces)

    def disconnected(self, session: Session) -> None:
        """Write it down."""
        self.gone.append(session)


@implementer(ILogSlice)
class MemorySlice:
    """A slice without a file.

    :ivar closed: how often it was closed.
    :ivar error: what reading raises.
    """

    base_offset = 0

    def __init__(self, data: bytes, error: Exception | None = None) -> None:
        self.data = data
        self.size = len(data)
        self.error = error
        self.closed = 0

    def __len__(self) -> int:
        return self.size

    def read(self, start: int, count: int) -> bytes:
        """Some of it."""
        if self.error is not None:
            raise self.error
        return self.data[start : start + count]

    def file_range(self) -> tuple[int, int] | None:
        """It has none."""
        return None

    def close(self) -> None:
        """Count it."""
        self.closed += 1


class FileSlice(MemorySlice):
    """A slice of a file, for sendfile."""

    def __init__(self, path: str, start: int, size: int) -> None:
        super().__init__(b"")
        self.descriptor = os.open(path, os.O_RDONLY)
        self.start, self.size = start, size

    def read(self, start: int, count: int) -> bytes:
        """Some of it."""
        return os.pread(self.descriptor, count, self.start + start)

    def file_range(self) -> tuple[int, int] | None:
        """The file and the position."""
        return self.descriptor, self.start

    def close(self) -> None:
        """Close the file, once."""
        if not self.closed:
            os.close(self.descriptor)
        super().close()


class PushTransport(StringTransport):
    """A transport that pauses its producer past ``bufferSize`` bytes, as sockets do, and remembers how it was closed."""

    bufferSize = 1 << 16
    aborted = False

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0

    def write(self, data: bytes) -> None:
        """Take it all, and say when it is too much."""
        super().write(data)
        self.unsent += len(data)
        if self.producer is not None and self.streaming and self.unsent > self.bufferSize:
            self.producer.pauseProducing()

    def drain(self) -> None:
        """The peer read everything."""
        self.unsent = 0
        if self.producer is not None:
            self.producer.resumeProducing()

    def abortConnection(self) -> None:
        """Remember it."""
        self.aborted = True


class Connected:
    """A connection on a clock and a transport in memory."""

    def __init__(self, at_once: bool = False, limits: ConnectionLimits | None = None, budget: RequestBudget | None = None, **fields: Any) -> None:
        self.clock = fields.get("clock") or Clock()
        self.dispatcher = ToldDispatcher(at_once)
        admission = fields.get("admission")
        self.factory = ConnectionFactory("PLAINTEXT", self.clock, limits or ConnectionLimits(), 100 << 20, budget or RequestBudget(), admission)
        self.factory.dispatcher = self.dispatcher
        self.transport = PushTransport()
        built = KafkaConnection(self.factory, True) if fields.get("internal") else self.factory.buildProtocol(self.transport.getPeer())
        assert built is not None
        self.connection: KafkaConnection = built
        self.connection.makeConnection(self.transport)

    def receive(self, data: bytes) -> None:
        """Bytes come."""
        self.connection.dataReceived(data)

    @property
    def sent(self) -> bytes:
        """What the peer was sent."""
        return self.transport.value()

    @property
    def reading(self) -> bool:
        """Whether more requests are read."""
        return self.transport.producerState == "producing"

    def pass_time(self, seconds: int) -> None:
        """Let so many seconds pass, one by one."""
        self.clock.pump([1.0] * seconds)
