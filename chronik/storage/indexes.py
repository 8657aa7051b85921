"""The sparse indexes of a segment, kept in memory while it is used, in Kafka's files on disk.

``.index`` holds ``relative offset int32, position int32`` for a batch every ``index.interval.bytes``; ``.timeindex`` holds ``timestamp int64,
relative offset int32``: the largest timestamp so far and the last offset of the first batch that has it. Both only say where to begin to look, and
can be made anew from the log. Threads may look while the reactor appends: of an entry's two halves the one that is searched comes last.

There is an entry for every 4 KiB of all logs: they are kept in arrays of their size in the file, and read and written by whole arrays.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import islice
from operator import le, lt
from struct import Struct
from sys import byteorder
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
        self._offsets = array("i")
        self._positions = array("i")

    def __len__(self) -> int:
        """Entries."""
        return len(self._offsets)

    def append(self, offset: int, position: int) -> None:
        """The batch whose last offset is ``offset`` begins at ``position``; both grow from call to call."""
        self._positions.append(position)
        self._offsets.append(offset - self.base_offset)

    def position_of(self, offset: int) -> int:
        """A position at or before the batch that holds ``offset``."""
        at = bisect_right(self._offsets, offset - self.base_offset) - 1
        return self._positions[at] if at >= 0 else 0

    def truncate(self, position: int) -> None:
        """Forget batches at and after a position of the log."""
        at = bisect_left(self._positions, position)
        del self._offsets[at:], self._positions[at:]

    def last(self) -> tuple[int, int]:
        """The last entry: an offset, and its batch's position."""
        return self.base_offset + self._offsets[-1], self._positions[-1]

    def encode(self, first: int = 0) -> bytes:
        """The file's bytes, from an entry on."""
        return _interleaved(self._offsets[first:], self._positions[first:])

    @classmethod
    def decode(cls, base_offset: int, data: bytes, log_size: int) -> OffsetIndex:
        """Read a file.

        :param log_size: of the segment's log: no position may be at or after it.
        :raises BadIndex: it is damaged.
        """
        index = cls(base_offset)
        index._offsets, index._positions = _columns(data, OFFSET_ENTRY.size)
        for column in (index._offsets, index._positions):
            if column and (column[0] < 0 or not all(map(lt, column, islice(column, 1, None)))):
                raise BadIndex("its entries do not grow")
        if index._positions and index._positions[-1] >= log_size:
            raise BadIndex(f"position {index._positions[-1]} is not in a log of {log_size} bytes")
        return index


class TimeIndex:
    """From which offset on records may be as late as a time.

    :param base_offset: of the segment.
    """

    __slots__ = ("_offsets", "_timestamps", "base_offset")

    def __init__(self, base_offset: int) -> None:
        self.base_offset = base_offset
        self._timestamps = array("q")
        self._offsets = array("i")

    def __len__(self) -> int:
        """Entries."""
        return len(self._timestamps)

    def append(self, timestamp: int, offset: int) -> None:
        """The largest timestamp so far belongs to ``offset``; what is not larger than before is left out."""
        if not self._timestamps or timestamp > self._timestamps[-1]:
            self._offsets.append(offset - self.base_offset)
            self._timestamps.append(timestamp)

    def last(self) -> tuple[int, int]:
        """The last entry: the largest timestamp, and its offset."""
        return self._timestamps[-1], self.base_offset + self._offsets[-1]

    def offset_before(self, timestamp: int) -> int:
        """An offset before which every record is earlier than ``timestamp``."""
        at = bisect_left(self._timestamps, timestamp) - 1
        return self.base_offset + (self._offsets[at] if at >= 0 else 0)

    def truncate(self, offset: int) -> None:
        """Forget records at and after an offset."""
        at = bisect_left(self._offsets, offset - self.base_offset)
        del self._timestamps[at:], self._offsets[at:]

    def encode(self, first: int = 0) -> bytes:
        """The file's bytes, from an entry on."""
        halves = array("i", _swapped(self._timestamps[first:]).tobytes())
        return _interleaved(_swapped(halves[0::2]), _swapped(halves[1::2]), self._offsets[first:])

    @classmethod
    def decode(cls, base_offset: int, data: bytes) -> TimeIndex:
        """Read a file.

        :raises BadIndex: it is damaged.
        """
        index = cls(base_offset)
        high, low, index._offsets = _columns(data, TIME_ENTRY.size)
        index._timestamps = _swapped(array("q", _interleaved(high, low)))
        if not all(map(lt, index._timestamps, islice(index._timestamps, 1, None))):
            raise BadIndex("its timestamps do not grow")
        offsets = index._offsets
        if offsets and (offsets[0] < 0 or not all(map(le, offsets, islice(offsets, 1, None)))):
            raise BadIndex("its offsets go back")
        return index


def _columns(data: bytes, entry_bytes: int) -> list[array[int]]:
    """The columns of entries of 32-bit numbers.

    :raises BadIndex: the last one is not whole.
    """
    if len(data) % entry_bytes:
        raise BadIndex(f"{len(data)} bytes are no whole entries")
    numbers, count = _swapped(array("i", data)), entry_bytes // 4
    return [numbers[column::count] for column in range(count)]


def _interleaved(*columns: array[int]) -> bytes:
    """Entries of 32-bit numbers, of their columns."""
    numbers = array("i", bytes(4 * len(columns) * len(columns[0])))
    for at, column in enumerate(columns):
        numbers[at :: len(columns)] = column
    return _swapped(numbers).tobytes()


def _swapped(numbers: array[int]) -> array[int]:
    """Numbers as they are in files, or back, in place."""
    if byteorder == "little":
        numbers.byteswap()
    return numbers
