"""Runs of a segment's bytes, as readers hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.storage.interfaces import ILogSlice

if TYPE_CHECKING:
    from chronik.storage.files import SharedFile
    from chronik.storage.segment import LogSegment


@implementer(ILogSlice)
class FileSlice:
    """A run of bytes of a segment's file, void once the segment is cut off below its end.

    :param shared: the segment's file, held; the slice lets go of it.
    """

    __slots__ = ("_closed", "_cuts_seen", "_position", "_segment", "_shared", "base_offset", "size")

    def __init__(self, segment: LogSegment, shared: SharedFile, position: int, size: int, base_offset: int) -> None:
        self._segment = segment
        self._shared = shared
        self._position = position
        self._closed = False
        self._cuts_seen = len(segment.cuts)
        self.size = size
        self.base_offset = base_offset

    def __len__(self) -> int:
        """Its size."""
        return self.size

    def read(self, start: int, count: int) -> bytes:
        """Some of its bytes; see :meth:`ILogSlice.read`."""
        self._check()
        data = self._shared.file.pread(min(count, self.size - start), self._position + start)
        self._check()
        return data

    def file_range(self) -> tuple[int, int] | None:
        """Where it is on disk; see :meth:`ILogSlice.file_range`."""
        self._check()
        descriptor = self._shared.file.fileno()
        return None if descriptor is None else (descriptor, self._position)

    def close(self) -> None:
        """Let go of the file; see :meth:`ILogSlice.close`."""
        if not self._closed:
            self._closed = True
            self._shared.let_go()

    def is_hot(self) -> bool:
        """Whether its ends are in memory, as far as the system tells."""
        file = self._shared.file
        return file.pread_cached(1, self._position) is not None and file.pread_cached(1, self._position + self.size - 1) is not None

    def _check(self) -> None:
        cuts = self._segment.cuts
        if len(cuts) != self._cuts_seen and min(cuts[self._cuts_seen :]) < self._position + self.size:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, "the log was truncated below what was being read")


@implementer(ILogSlice)
class EmptySlice:
    """Nothing to read."""

    __slots__ = ("base_offset",)

    size = 0

    def __init__(self, base_offset: int) -> None:
        self.base_offset = base_offset

    def __len__(self) -> int:
        """Zero."""
        return 0

    def read(self, start: int, count: int) -> bytes:
        """No bytes."""
        return b""

    def file_range(self) -> None:
        """Nowhere."""
        return

    def close(self) -> None:
        """Nothing to let go of."""
