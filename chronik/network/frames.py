"""Cuts what a peer sends into requests. No I/O.

A frame is a size and so many bytes. The size is believed only together with an API that may be so large, before anything is kept for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Final

from chronik.network.interfaces import Pieces, ProtocolViolation
from chronik.network.limits import FRAME_BYTES_MIN, FRAMES_A_TURN_MAX

SIZE: Final = Struct(">i")
"""What stands before each frame."""

SMALL_BYTES: Final = 4 << 10
"""What is smaller, and is kept, is copied: a piece from a socket stays in the buffer that it was read into, of which at least a page remains. So
thousands who send a byte a second and never finish would take a page for each byte."""

_SIZE_KEY_VERSION: Final = Struct(">ihh")


def framed(pieces: Pieces) -> tuple[int, Pieces]:
    """An answer as it travels, and how many bytes that is."""
    size = sum(map(len, pieces))
    head = SIZE.pack(size)
    if len(pieces) == 1 and isinstance(pieces[0], bytes):
        # One piece instead of two is less work for all who come after, and nearly all answers have one.
        return SIZE.size + size, (head + pieces[0],)
    return SIZE.size + size, (head, *pieces)


def looks_like(data: bytes) -> str:
    """What the first bytes of something that is no Kafka request probably are, for the log."""
    if data[:4] in (b"GET ", b"POST", b"HEAD", b"PUT ", b"OPTI", b"DELE", b"PRI "):
        return "an HTTP request; search and health are on the HTTP listener"
    if data[:1] == b"\x16" and data[1:2] == b"\x03":
        return "a TLS hello; this listener speaks plain text"
    return "no Kafka request"


class FrameCutter:
    """One peer's bytes, and the frames cut out of them.

    :param frame_bytes_max: no frame is larger.
    :param api_bytes_max: how large a request may be, by API key and version; raises ``ProtocolViolation`` for an API that is not served.
    :ivar whole: frames to be served, without their sizes.
    :ivar unfinished_bytes: bytes of what is not cut yet.
    :ivar needed: how many of those the next frame takes, its size included, as far as that can be told.
    :ivar uncut: whether :meth:`cut` left off before it had looked at everything.
    """

    __slots__ = ("_api_bytes_max", "_chunks", "_frame_bytes_max", "needed", "uncut", "unfinished_bytes", "whole")

    def __init__(self, frame_bytes_max: int, api_bytes_max: Callable[[int, int], int]) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._api_bytes_max = api_bytes_max
        self._chunks: list[bytes] = []
        self.whole: deque[bytes] = deque()
        self.unfinished_bytes = 0
        self.needed = SIZE.size
        self.uncut = False

    def add(self, data: bytes) -> None:
        """Keep what came; a little is joined to a little before it, so that it takes no more memory than it has bytes."""
        chunks, size = self._chunks, len(data)
        if size < SMALL_BYTES and chunks and len(chunks[-1]) < SMALL_BYTES:
            chunks[-1] += data
        else:
            chunks.append(data)
        self.unfinished_bytes += size

    def cut(self, frames_max: int = FRAMES_A_TURN_MAX, bare_bytes_max: int = -1) -> None:
        """Cut whole frames out of what was kept, as many as one turn of the reactor should.

        :param frames_max: no more than so many.
        :param bare_bytes_max: what comes is no Kafka request but a message of so many bytes at most; -1 for Kafka requests.
        :raises ProtocolViolation: this is no request that may be sent here.
        """
        if self.unfinished_bytes < self.needed:
            return
        chunks = self._chunks
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        rest = data[self._split(data, len(self.whole) + frames_max) if bare_bytes_max < 0 else self._split_bare(data, bare_bytes_max) :]
        if rest is data and len(rest) < SMALL_BYTES:
            rest = bytes(memoryview(rest))
        self._chunks = [rest] if rest else []
        self.unfinished_bytes = len(rest)

    def clear(self) -> None:
        """Forget everything."""
        self._chunks = []
        self.whole.clear()
        self.unfinished_bytes = 0
        self.uncut = False

    def close(self) -> None:
        """Nothing will be cut any more: forget whom to ask, who would else be kept by it."""
        self.clear()
        self._api_bytes_max = _no_api

    def _split(self, data: bytes, frames_max: int) -> int:
        """The position where the first frame begins that was not cut."""
        position, end = 0, len(data)
        self.needed = SIZE.size
        self.uncut = False
        while end - position >= SIZE.size:
            if len(self.whole) >= frames_max:
                self.uncut = True
                return position
            if end - position < FRAME_BYTES_MIN:
                self._check_size(SIZE.unpack_from(data, position)[0], data, position)
                self.needed = FRAME_BYTES_MIN
                return position
            size, api_key, version = _SIZE_KEY_VERSION.unpack_from(data, position)
            self._check_size(size, data, position)
            self._check_api(size, api_key, version, data, position)
            if position + SIZE.size + size > end:
                self.needed = SIZE.size + size
                return position
            position += SIZE.size
            self.whole.append(data[position : position + size])
            position += size
        return position

    def _split_bare(self, data: bytes, bytes_max: int) -> int:
        """The same for one frame that has nothing but its size before it."""
        size = SIZE.unpack_from(data)[0]
        if not 0 <= size <= bytes_max:
            raise ProtocolViolation(f"a message of {size} bytes while it authenticates, where {bytes_max} are allowed")
        end = SIZE.size + int(size)
        if end > len(data):
            self.needed = end
            return 0
        self.needed = SIZE.size
        self.uncut = len(data) > end
        self.whole.append(data[SIZE.size : end])
        return end

    def _check_size(self, size: int, data: bytes, position: int) -> None:
        if size < FRAME_BYTES_MIN or size > self._frame_bytes_max:
            seems = looks_like(data[position : position + 8])
            raise ProtocolViolation(f"a request of {size} bytes ({self._frame_bytes_max} are allowed), which looks like {seems}")

    def _check_api(self, size: int, api_key: int, version: int, data: bytes, position: int) -> None:
        try:
            allowed = self._api_bytes_max(api_key, version)
        except ProtocolViolation as problem:
            raise ProtocolViolation(f"{problem}; it looks like {looks_like(data[position : position + 8])}") from None
        if size > allowed:
            raise ProtocolViolation(f"a request of {size} bytes with API key {api_key}, which may have {allowed}")


def _no_api(api_key: int, version: int) -> int:
    raise ProtocolViolation("nothing more is served on this connection")
