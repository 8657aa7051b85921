"""Writes answers to a socket, past the transport's own buffer: small ones in the turn of the reactor in which they are ready, slices of logs
by ``sendfile``, or encrypted in pieces where the connection is.

Twisted has no call for either. But whatever is sent here goes past the transport, whose buffer therefore stays empty; and a pull producer is asked
for more exactly when the socket takes some again and that buffer is empty.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer

from chronik.errors import KafkaError
from chronik.network.limits import WRITE_BYTES_MAX
from chronik.network.sender import Sender, TransportSender
from chronik.network.tls import PIECE_BYTES


def sender_for(transport: Any, answered: Callable[[int], None], progress: Callable[[], None]) -> Sender:
    """The sender that suits a transport."""
    is_socket = all(hasattr(transport, name) for name in ("startWriting", "getHandle", "fileno")) and transport.fileno() >= 0
    encrypted = getattr(transport, "TLS", False)
    kind = TransportSender if not is_socket or (encrypted and not hasattr(transport, "seal")) else TlsSocketSender if encrypted else SocketSender
    return kind(transport, answered, progress)


@implementer(IPullProducer)
class SocketSender(Sender):
    """Sends to a plain socket. See :class:`Sender` for the parameters."""

    def __init__(self, transport: Any, answered: Callable[[int], None], progress: Callable[[], None]) -> None:
        super().__init__(transport, answered, progress)
        self._socket: socket.socket = transport.getHandle()
        self._descriptor: int = transport.fileno()
        self._rest = b""

    def push(self) -> None:
        """Write what the socket takes now; be pulled for the rest."""
        if self._queue and not self._pulled and not self._closed and not self._drain():
            self._begin_pulling()

    def push_soon(self) -> None:
        """Be pulled in the reactor's next turn."""
        if self._queue and not self._pulled and not self._closed:
            self._begin_pulling()

    def finish(self) -> None:
        """Close after the last byte: the transport waits while it has a producer."""
        self.push()
        self._transport.loseConnection()

    # -- pulled while the socket takes no more ------------------------------------------------------------------------

    def _begin_pulling(self) -> None:
        """Registering asks for bytes at once, which is too soon: it is the next turn's writing that is meant."""
        self._transport.registerProducer(self, False)
        self._pulled = True
        self._transport.startWriting()

    def resumeProducing(self) -> None:
        """The socket takes some again."""
        if not self._pulled:
            return
        if not self._drain():
            self._transport.startWriting()
        elif not self._closed:
            self._pulled = False
            self._transport.unregisterProducer()
        self._progress()

    def stopProducing(self) -> None:
        """The connection is gone."""
        self.close()

    # -- the socket ---------------------------------------------------------------------------------------------------

    def _drain(self) -> bool:
        """Send what is queued until the socket is full or this turn's share is used up; whether nothing is left, or nobody to send it to."""
        room = WRITE_BYTES_MAX
        while room > 0:
            if self._queue and not self._rest and not self._position:
                self._rest = self._sealed(self._take_small())
            if self._rest:
                sent = self._send_rest()
            elif self._queue:
                sent = self._send_slice(self._queue[0], room)
            else:
                return True
            if sent is None:
                return self._closed
            room -= sent
        return False

    def _sealed(self, data: bytes) -> bytes:
        """What is sent for these bytes."""
        return data

    def _send_rest(self) -> int | None:
        """Send bytes; how much, None when the socket is full."""
        data = self._rest
        try:
            sent = self._socket.send(data, socket.MSG_MORE if self._queue else 0)
        except BlockingIOError:
            return None
        except OSError:
            self._abort()
            return None
        self._rest = data[sent:]
        return None if self._rest else sent

    def _send_slice(self, piece: Any, room: int) -> int | None:
        """Send some of a large slice; how much, None when the socket is full."""
        try:
            source = piece.file_range()
        except KafkaError:
            # The log was cut off below its end: what the header promised cannot be sent any more.
            self._abort()
            return None
        if source is None:
            self._rest = self._take_some(piece)
            return 0 if self._rest else None
        count = min(piece.size - self._position, room)
        try:
            sent = os.sendfile(self._descriptor, source[0], source[1] + self._position, count)
        except BlockingIOError:
            return None
        except OSError:
            sent = 0
        if not sent:
            # The peer is gone, or the file ends before the slice does: what the header promised cannot be sent any more.
            self._abort()
            return None
        self._advance(piece, sent)
        return sent if sent == count else None


class TlsSocketSender(SocketSender):
    """Sends to a socket what a :class:`~chronik.network.tls.TlsTransport` has encrypted, in its order. See :class:`Sender` for the parameters."""

    def __init__(self, transport: Any, answered: Callable[[int], None], progress: Callable[[], None]) -> None:
        super().__init__(transport, answered, progress)
        transport.on_output = self._tls_said

    def _tls_said(self) -> None:
        """TLS itself has something to send: it goes behind what is encrypted already."""
        if self._rest:
            return  # it is taken with what comes next, or at the end
        self._rest = self._transport.take_output()
        if self._rest and not self._pulled and not self._drain():
            self._begin_pulling()

    def _sealed(self, data: bytes) -> bytes:
        if not data:
            return b""
        if len(data) <= PIECE_BYTES:
            sealed: bytes = self._transport.seal(data)
        else:
            view = memoryview(data)
            sealed = b"".join([self._transport.seal(view[start : start + PIECE_BYTES]) for start in range(0, len(view), PIECE_BYTES)])
        if not sealed:
            self.close()
        return sealed

    def _drain(self) -> bool:
        done = super()._drain()
        while done and not self._closed and (said := self._transport.take_output()):
            self._rest = said
            done = super()._drain()
        return done

    def _send_slice(self, piece: Any, room: int) -> int | None:
        """Encrypt the next bytes of a slice; they are sent by the next step. Nothing is sent by this one, which must count for the turn's share."""
        data = self._take_some(piece)
        if not data:
            return None
        self._rest = self._sealed(data)
        return self._send_rest()
