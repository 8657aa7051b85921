"""The sparse indexes of a segment, kept in memory while it is used, in Kafka's files on disk.

``.index`` holds ``relative offset int32, position int32`` for a batch every ``index.interval.bytes``; ``.timeindex`` holds ``timestamp int64,
relative offset int32``: the largest timestamp so far and the last offset of the first batch that has it. Both only say where to begin to look, and
can be made anew from the log. Threads may look while the reactor appends: of an entry's two halves the one that is searched comes last.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from struct import Struct
from typing import Final

OFFSET_ENTRY: Final = Struct(">ii")
TIME_ENTRY: Final = Struct(">qi")


class BadIndex(ValueError):
    """An index file that cannot be believed; it is made anew from the log."""


class OffsetIndex:
    """Where batches are, roughly.

    :param base_offset: of the segment.
    """

    __slots__ = ("_offsets", "_positions", "base_offset")

    def __init__(self, base_offset: int) -> None:
        self.base_offset = base_offset
        self._offsets = array("q")
        self._positions = array("q")

    def __len__(self) -> int:
        """Entries."""
        return len(self._offsets)

    def append(self, offset: int, position: int) -> None:
        """The batch whose last offset is ``offset`` begins at ``position``; both grow from call to call."""
        self._positions.append(position)
        self._offsets.append(offset)

    def position_of(self, offset: int) -> int:
        """A position at or before the batch that holds ``offset``."""
        at = bisect_right(self._offsets, offset) - 1
        return self._positions[at] if at >= 0 else 0

    def truncate(self, position: int) -> None:
        """Forget batches at and after a position of the log."""
        at = bisect_left(self._positions, position)
        del self._offsets[at:], self._positions[at:]

    def last(self) -> tuple[int, int]:
        """The last entry: an offset, and its batch's position."""
        return self._offsets[-1], self._positions[-1]

    def encode(self, first: int = 0) -> bytes:
        """The file's bytes, from an entry on."""
        base = self.base_offset
        return b"".join(OFFSET_ENTRY.pack(o - base, p) for o, p in zip(self._offsets[first:], self._positions[first:], strict=True))

    @classmethod
    def decode(cls, base_offset: int, data: bytes, log_size: int) -> OffsetIndex:
        """Read a file.

        :param log_size: of the segment's log: no position may be at or after it.
        :raises BadIndex: it is damaged.
        """
        if len(data) % OFFSET_ENTRY.size:
            raise BadIndex(f"{len(data)} bytes are no whole entries")
        index = cls(base_offset)
        last = (-1, -1)
        for entry in OFFSET_ENTRY.iter_unpack(data):
            if entry[0] <= last[0] or entry[1] <= last[1] or entry[1] >= log_size:
                raise BadIndex(f"offset {entry[0]} at {entry[1]} follows offset {last[0]} at {last[1]} in a log of {log_size} bytes")
            index.append(base_offset + entry[0], entry[1])
            last = entry
        return index


class TimeIndex:
    """From which offset on records may be as late as a time.

    :param base_offset: of the segment.
    """

    __slots__ = ("_offsets", "_timestamps", "base_offset")

    def __init__(self, base_offset: int) -> None:
        self.base_offset = base_offset
        self._timestamps = array("q")
        self._offsets = array("q")

    def __len__(self) -> int:
        """Entries."""
        return len(self._timestamps)

    def append(self, timestamp: int, offset: int) -> None:
        """The largest timestamp so far belongs to ``offset``; what is not larger than before is left out."""
        if not self._timestamps or timestamp > self._timestamps[-1]:
            self._offsets.append(offset)
            self._timestamps.append(timestamp)

    def last(self) -> tuple[int, int]:
        """The last entry: the largest timestamp, and its offset."""
        return self._timestamps[-1], self._offsets[-1]

    def offset_before(self, timestamp: int) -> int:
        """An offset before which every record is earlier than ``timestamp``."""
        at = bisect_left(self._timestamps, timestamp) - 1
        return self._offsets[at] if at >= 0 else self.base_offset

    def truncate(self, offset: int) -> None:
        """Forget records at and after an offset."""
        at = bisect_left(self._offsets, offset)
        del self._timestamps[at:], self._offsets[at:]

    def encode(self, first: int = 0) -> bytes:
        """The file's bytes, from an entry on."""
        base = self.base_offset
        return b"".join(TIME_ENTRY.pack(t, o - base) for t, o in zip(self._timestamps[first:], self._offsets[first:], strict=True))

    @classmethod
    def decode(cls, base_offset: int, data: bytes) -> TimeIndex:
        """Read a file.

        :raises BadIndex: it is damaged.
        """
        if len(data) % TIME_ENTRY.size:
            raise BadIndex(f"{len(data)} bytes are no whole entries")
        index = cls(base_offset)
        last = (-(2**63), -1)
        for entry in TIME_ENTRY.iter_unpack(data):
            if entry[0] <= last[0] or entry[1] < last[1]:
                raise BadIndex(f"timestamp {entry[0]} of offset {entry[1]} follows {last[0]} of {last[1]}")
            index.append(entry[0], base_offset + entry[1])
            last = entry
        return index
