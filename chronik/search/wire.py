"""The control channel between the broker and a search process: frames of a JSON head and a raw body.

A frame is ``int32 size, int32 head size, head, body``; ``size`` counts all that follows it. Both ends use :class:`ControlProtocol`. A peer that
breaks the framing is not one of ours any more, and its channel is closed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

FRAME_BYTES_MAX: Final = 128 << 20
"""A frame: an answer of 10,000 hits of 10 KB fits."""

HEAD_BYTES_MAX: Final = 16 << 20
"""A head: a search over 100,000 partitions fits."""

_SIZES: Final = struct.Struct(">ii")

Head: TypeAlias = dict[str, Any]


class WireError(Exception):
    """The peer sent what is no frame of this protocol."""


def encode_frame(head: Head, body: bytes = b"") -> list[bytes]:
    """The pieces of one frame.

    :raises WireError: it would be larger than the peer accepts.
    """
    head_bytes = json.dumps(head, separators=(",", ":")).encode()
    size = 4 + len(head_bytes) + len(body)
    if size > FRAME_BYTES_MAX or len(head_bytes) > HEAD_BYTES_MAX:
        raise WireError(f"a frame of {size} bytes with a head of {len(head_bytes)} is larger than {FRAME_BYTES_MAX} and {HEAD_BYTES_MAX}")
    return [_SIZES.pack(size, len(head_bytes)) + head_bytes, body]


class FrameDecoder:
    """Bytes in, frames out; holds at most one frame that is not whole yet."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._held = 0
        self._needed = _SIZES.size

    def feed(self, data: bytes) -> list[tuple[Head, bytes]]:
        """Take bytes in; the frames that became whole.

        :raises WireError: the bytes are no frame.
        """
        self._chunks.append(data)
        self._held += len(data)
        if self._held < self._needed:
            return []
        buffer = b"".join(self._chunks)
        frames: list[tuple[Head, bytes]] = []
        position = 0
        while True:
            end, self._needed = self._frame_end(buffer, position)
            if end is None:
                break
            frames.append(self._frame(buffer, position, end))
            position = end
        self._chunks = [buffer[position:]] if position < len(buffer) else []
        self._held = len(buffer) - position
        return frames

    def _frame_end(self, buffer: bytes, position: int) -> tuple[int | None, int]:
        if len(buffer) - position < _SIZES.size:
            return None, _SIZES.size
        size, head_size = _SIZES.unpack_from(buffer, position)
        if not 4 <= size <= FRAME_BYTES_MAX or not 0 <= head_size <= min(HEAD_BYTES_MAX, size - 4):
            raise WireError(f"a frame of {size} bytes with a head of {head_size} bytes")
        end = position + 4 + size
        return (end if end <= len(buffer) else None), 4 + size

    def _frame(self, buffer: bytes, position: int, end: int) -> tuple[Head, bytes]:
        head_end = position + _SIZES.size + _SIZES.unpack_from(buffer, position)[1]
        try:
            head = json.loads(buffer[position + _SIZES.size : head_end])
        except ValueError as error:
            raise WireError(f"the head is not JSON: {error}") from error
        if not isinstance(head, dict):
            raise WireError("the head is not a JSON object")
        return head, buffer[head_end:end]


class ControlProtocol(Protocol):
    """One end of the control channel.

    :param received: called with each frame's head and body, in order.
    :param lost: called once when the channel is gone, with why.
    """

    _log = Logger()

    def __init__(self, received: Callable[[Head, bytes], None], lost: Callable[[Failure], None]) -> None:
        self._received = received
        self._lost = lost
        self._decoder = FrameDecoder()
        self._open = False

    def connectionMade(self) -> None:
        """The channel can be used."""
        self._open = True

    def send(self, head: Head, body: bytes = b"") -> None:
        """Send a frame; after the channel is gone nothing happens.

        :raises WireError: the frame is too large.
        """
        pieces = encode_frame(head, body)
        if self._open and self.transport is not None:
            self.transport.writeSequence(pieces)

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the peer."""
        try:
            frames = self._decoder.feed(data)
        except WireError as error:
            self._log.error("closing a search process's control channel: {error}", error=str(error))
            self.close()
            return
        for head, body in frames:
            self._received(head, body)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The peer is gone."""
        self._open = False
        self._lost(reason)

    def close(self) -> None:
        """End the channel; the peer exits when it notices."""
        transport: ITransport | None = self.transport
        if transport is not None:
            transport.loseConnection()
