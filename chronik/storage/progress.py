"""What lets recovery begin where a log was last noted to be on disk, and not at the beginning of the segment that is appended to.

With each checkpoint the indexes of that segment are written as far as they are, and the producers' states. After a crash the entries below the
recovery point are believed, for all of them were synced before it was noted; what is behind the last of them is read and checked.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, succeed

from chronik.record.batch import BadBatch
from chronik.storage.indexes import OFFSET_ENTRY, TIME_ENTRY, OffsetIndex, TimeIndex
from chronik.storage.segment import INDEX, SNAPSHOT, TIME_INDEX, file_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chronik.storage.interfaces import IFileSystem
    from chronik.storage.log import SegmentLog
    from chronik.storage.segment import LogSegment

SNAPSHOTS_KEPT = 2
"""Of those written with checkpoints: the latest may be of an end that a crash takes back."""


class LogProgress:
    """One log's part in checkpoints."""

    def __init__(self, log: SegmentLog) -> None:
        self._of = log
        self._end = log.end_offset
        self._snapshots: list[int] = []

    def write(self) -> Deferred[None]:
        """Write what is new, behind all that was given to the log's side files before. It lasts with the next sync of everything.

        :raises OSError: the disk refuses: recovery has to read more.
        """
        log = self._of
        end = log.end_offset
        if end == self._end or log.closed or log.failed or log.rewinding:
            return succeed(None)
        self._end = end
        segment = log.active
        tails = segment.index_tails()
        snapshot = (os.path.join(log.path, file_name(end, SNAPSHOT)), log.producers.snapshot())
        old = self._old_snapshots(end)
        cuts, entries = len(segment.cuts), (len(segment.offsets), len(segment.times))
        writing = log.side_files.run(_write, log.directory.file_system, tails, snapshot, old)

        def written(_: None) -> None:
            if len(segment.cuts) == cuts:
                segment.entries_written = entries

        return writing.addCallback(written)

    def _old_snapshots(self, end: int) -> list[str]:
        """Paths of snapshots that are not needed any more once there is one of ``end``."""
        log = self._of
        keep = SNAPSHOTS_KEPT - 1
        old = [offset for offset in self._snapshots[:-keep] if offset not in log.bases]
        self._snapshots = [*self._snapshots[-keep:], end]
        return [os.path.join(log.path, file_name(offset, SNAPSHOT)) for offset in old]


def _write(file_system: IFileSystem, tails: Sequence[tuple[str, int, bytes]], snapshot: tuple[str, bytes], old: Sequence[str]) -> None:
    """In a thread."""
    for path, position, data in (*tails, (snapshot[0], 0, snapshot[1])):
        file = file_system.open(path, create=True)
        try:
            file.pwritev([data], position)
            file.truncate(position + len(data))
        finally:
            file.close()
    for path in old:
        file_system.unlink(path)


def resume(file_system: IFileSystem, segment: LogSegment, recovery_point: int) -> None:
    """In a thread: take the indexes' word for what is below the recovery point, so that the segment has to be read from there on only.

    Where they say nothing, or nothing that fits, the segment stays empty and is read from its beginning.
    """
    try:
        offsets = _below(file_system.read_whole(segment.path(INDEX)), OFFSET_ENTRY.size, 0, segment.base_offset, recovery_point)
        times = _below(file_system.read_whole(segment.path(TIME_INDEX)), TIME_ENTRY.size, 8, segment.base_offset, recovery_point)
        with segment.hold() as file:
            index = OffsetIndex.decode(segment.base_offset, offsets, file.size())
        time_index = TimeIndex.decode(segment.base_offset, times)
        if not len(index) or not len(time_index):
            return
        offset, position = index.last()
        header = segment.header_at(position)
        if header.last_offset != offset:
            return
        segment.first_timestamp = segment.header_at(0).max_timestamp
    except (OSError, ValueError, BadBatch):
        return
    segment.offsets, segment.times = index, time_index
    segment.max_timestamp, segment.max_timestamp_offset = time_index.last()
    segment.size, segment.end_offset = position, header.base_offset


def _below(data: bytes, entry_bytes: int, offset_at: int, base_offset: int, limit: int) -> bytes:
    """The entries of an index file up to the first whose offset is not below a limit; what follows may be torn."""
    end = 0
    while end + entry_bytes <= len(data):
        if base_offset + int.from_bytes(data[end + offset_at : end + offset_at + 4], "big", signed=True) >= limit:
            break
        end += entry_bytes
    return data[:end]
