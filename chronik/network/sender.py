"""Writes answers: bytes as they are, slices of logs from their files.

A slice goes by ``sendfile`` where the transport is a plain socket. Twisted has no call for that, but a pull producer is asked for more exactly when
the transport's own buffer is empty: then the socket is ours until we return.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.logger import Logger
from zope.interface import implementer

from chronik.errors import KafkaError
from chronik.network.interfaces import Piece
from chronik.network.limits import WRITE_BYTES_MAX

_log = Logger()

SENDFILE_BYTES_MIN: Final = 32 << 10
"""Below this a read and a write together with the bytes before are cheaper than a call of their own."""

PIECE_BYTES: Final = 64 << 10
"""How much of a slice goes to a transport at a time that cannot send files; TLS is fastest with pieces of this size."""


class AnswerEnd:
    """Stands between two answers in the queue; ``size`` bytes of requests are done with when it is reached."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


@implementer(IPushProducer, IPullProducer)
class Sender:
    """Sends pieces to one transport, in order.

    :param transport: a connected stream transport.
    :param answered: called with the size of each request whose answer has left this queue.
    :param progress: called when the peer took something.
    """

    def __init__(self, transport: Any, answered: Callable[[int], None], progress: Callable[[], None]) -> None:
        self._transport = transport
        self._answered = answered
        self._progress = progress
        self._queue: deque[Piece | AnswerEnd] = deque()
        self._position = 0
        self._pulled = False
        self._registering = False
        self._closed = False
        self._finishing = False
        self._descriptor: int | None = _plain_descriptor(transport)
        self.full = False
        transport.registerProducer(self, True)

    @property
    def busy(self) -> bool:
        """Whether something waits for the peer to read."""
        return self.full or bool(self._queue)

    def send(self, pieces: Sequence[Piece], request_size: int) -> None:
        """Queue one answer, and write what can be written now."""
        if self._closed:
            close_pieces(pieces)
            self._answered(request_size)
            return
        self._queue.extend(pieces)
        self._queue.append(AnswerEnd(request_size))
        if not self._pulled:
            self._write_directly()

    def finish(self) -> None:
        """Nothing more will be sent: close the connection after the last byte that is queued.

        A transport does not close while a producer is registered that it paused, so this one goes first.
        """
        self._finishing = True
        if not self._pulled:
            self._transport.unregisterProducer()
        self._transport.loseConnection()

    def close(self) -> None:
        """Drop what is queued and let go of its files."""
        self._closed = True
        queue, self._queue = self._queue, deque()
        for piece in queue:
            if isinstance(piece, AnswerEnd):
                self._answered(piece.size)
            elif not isinstance(piece, bytes):
                piece.close()

    # -- small answers: straight into the transport's buffer ---------------------------------------------------------

    def _write_directly(self) -> None:
        """Write queued bytes and small slices at once; begin to be pulled at the first large slice."""
        queue = self._queue
        out: list[bytes] = []
        while queue:
            piece = queue[0]
            if isinstance(piece, AnswerEnd):
                self._answered(piece.size)
            elif isinstance(piece, bytes):
                out.append(piece)
            elif piece.size < SENDFILE_BYTES_MIN:
                data = _read_whole(piece)
                if data is None:
                    self._abort()
                    return
                out.append(data)
            else:
                break
            queue.popleft()
        if out:
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        if queue:
            self._begin_pulling()

    def pauseProducing(self) -> None:
        """The transport holds more than it wants to: read no more requests."""
        self.full = True

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.close()

    # -- large slices: pulled when the socket has room ----------------------------------------------------------------

    def _begin_pulling(self) -> None:
        self._pulled = True
        self._transport.unregisterProducer()
        self._registering = True
        self._transport.registerProducer(self, False)
        self._registering = False

    def _end_pulling(self) -> None:
        self._pulled = False
        self._transport.unregisterProducer()
        if not self._closed and not self._finishing:
            self._transport.registerProducer(self, True)

    def resumeProducing(self) -> None:
        """The transport's buffer is empty: send more, up to a bound for one turn."""
        self.full = False
        self._progress()
        if not self._pulled:
            return
        if self._registering and self._descriptor is not None:
            # Bytes written before may still be in the buffer; come back once they are gone.
            self._transport.startWriting()
            return
        room = WRITE_BYTES_MAX
        while self._queue and room > 0:
            piece = self._queue[0]
            if isinstance(piece, AnswerEnd):
                self._queue.popleft()
                self._answered(piece.size)
            elif isinstance(piece, bytes):
                self._queue.popleft()
                if piece:
                    self._transport.write(piece)
                    return
            else:
                sent = self._send_file(piece, room)
                if sent is None:
                    return
                room -= sent
        if self._queue:
            self._transport.startWriting()
        elif not self._closed:
            self._end_pulling()

    def _send_file(self, piece: Any, room: int) -> int | None:
        """Send some of a slice; how much, or None when this turn is over."""
        source = None if self._descriptor is None else piece.file_range()
        if source is None or self._descriptor is None:
            self._send_read(piece)
            return None
        count = min(piece.size - self._position, room)
        try:
            sent = os.sendfile(self._descriptor, source[0], source[1] + self._position, count)
        except BlockingIOError:
            self._transport.startWriting()
            return None
        except OSError:
            self._abort()
            return None
        if not sent:
            # The file ends before the slice does: it was truncated, and what the header promised cannot be sent any more.
            self._abort()
            return None
        self._advance(piece, sent)
        if sent < count:
            self._transport.startWriting()
            return None
        return sent

    def _send_read(self, piece: Any) -> None:
        data = _read(piece, self._position, min(PIECE_BYTES, piece.size - self._position))
        if not data:
            self._abort()
            return
        self._advance(piece, len(data))
        self._transport.write(data)

    def _advance(self, piece: Any, count: int) -> None:
        self._position += count
        if self._position >= piece.size:
            self._position = 0
            self._queue.popleft()
            piece.close()

    def _abort(self) -> None:
        """The rest of an answer that was begun cannot be had: its reader must not take what follows for it."""
        self.close()
        self._transport.abortConnection()


def close_pieces(pieces: Sequence[Piece]) -> None:
    """Let go of the files of an answer that nobody will get."""
    for piece in pieces:
        if not isinstance(piece, bytes):
            piece.close()


def _read_whole(piece: Any) -> bytes | None:
    data = _read(piece, 0, piece.size)
    piece.close()
    return data if len(data) == piece.size else None


def _read(piece: Any, start: int, count: int) -> bytes:
    """Some of a slice; nothing when it cannot be read."""
    try:
        data: bytes = piece.read(start, count)
    except (KafkaError, OSError):
        _log.failure("a slice of a log could not be read while it was sent")
        return b""
    return data


def _plain_descriptor(transport: Any) -> int | None:
    """The socket's descriptor where bytes can be sent past the transport: not through TLS, and not in memory."""
    if getattr(transport, "TLS", False) or not hasattr(transport, "startWriting") or not hasattr(transport, "fileno"):
        return None
    descriptor: int = transport.fileno()
    return descriptor if descriptor >= 0 else None
