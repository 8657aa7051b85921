"""One segment of a log: a run of batches in a file, and the indexes that find them."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import HEADER_BYTES, BatchHeader, parse_header
from chronik.storage.files import FileCache, SharedFile
from chronik.storage.indexes import OffsetIndex, TimeIndex
from chronik.storage.interfaces import ILogSlice

LOG: Final = ".log"
INDEX: Final = ".index"
TIME_INDEX: Final = ".timeindex"
SNAPSHOT: Final = ".snapshot"
DELETED: Final = ".deleted"

RELATIVE_OFFSET_MAX: Final = 2**31 - 1
"""Offsets in the indexes are relative to the segment's, in 32 bits."""

POSITION_MAX: Final = 2**31 - 1
"""Positions in the offset index have 32 bits."""

RECENT_BATCHES: Final = 256
"""Positions of this many of the latest batches are kept exactly: readers at the tail need no index and no look at the file."""

SCAN_BYTES: Final = 64 << 10
"""How much is read at a time to look for a batch between two index entries."""


def file_name(base_offset: int, extension: str) -> str:
    """Kafka's name of a segment's file."""
    return f"{base_offset:020d}{extension}"


@implementer(ILogSlice)
class FileSlice:
    """A run of bytes of a segment's file.

    :param generation: a one-element list that changes when the log is cut below the slice's end.
    """

    __slots__ = ("_closed", "_position", "_segment", "_shared", "_void_from", "base_offset", "size")

    def __init__(self, segment: LogSegment, shared: SharedFile, position: int, size: int, base_offset: int) -> None:
        self._segment = segment
        self._shared = shared.hold()
        self._position = position
        self._closed = False
        self._void_from = segment.cuts
        self.size = size
        self.base_offset = base_offset

    def __len__(self) -> int:
        """Its size."""
        return self.size

    def read(self, start: int, count: int) -> bytes:
        """Some of its bytes; see :meth:`ILogSlice.read`."""
        self._check()
        return self._shared.file.pread(min(count, self.size - start), self._position + start)

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

    def _check(self) -> None:
        if self._segment.cuts != self._void_from and self._position + self.size > self._segment.lowest_cut:
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


class LogSegment:
    """A segment and its indexes in memory.

    :param directory: the partition's.
    :ivar size: bytes of its batches.
    :ivar end_offset: one past its last offset.
    :ivar max_timestamp: the largest of its records, ms, -1 for none; ``max_timestamp_offset`` has it first.
    :ivar created_ms: when it was begun, for ``segment.ms`` where records have no time.
    :ivar generation: how often its content was rewritten.
    :ivar cuts: how often it was truncated; ``lowest_cut`` is the smallest position it ever was cut at.
    """

    __slots__ = (
        "_bytes_since_index",
        "_files",
        "_recent_offsets",
        "_recent_positions",
        "base_offset",
        "created_ms",
        "cuts",
        "directory",
        "end_offset",
        "first_timestamp",
        "generation",
        "index_written",
        "lowest_cut",
        "max_timestamp",
        "max_timestamp_offset",
        "offsets",
        "size",
        "time_written",
        "times",
    )

    def __init__(self, directory: str, base_offset: int, files: FileCache, created_ms: int) -> None:
        self.directory = directory
        self.base_offset = base_offset
        self._files = files
        self.created_ms = created_ms
        self.size = 0
        self.end_offset = base_offset
        self.max_timestamp = -1
        self.max_timestamp_offset = -1
        self.first_timestamp = -1
        self.generation = 0
        self.cuts = 0
        self.lowest_cut = 2**63
        self.offsets = OffsetIndex(base_offset)
        self.times = TimeIndex(base_offset)
        self.index_written = 0
        self.time_written = 0
        self._bytes_since_index = 0
        self._recent_offsets: list[int] = []
        self._recent_positions: list[int] = []

    def path(self, extension: str = LOG) -> str:
        """Of one of its files."""
        return os.path.join(self.directory, file_name(self.base_offset, extension))

    def open(self, create: bool = False) -> SharedFile:
        """Its log file, open."""
        return self._files.get(self.path(), create)

    def has_room(self, size: int, last_offset: int, segment_bytes: int, index_bytes: int) -> bool:
        """Whether a batch of so many bytes still goes in here."""
        if not self.size:
            return True
        return (
            self.size + size <= min(segment_bytes, POSITION_MAX)
            and last_offset - self.base_offset <= RELATIVE_OFFSET_MAX
            and self.offsets.size_bytes + 8 <= index_bytes
            and self.times.size_bytes + 12 <= index_bytes
        )

    def note(self, last_offset: int, base_offset: int, size: int, max_timestamp: int, index_interval_bytes: int) -> None:
        """A batch was written at the segment's end."""
        position = self.size
        if self.first_timestamp < 0:
            self.first_timestamp = max_timestamp
        if max_timestamp > self.max_timestamp:
            self.max_timestamp = max_timestamp
            self.max_timestamp_offset = last_offset
        if self._bytes_since_index > index_interval_bytes:
            self.offsets.append(last_offset, position)
            self.times.append(self.max_timestamp, self.max_timestamp_offset)
            self._bytes_since_index = 0
        self._bytes_since_index += size
        recent = self._recent_offsets
        recent.append(base_offset)
        self._recent_positions.append(position)
        if len(recent) >= 2 * RECENT_BATCHES:
            del recent[:RECENT_BATCHES], self._recent_positions[:RECENT_BATCHES]
        self.size = position + size
        self.end_offset = last_offset + 1

    # -- finding batches ----------------------------------------------------------------------------------------------

    def locate(self, offset: int) -> tuple[int, BatchHeader | None]:
        """Position of the batch that holds ``offset``, or of the first after it; and its header where the file was looked at.

        ``(size, None)`` when there is none. May read from the file.
        """
        if offset >= self.end_offset:
            return self.size, None
        recent = self._recent_offsets
        if recent and offset >= recent[0]:
            return self._recent_positions[bisect_right(recent, offset) - 1], None
        for position, header in self.headers(self.offsets.position_of(offset)):
            if header.last_offset >= offset:
                return position, header
        return self.size, None

    def headers(self, position: int = 0) -> Iterator[tuple[int, BatchHeader]]:
        """Every batch from a position on, read from the file in pieces.

        :raises BadBatch: what is there is no batch.
        """
        file = self.open().file
        end = self.size
        piece, start = b"", position
        while position + HEADER_BYTES <= end:
            at = position - start
            if at + HEADER_BYTES > len(piece) or at < 0:
                piece, start, at = file.pread(min(SCAN_BYTES, end - position), position), position, 0
            header = parse_header(piece, at)
            yield position, header
            position += header.size_bytes

    def slice(self, position: int, size: int, base_offset: int) -> FileSlice:
        """A run of its bytes."""
        return FileSlice(self, self.open(), position, size, base_offset)

    # -- changing -----------------------------------------------------------------------------------------------------

    def truncate(self, position: int, end_offset: int) -> None:
        """Cut the file, and forget what was behind the cut. The time index keeps what it still may say."""
        self.open().file.truncate(position)
        self.cuts += 1
        self.lowest_cut = min(self.lowest_cut, position)
        self.size = position
        self.end_offset = end_offset
        self.offsets.truncate(position)
        self.times.truncate(end_offset)
        self.index_written = self.time_written = 0
        at = bisect_right(self._recent_offsets, end_offset - 1)
        del self._recent_offsets[at:], self._recent_positions[at:]
        self._recompute_time()

    def _recompute_time(self) -> None:
        self.max_timestamp = self.max_timestamp_offset = -1
        for _, header in self.headers():
            if header.max_timestamp > self.max_timestamp:
                self.max_timestamp, self.max_timestamp_offset = header.max_timestamp, header.last_offset

    def seal(self) -> None:
        """Nothing more will be appended: complete the time index."""
        if self.max_timestamp >= 0:
            self.times.append(self.max_timestamp, self.max_timestamp_offset)
        self._recent_offsets, self._recent_positions = [], []

    def index_files(self) -> list[tuple[str, bytes]]:
        """Both index files whole, as ``(path, bytes)``."""
        self.index_written, self.time_written = len(self.offsets), len(self.times)
        return [(self.path(INDEX), self.offsets.encode()), (self.path(TIME_INDEX), self.times.encode())]

    def indexes_behind(self) -> bool:
        """Whether the files say less than memory."""
        return self.index_written != len(self.offsets) or self.time_written != len(self.times)
