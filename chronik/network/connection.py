"""The server's side of one connection: bytes to requests, in order; answers to bytes, in order."""

from __future__ import annotations

import socket
from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.network.interfaces import Answer, Pieces, ProtocolViolation, Session
from chronik.network.limits import BYTES_IN_FLIGHT_MAX, FRAME_BYTES_MIN, READ_BYTES, REQUESTS_IN_FLIGHT_MAX
from chronik.network.sender import Sender, close_pieces
from chronik.security.interfaces import ANONYMOUS, BROKER

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall

    from chronik.network.listener import ConnectionFactory

_SIZE: Final = Struct(">i")
_SIZE_KEY_VERSION: Final = Struct(">ihh")


def looks_like(data: bytes) -> str:
    """What the first bytes of something that is no Kafka request probably are, for the log."""
    if data[:4] in (b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"DELE", b"PRI "):
        return "an HTTP request; search and health are on the HTTP listener"
    if data[:1] == b"\x16" and data[1:2] == b"\x03":
        return "a TLS hello; this listener speaks plain text"
    return "no Kafka request"


class _Pending:
    """A request that was begun: its answer, once it is there."""

    __slots__ = ("done", "pieces", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.done = False
        self.pieces: Pieces | None = None


class KafkaConnection(Protocol):
    """One connection of a client, or of one of the broker's own children.

    :param factory: what all connections of a listener share.
    :ivar deadline: when it is closed unless something happens before; looked at once a second by the factory.
    """

    _log = Logger()

    def __init__(self, factory: ConnectionFactory, internal: bool) -> None:
        self.factory = factory
        self._internal = internal
        self._dispatcher = factory.dispatcher
        self._seconds = factory.clock.seconds
        self._limits = factory.limits
        self._chunks: list[bytes] = []
        self._held = 0
        self._needed = _SIZE.size
        self._frames: deque[bytes] = deque()
        self._answers: deque[_Pending] = deque()
        self._in_flight = 0
        self._bytes_in_flight = 0
        self._starting = False
        self._looping = False
        self._paused = False
        self._ending = False
        self._lost = False
        self._sender: Sender | None = None
        self._requests = 0
        self._muted: IDelayedCall | None = None
        self._barred = False
        self.deadline = 0.0
        self.session: Session | None = None

    # -- the connection's life ----------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Begin to listen to the peer."""
        transport: Any = self.transport
        if hasattr(transport, "bufferSize"):
            transport.bufferSize = READ_BYTES
        if hasattr(transport, "setTcpNoDelay") and not self._internal:
            transport.setTcpNoDelay(True)
            self._size_buffers(transport)
        peer, host = transport.getPeer(), transport.getHost()
        self.session = Session(
            listener=self.factory.name,
            peer_host=_host(peer),
            peer_port=getattr(peer, "port", 0),
            local_host=_host(host),
            local_port=getattr(host, "port", 0),
            principal=BROKER if self._internal else ANONYMOUS,
            internal=self._internal,
        )
        self._sender = Sender(transport, self._answered, self._progressed)
        self.deadline = self._seconds() + self._limits.first_request_seconds
        self.factory.opened(self)

    def _size_buffers(self, transport: Any) -> None:
        for option, size in ((socket.SO_SNDBUF, self._limits.send_buffer_bytes), (socket.SO_RCVBUF, self._limits.receive_buffer_bytes)):
            if size >= 0:
                transport.getHandle().setsockopt(socket.SOL_SOCKET, option, size)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The peer is gone, or was sent away."""
        self._lost = True
        if self._muted is not None:
            self._muted.cancel()
            self._muted = None
        if self._sender is not None:
            self._sender.close()
        for pending in self._answers:
            if pending.pieces is not None:
                close_pieces(pending.pieces)
        self._answers.clear()
        self._frames.clear()
        self._chunks = []
        self.factory.bytes_held(-self._bytes_in_flight)
        self._bytes_in_flight = 0
        if self.session is not None:
            self._dispatcher.disconnected(self.session)
        self.factory.closed(self)

    def end(self) -> None:
        """Begin nothing more; close once what was begun is answered."""
        self._ending = True
        self._frames.clear()
        self._pause()
        self._end_if_answered()

    def bar(self, until: float | None) -> None:
        """Read nothing before :meth:`admit`.

        :param until: close it at that time instead, in seconds of the clock.
        """
        self._barred = True
        self.deadline = float("inf") if until is None else until
        self._pause()

    def admit(self) -> None:
        """Its turn has come."""
        self._barred = False
        self.deadline = self._seconds() + self._limits.first_request_seconds
        self._start_requests()

    def abort(self) -> None:
        """Close now."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection() if hasattr(transport, "abortConnection") else transport.loseConnection()

    def overdue(self, now: float) -> str | None:
        """Why it should be closed now, or None. The broker's own children may be silent as long as they live."""
        if now < self.deadline or self._internal:
            return None
        if self._barred:
            return "comes from an address that connects too often"
        if self._sender is not None and self._sender.busy:
            return "takes no more of its answer"
        if self._answers or self._muted is not None:
            self.deadline = now + self._limits.idle_seconds
            return None
        if self._held:
            return "sends a request too slowly"
        return "sent no request" if not self._requests else "was idle"

    def _violated(self, problem: str) -> None:
        session = self.session
        assert session is not None
        self._log.warn(
            "closing the connection of {host}:{port} on {listener}: it sent {problem}",
            host=session.peer_host,
            port=session.peer_port,
            listener=session.listener,
            problem=problem,
        )
        self.factory.refused["protocol"] += 1
        self._frames.clear()
        self._chunks, self._held = [], 0
        self._lost = True
        self.abort()

    def _end_if_answered(self) -> None:
        """Close after the last byte of the last answer; the transport waits for the sender."""
        if self._ending and not self._answers and not self._lost and self._sender is not None:
            self._sender.finish()

    # -- bytes to frames ----------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the peer; whole requests among them are begun."""
        if self._lost or self._ending:
            return
        self.factory.bytes_in += len(data)
        self._hold(len(data))
        if self._chunks:
            self._chunks.append(data)
            self._held += len(data)
            if self._held < self._needed:
                if self.factory.over_budget:
                    self._pause()
                return
            data = b"".join(self._chunks)
        try:
            position = self._split(data)
        except ProtocolViolation as problem:
            self._violated(str(problem))
            return
        rest = data[position:]
        self._chunks = [rest] if rest else []
        self._held = len(rest)
        self._start_requests()
        if self._held and not self._lost:
            self.deadline = self._seconds() + self._limits.frame_seconds + self._needed / self._limits.frame_bytes_per_second

    def _split(self, data: bytes) -> int:
        """Cut whole frames out of ``data``; the position where the next one begins.

        The size of a frame is believed only together with an API that may be so large, before anything is kept for it.
        """
        position, end = 0, len(data)
        self._needed = _SIZE.size
        while end - position >= _SIZE.size:
            if end - position < FRAME_BYTES_MIN:
                size = _SIZE.unpack_from(data, position)[0]
                self._check_size(size, data, position)
                self._needed = FRAME_BYTES_MIN
                return position
            size, api_key, version = _SIZE_KEY_VERSION.unpack_from(data, position)
            self._check_size(size, data, position)
            self._check_api(size, api_key, version, data, position)
            if position + _SIZE.size + size > end:
                self._needed = _SIZE.size + size
                return position
            position += _SIZE.size
            self._frames.append(data[position : position + size])
            position += size
        return position

    def _check_size(self, size: int, data: bytes, position: int) -> None:
        if size < FRAME_BYTES_MIN or size > self.factory.frame_bytes_max:
            allowed, seems = self.factory.frame_bytes_max, looks_like(data[position : position + 8])
            raise ProtocolViolation(f"a request of {size} bytes ({allowed} are allowed), which looks like {seems}")

    def _check_api(self, size: int, api_key: int, version: int, data: bytes, position: int) -> None:
        assert self.session is not None
        try:
            allowed = self._dispatcher.frame_bytes_max(self.session, api_key, version)
        except ProtocolViolation as problem:
            raise ProtocolViolation(f"{problem}; it looks like {looks_like(data[position : position + 8])}") from None
        if size > allowed:
            raise ProtocolViolation(f"a request of {size} bytes with API key {api_key}, which may have {allowed}")

    # -- frames to requests -------------------------------------------------------------------------------------------

    def _start_requests(self) -> None:
        """Begin what may begin: in order, each once the one before has done what must happen in order.

        An answer that is there at once comes back here while the loop still runs, and leaves the rest to it.
        """
        if self._looping:
            return
        self._looping = True
        if self._ending:
            return
        frames = self._frames
        while frames and not self._starting and not self._lost and len(self._answers) < REQUESTS_IN_FLIGHT_MAX and not self._full():
            if self._quiet:
                break
            self._start(frames.popleft())
        self._looping = False
        # A request that is still coming may be larger than what may wait: it must not stop its own rest.
        if frames or self._quiet or self._full() or self._bytes_in_flight - self._held > BYTES_IN_FLIGHT_MAX or self.factory.over_budget:
            self._pause()
        else:
            self._resume()

    @property
    def _quiet(self) -> bool:
        """Whether nothing may be read or begun for now."""
        return self._barred or self._muted is not None

    def _full(self) -> bool:
        return self._sender is not None and self._sender.full

    def _start(self, frame: bytes) -> None:
        assert self.session is not None
        pending = _Pending(_SIZE.size + len(frame))
        self._answers.append(pending)
        self._requests += 1
        self.deadline = self._seconds() + self._limits.idle_seconds
        try:
            answer: Answer = self._dispatcher.dispatch(self.session, frame)
        except ProtocolViolation as problem:
            self._violated(str(problem))
            return
        except Exception:  # noqa: BLE001  whatever fails in there ends this connection and no other
            self._log.failure("a request of {host} could not be served", host=self.session.peer_host)
            self._violated("a request that failed here")
            return
        if self.session.muted_until:
            self._mute(self.session)
        answer.pieces.addCallbacks(self._ready, self._failed, callbackArgs=(pending,))
        if answer.started is not None and not answer.started.called:
            self._starting = True
            answer.started.addBoth(self._started)

    def _started(self, result: object) -> None:
        self._starting = False
        if not self._lost:
            self._start_requests()

    def _ready(self, pieces: Pieces | None, pending: _Pending) -> None:
        if self._lost:
            close_pieces(pieces or ())
            return
        pending.done = True
        pending.pieces = pieces
        answers, sender = self._answers, self._sender
        assert sender is not None
        while answers and answers[0].done:
            first = answers.popleft()
            pieces = _framed(first.pieces)
            self.factory.bytes_out += sum(map(len, pieces))
            sender.send(pieces, first.size)
        if sender.busy:
            self.deadline = self._seconds() + self._limits.stalled_seconds
        if self.session is not None and self.session.muted_until:
            self._mute(self.session)
        if self._ending:
            self._end_if_answered()
        elif self._frames or self._paused:
            self._start_requests()

    def _failed(self, failure: Failure) -> None:
        if self._lost:
            return
        if not isinstance(failure.value, ProtocolViolation):
            self._log.failure("an answer could not be made", failure)
            self._violated("a request whose answer failed here")
        else:
            self._violated(str(failure.value))

    def _mute(self, session: Session) -> None:
        """Read and begin nothing until the client's time is over; what was begun is answered."""
        left = session.muted_until - self._seconds()
        if left > 0 and self._muted is None and not self._ending:
            self._muted = self.factory.clock.callLater(left, self._unmute, session)
            self._pause()

    def _unmute(self, session: Session) -> None:
        self._muted = None
        self._mute(session)
        if self._muted is None:
            session.muted_until = 0.0
            self._start_requests()

    # -- bounds -------------------------------------------------------------------------------------------------------

    def _hold(self, size: int) -> None:
        self._bytes_in_flight += size
        self.factory.bytes_held(size)

    def _answered(self, size: int) -> None:
        """The answer to a request of so many bytes is on its way."""
        self._bytes_in_flight -= size
        self.factory.bytes_held(-size)
        self.deadline = self._seconds() + self._limits.idle_seconds

    def _progressed(self) -> None:
        """The peer took some of an answer."""
        busy = self._sender is not None and self._sender.busy
        self.deadline = self._seconds() + (self._limits.stalled_seconds if busy else self._limits.idle_seconds)
        if self._paused and not self._lost:
            self._start_requests()

    def _pause(self) -> None:
        transport: Any = self.transport
        if self.factory.over_budget:
            self.factory.wait_for_budget(self)
        if not self._paused and transport is not None:
            self._paused = True
            transport.pauseProducing()

    def _resume(self) -> None:
        transport: Any = self.transport
        if self._paused and transport is not None and not self._lost:
            self._paused = False
            transport.resumeProducing()

    def budget_freed(self) -> None:
        """Others' requests were answered: there is room again for everyone."""
        if self._paused and not self._lost:
            self._start_requests()


def _framed(pieces: Pieces | None) -> Pieces:
    """An answer with its size before it; nothing for a request that needs none."""
    return () if pieces is None else (_SIZE.pack(sum(map(len, pieces))), *pieces)


def _host(address: IAddress) -> str:
    return getattr(address, "host", None) or "local"
