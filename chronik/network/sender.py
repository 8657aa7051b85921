"""Writes answers through a transport: bytes as they are, slices of logs in pieces. :mod:`~chronik.network.socketsender` does it for plain sockets.

An answer waits in the sender's queue until it is pushed, so that answers that are ready together leave together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from chronik.errors import KafkaError
from chronik.network.interfaces import Piece

_log = Logger()

SMALL_SLICE_BYTES: Final = 32 << 10
"""Below this, reading a slice and writing it together with the bytes before is cheaper than a call of its own."""

JOINED_BYTES_MAX: Final = 128 << 10
"""How much of bytes and small slices is joined for one call."""

PIECE_BYTES: Final = 64 << 10
"""How much of a slice goes to a transport at a time that cannot send files; TLS is fastest with pieces of this size."""

HELD_BYTES_MAX: Final = 1 << 20
"""Past this many bytes in memory that wait for the peer, no more of its requests are read. Slices are in files, and do not count."""


class AnswerEnd:
    """Stands between two answers in the queue; ``size`` bytes of requests are done with when it is reached."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


class Sender:
    """Sends pieces to one transport, in order. What is common to all kinds of transports.

    :param transport: a connected stream transport.
    :param answered: called with the size of each request whose answer has left this queue.
    :param progress: called when the peer took something.
    """

    def __init__(self, transport: Any, answered: Callable[[int], None], progress: Callable[[], None]) -> None:
        self._transport = transport
        self._answered = answered
        self._progress = progress
        self._queue: deque[Piece | AnswerEnd] = deque()
        self._held_bytes = 0
        self._position = 0
        self._pulled = False
        self._closed = False
        self._finishing = False

    @property
    def full(self) -> bool:
        """Whether so much waits that no more requests are to be read."""
        return self._held_bytes > HELD_BYTES_MAX

    @property
    def busy(self) -> bool:
        """Whether something waits for the peer to read."""
        return self._pulled

    def send(self, pieces: Sequence[Piece], request_size: int) -> None:
        """Queue one answer; it leaves with the next push."""
        if self._closed:
            close_pieces(pieces)
            self._answered(request_size)
            return
        queue = self._queue
        for piece in pieces:
            if type(piece) is bytes:
                self._held_bytes += len(piece)
            queue.append(piece)
        queue.append(AnswerEnd(request_size))

    def push(self) -> None:
        """Write what can be written now."""
        raise NotImplementedError

    def push_soon(self) -> None:
        """Write in the reactor's next turn, with what comes until then."""
        raise NotImplementedError

    def finish(self) -> None:
        """Nothing more will be sent: close the connection after the last byte that is queued."""
        raise NotImplementedError

    def close(self) -> None:
        """Drop what is queued and let go of its files."""
        self._closed = True
        queue, self._queue = self._queue, deque()
        for piece in queue:
            if isinstance(piece, AnswerEnd):
                self._answered(piece.size)
            elif not isinstance(piece, bytes):
                piece.close()

    def _take_small(self) -> bytes:
        """Take bytes and small slices off the queue's front, up to a large slice, and join them; some at a time. Nothing after an abort."""
        queue = self._queue
        out: list[bytes] = []
        room, ended = JOINED_BYTES_MAX, 0
        while queue:
            piece = queue[0]
            if isinstance(piece, AnswerEnd):
                ended += piece.size
            elif room <= 0:
                break
            elif isinstance(piece, bytes):
                size = len(piece)
                out.append(piece)
                room -= size
                self._held_bytes -= size
            elif piece.size < SMALL_SLICE_BYTES:
                data = _read(piece, 0, piece.size)
                if len(data) < piece.size:
                    out = []
                    self._abort()
                    break
                piece.close()
                out.append(data)
                room -= len(data)
            else:
                break
            queue.popleft()
        if ended:
            # Last, for it may make room for requests whose answers come here.
            self._answered(ended)
        return out[0] if len(out) == 1 else b"".join(out)

    def _take_some(self, piece: Any) -> bytes:
        """The next bytes of the slice at the queue's front. Nothing after an abort."""
        data = _read(piece, self._position, min(PIECE_BYTES, piece.size - self._position))
        if data:
            self._advance(piece, len(data))
        else:
            self._abort()
        return data

    def _advance(self, piece: Any, count: int) -> None:
        """Some of the slice at the queue's front is sent."""
        self._position += count
        if self._position >= piece.size:
            self._position = 0
            self._queue.popleft()
            piece.close()

    def _abort(self) -> None:
        """The rest of an answer that was begun cannot be had: its reader must not take what follows for it."""
        self.close()
        self._transport.abortConnection()


@implementer(IPushProducer, IPullProducer)
class TransportSender(Sender):
    """Sends through the transport's own buffer: TLS, and transports in memory. See :class:`Sender` for the parameters."""

    def __init__(self, transport: Any, answered: Callable[[int], None], progress: Callable[[], None]) -> None:
        super().__init__(transport, answered, progress)
        self._paused = False
        transport.registerProducer(self, True)

    @property
    def full(self) -> bool:
        """Whether so much waits that no more requests are to be read."""
        return self._paused or super().full

    @property
    def busy(self) -> bool:
        """Whether something waits for the peer to read."""
        return self._paused or self._pulled

    def push(self) -> None:
        """Write queued bytes and small slices at once; begin to be pulled at the first large slice."""
        if self._pulled or self._closed:
            return
        while (data := self._take_small()) and not self._closed:
            self._transport.write(data)
        if self._queue:
            self._pulled = True
            self._transport.unregisterProducer()
            self._transport.registerProducer(self, False)

    def push_soon(self) -> None:
        """The transport's own buffer waits for the reactor's next turn."""
        self.push()

    def finish(self) -> None:
        """Close after the last byte. A transport does not close while a producer is registered that it paused, so this one goes first."""
        self.push()
        self._finishing = True
        if not self._pulled:
            self._transport.unregisterProducer()
        self._transport.loseConnection()

    def pauseProducing(self) -> None:
        """The transport holds more than it wants to: read no more requests."""
        self._paused = True

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.close()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty: send the next piece."""
        self._paused = False
        self._progress()
        if not self._pulled or self._closed:
            return
        data = self._take_small() if self._position == 0 else b""
        if not data and self._queue:
            data = self._take_some(self._queue[0])
        if data:
            self._transport.write(data)
        elif not self._closed:
            self._pulled = False
            self._transport.unregisterProducer()
            if not self._finishing:
                self._transport.registerProducer(self, True)


def close_pieces(pieces: Sequence[Piece]) -> None:
    """Let go of the files of an answer that nobody will get."""
    for piece in pieces:
        if not isinstance(piece, bytes):
            piece.close()


def _read(piece: Any, start: int, count: int) -> bytes:
    """Some of a slice; nothing when it cannot be read."""
    try:
        data: bytes = piece.read(start, count)
    except (KafkaError, OSError):
        _log.failure("a slice of a log could not be read while it was sent")
        return b""
    return data
