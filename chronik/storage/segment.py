"""One segment of a log: a run of batches in a file, and the indexes that find them."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

from chronik.errors import ErrorCode
from chronik.record.batch import HEADER_BYTES, BadBatch, BatchHeader, parse_header
from chronik.storage.files import FileCache, SharedFile
from chronik.storage.indexes import OFFSET_ENTRY, TIME_ENTRY, OffsetIndex, TimeIndex
from chronik.storage.slices import FileSlice

LOG: Final = ".log"
INDEX: Final = ".index"
TIME_INDEX: Final = ".timeindex"
SNAPSHOT: Final = ".snapshot"
DELETED: Final = ".deleted"
TEMPORARY: Final = ".tmp"
DAMAGED: Final = ".damaged"

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


class Damage(NamedTuple):
    """From where on a segment is not served, and why: a byte of its file, the first offset that may be there."""

    position: int
    offset: int
    why: str


class DamagedRecords(BadBatch):
    """Records that are damaged on disk, or gone from it."""

    def __init__(self, segment: LogSegment, damage: Damage) -> None:
        what = f"offsets {damage.offset} to {segment.end_offset - 1} are not served"
        super().__init__(ErrorCode.CORRUPT_MESSAGE, f"{segment.path()} is damaged at byte {damage.position} ({damage.why}): {what}")


class SuspectBatch(BadBatch):
    """Something in a segment that is no batch; the segment has to be checked."""

    def __init__(self, segment: LogSegment, position: int, error: BadBatch) -> None:
        # Whatever it would be called in a request: here it is damage.
        super().__init__(ErrorCode.CORRUPT_MESSAGE, f"{segment.path()} is damaged at byte {position}: {error.message}")
        self.segment = segment


class LogSegment:
    """A segment and its indexes in memory.

    :param directory: the partition's.
    :ivar size: bytes of its batches.
    :ivar end_offset: one past its last offset.
    :ivar max_timestamp: the largest of its records, ms, -1 for none; ``max_timestamp_offset`` has it first.
    :ivar created_ms: when it was begun, for ``segment.ms`` where records have no time.
    :ivar generation: how often its content was rewritten.
    :ivar damage: from where on it is not served, None where all of it is.
    :ivar checked_ms: when its CRCs were last compared, ms of the time of day, 0 for not yet.
    :ivar entries_written: how many entries of its two index files are written while it is appended to.
    :ivar cuts: the positions it was cut off at, in the order that happened.
    """

    __slots__ = (
        "_bytes_since_index",
        "_files",
        "_log_path",
        "_recent_offsets",
        "_recent_positions",
        "_shared",
        "base_offset",
        "checked_ms",
        "created_ms",
        "cuts",
        "damage",
        "directory",
        "end_offset",
        "entries_written",
        "first_timestamp",
        "generation",
        "max_timestamp",
        "max_timestamp_offset",
        "offsets",
        "size",
        "times",
    )

    def __init__(self, directory: str, base_offset: int, files: FileCache, created_ms: int) -> None:
        self.directory = directory
        self.base_offset = base_offset
        self._files = files
        self._log_path = os.path.join(directory, file_name(base_offset, LOG))
        self.created_ms = created_ms
        self.size = 0
        self.end_offset = base_offset
        self.max_timestamp = -1
        self.max_timestamp_offset = -1
        self.first_timestamp = -1
        self.generation = 0
        self.damage: Damage | None = None
        self.checked_ms = 0
        self.entries_written = (0, 0)
        self.cuts: list[int] = []
        self.offsets = OffsetIndex(base_offset)
        self.times = TimeIndex(base_offset)
        self._bytes_since_index = 0
        self._recent_offsets: list[int] = []
        self._recent_positions: list[int] = []
        self._shared: SharedFile | None = None

    def path(self, extension: str = LOG) -> str:
        """Of one of its files."""
        if extension is LOG:
            return self._log_path
        return os.path.join(self.directory, file_name(self.base_offset, extension))

    def hold(self, create: bool = False) -> SharedFile:
        """Its log file, open and held: the caller lets go of it.

        :raises OSError: it cannot be opened.
        """
        shared = self._shared
        if shared is None or not shared.hold_again():
            shared = self._shared = self._files.hold(self._log_path, create)
        return shared

    def is_open(self) -> bool:
        """Whether holding it touches no directory."""
        return self._files.is_open(self._log_path)

    def forget_file(self) -> None:
        """Its name is about to change."""
        self._files.forget(self._log_path)

    def has_room(self, size: int, last_offset: int, segment_bytes: int, index_bytes: int) -> bool:
        """Whether a batch of so many bytes still goes in here."""
        end = self.size + size
        if end > segment_bytes or end > POSITION_MAX or last_offset - self.base_offset > RELATIVE_OFFSET_MAX:
            return not self.size
        # An entry takes at most 12 bytes, and is of a batch, which has at least 61: most of the time the indexes need no look.
        if end < 5 * (index_bytes - TIME_ENTRY.size):
            return True
        # One entry of the time index is left for the one that sealing adds.
        return (len(self.offsets) + 1) * OFFSET_ENTRY.size <= index_bytes and (len(self.times) + 2) * TIME_ENTRY.size <= index_bytes

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
        if base_offset != self.end_offset:
            # Offsets are missing before it: who asks for them gets this batch.
            recent.append(self.end_offset)
            self._recent_positions.append(position)
        recent.append(base_offset)
        self._recent_positions.append(position)
        if len(recent) >= 2 * RECENT_BATCHES:
            del recent[:RECENT_BATCHES], self._recent_positions[:RECENT_BATCHES]
        self.size = position + size
        self.end_offset = last_offset + 1

    @property
    def readable_bytes(self) -> int:
        """Up to where it is served."""
        return self.size if self.damage is None else self.damage.position

    def is_recent(self, offset: int) -> bool:
        """Whether an offset is among the latest batches, whose bytes were written a moment ago."""
        return bool(self._recent_offsets) and offset >= self._recent_offsets[0]

    # -- finding batches ----------------------------------------------------------------------------------------------

    def locate(self, offset: int) -> tuple[int, int, int]:
        """Where the batch begins that holds ``offset``, or the first after it: its position, base offset, and size in bytes where known, else 0.

        ``(size, end offset, 0)`` when there is none. May read from the file.

        :raises DamagedRecords: it is where the segment is damaged.
        """
        if offset >= self.end_offset:
            return self.size, self.end_offset, 0
        if self.damage is not None and offset >= self.damage.offset:
            raise DamagedRecords(self, self.damage)
        recent = self._recent_offsets
        if recent and offset >= recent[0]:
            at = bisect_right(recent, offset) - 1
            position = self._recent_positions[at]
            if at + 1 < len(recent) and self._recent_positions[at + 1] == position:
                at += 1  # a gap: the batch after it begins here
            return position, recent[at], 0
        for position, header in self.headers(self.before(offset)):
            if header.last_offset >= offset:
                return position, header.base_offset, header.size_bytes
        if self.damage is not None:
            raise DamagedRecords(self, self.damage)
        return self.size, self.end_offset, 0

    def end_before(self, limit_offset: int) -> int:
        """The position behind the last batch of which all offsets are below a limit. What is at the limit need not be written yet."""
        if limit_offset >= self.end_offset:
            return self.readable_bytes
        recent = self._recent_offsets
        if recent and limit_offset >= recent[0]:
            return self._recent_positions[bisect_right(recent, limit_offset) - 1]
        end = self.before(limit_offset - 1)
        for position, header in self.headers(end, limit_offset):
            if header.last_offset >= limit_offset:
                return position
            end = position + header.size_bytes
        return end

    def cut_point(self, offset: int) -> tuple[int, int]:
        """Where to cut so that nothing at and above an offset is left: the position behind the last batch that stays, and that one's end offset.

        Reads from the file, though nothing behind the batch that ends at ``offset``, where one does.
        """
        if offset <= self.base_offset:
            return 0, self.base_offset
        position, end_offset = self.before(offset - 1), self.base_offset
        for at, header in self.headers(position, offset):
            if header.last_offset >= offset:
                break
            position, end_offset = at + header.size_bytes, header.last_offset + 1
        return position, end_offset

    def before(self, offset: int) -> int:
        """The position of the batch that holds an offset, or of one before it, by the index.

        :raises SuspectBatch: the index leads to none.
        """
        position = self.offsets.position_of(offset)
        if position and (header := self.header_at(position)).base_offset > offset:
            why = f"its index says that offset {offset} is not before that, and {header.base_offset} is there"
            raise SuspectBatch(self, position, BadBatch(ErrorCode.CORRUPT_MESSAGE, why))
        return position

    def index_anew(self, index_interval_bytes: int) -> OffsetIndex:
        """In a thread: the offset index that its batches would have made.

        :raises OSError: the disk refuses.
        :raises SuspectBatch: what is there is no batch.
        """
        another = LogSegment(self.directory, self.base_offset, self._files, self.created_ms)
        for _, header in self.headers():
            another.note(header.last_offset, header.base_offset, header.size_bytes, header.max_timestamp, index_interval_bytes)
        return another.offsets

    def header_at(self, position: int) -> BatchHeader:
        """The header of the batch that begins there.

        :raises SuspectBatch: none does.
        """
        with self.hold() as file:
            return self._parse(file.pread(HEADER_BYTES, position), 0, position)

    def _parse(self, piece: bytes, at: int, position: int) -> BatchHeader:
        try:
            return parse_header(piece, at)
        except BadBatch as error:
            raise SuspectBatch(self, position, error) from None

    def headers(self, position: int = 0, end_offset: int | None = None) -> Iterator[tuple[int, BatchHeader]]:
        """Every batch from a position on, read from the file in pieces, up to where the segment is damaged.

        :param end_offset: where to end, for one that is appended to meanwhile; None for what is there now.
        :raises SuspectBatch: what is there is no batch.
        """
        end = self.readable_bytes
        last = (self.end_offset if end_offset is None else end_offset) - 1
        piece, start = b"", position
        with self.hold() as file:
            while position + HEADER_BYTES <= end:
                at = position - start
                if at + HEADER_BYTES > len(piece):
                    piece, start, at = file.pread(min(SCAN_BYTES, end - position), position), position, 0
                header = self._parse(piece, at, position)
                if header.base_offset > last:
                    return
                yield position, header
                if header.last_offset >= last:
                    return
                position += header.size_bytes

    def slice(self, shared: SharedFile, position: int, size: int, base_offset: int) -> FileSlice:
        """A run of its bytes.

        :param shared: its file, held for the slice.
        """
        return FileSlice(self, shared, position, size, base_offset)

    # -- changing -----------------------------------------------------------------------------------------------------

    def cut(self, position: int, end_offset: int) -> None:
        """Forget what is at and behind a position, in memory; the file is cut by others, its index files go, and :meth:`restore_times` comes next."""
        self.void(position)
        if self.damage is not None and self.damage.position >= position:
            self.damage = None
        self.size = position
        self.end_offset = end_offset
        self.offsets.truncate(position)
        self.times.truncate(end_offset)
        self.entries_written = (0, 0)
        at = bisect_right(self._recent_offsets, end_offset - 1)
        del self._recent_offsets[at:], self._recent_positions[at:]

    def void(self, position: int = 0) -> None:
        """Slices that reach past a position are worth nothing from here on."""
        self.cuts.append(position)

    def restore_times(self) -> None:
        """Find out again how late its records are: what the time index still says, and the batches since."""
        timestamp, offset = self.times.last() if len(self.times) else (-1, -1)
        for _, header in self.headers(self.before(offset)):
            if header.max_timestamp > timestamp:
                timestamp, offset = header.max_timestamp, header.last_offset
        self.max_timestamp, self.max_timestamp_offset = timestamp, offset
        if not self.size:
            self.first_timestamp = -1

    def seal(self) -> None:
        """Nothing more will be appended: complete the time index."""
        self.complete_times()
        self._recent_offsets, self._recent_positions = [], []

    def complete_times(self) -> None:
        """Let the time index's last entry be the largest timestamp."""
        if self.max_timestamp >= 0:
            self.times.append(self.max_timestamp, self.max_timestamp_offset)

    def index_files(self) -> list[tuple[str, bytes]]:
        """Both index files whole, as ``(path, bytes)``."""
        return [(self.path(INDEX), self.offsets.encode()), (self.path(TIME_INDEX), self.times.encode())]

    def index_tails(self) -> list[tuple[str, int, bytes]]:
        """What is not yet written of both index files, as ``(path, position, bytes)``; the files end behind it."""
        offsets, times = self.entries_written
        return [
            (self.path(INDEX), offsets * OFFSET_ENTRY.size, self.offsets.encode(offsets)),
            (self.path(TIME_INDEX), times * TIME_ENTRY.size, self.times.encode(times)),
        ]
