"""The extents of a log: runs of batches that are sealed and removed as one, as the segment store's files are. Here they cost a row each."""

from __future__ import annotations

import sqlite3

from chronik.storage.config import LogConfig
from chronik.storage.interfaces import Extent


class KeptExtent:
    """One extent.

    :ivar base_offset: first offset it may hold.
    :ivar end_offset: one past its last offset.
    :ivar size: bytes of its batches.
    :ivar first_timestamp: the largest of its first batch, ms, -1 for none.
    :ivar max_timestamp: the largest of all, ms, -1 for none.
    :ivar created_ms: when it was begun.
    :ivar sealed: nothing more comes.
    """

    __slots__ = ("base_offset", "created_ms", "end_offset", "first_timestamp", "max_timestamp", "sealed", "size")

    def __init__(self, base_offset: int, created_ms: int) -> None:
        self.base_offset = base_offset
        self.end_offset = base_offset
        self.size = 0
        self.first_timestamp = -1
        self.max_timestamp = -1
        self.created_ms = created_ms
        self.sealed = False

    def note(self, last_offset: int, size: int, max_timestamp: int) -> None:
        """A batch was appended."""
        if not self.size:
            self.first_timestamp = max_timestamp
        self.size += size
        self.end_offset = last_offset + 1
        self.max_timestamp = max(self.max_timestamp, max_timestamp)

    def overdue(self, config: LogConfig, timestamp: int, now: int) -> bool:
        """Whether a batch of ``timestamp`` should begin another, by ``segment.ms``: the records' own time where they have one, as in Kafka."""
        if self.first_timestamp >= 0 and timestamp >= 0:
            return timestamp - self.first_timestamp > config.segment_ms
        return self.is_old(config, now)

    def is_old(self, config: LogConfig, now: int) -> bool:
        """Whether it was begun more than ``segment.ms`` ago."""
        return now - self.created_ms > config.segment_ms

    def told(self) -> Extent:
        """As the interface has it."""
        return Extent(self.base_offset, self.end_offset if self.sealed else None)


def insert_extent(connection: sqlite3.Connection, log_id: int, base_offset: int, created_ms: int) -> None:
    """Write down that an extent begins."""
    connection.execute("INSERT INTO extents (log_id, base_offset, created_ms) VALUES (?, ?, ?)", (log_id, base_offset, created_ms))


def seal_extent(connection: sqlite3.Connection, log_id: int, extent: tuple[int, int, int, int, int]) -> None:
    """Write down an extent's figures, which stay.

    :param extent: what :func:`figures` gives.
    """
    connection.execute(
        "UPDATE extents SET end_offset = ?, size = ?, first_timestamp = ?, max_timestamp = ? WHERE log_id = ? AND base_offset = ?",
        (*extent[1:], log_id, extent[0]),
    )


def figures(extent: KeptExtent) -> tuple[int, int, int, int, int]:
    """What is written down of an extent when it is sealed: base and end offset, size, first and largest timestamp."""
    return extent.base_offset, extent.end_offset, extent.size, extent.first_timestamp, extent.max_timestamp


def load_extents(connection: sqlite3.Connection, log_id: int) -> list[KeptExtent]:
    """The extents of a log, the open one's figures taken from its batches."""
    rows = connection.execute(
        "SELECT base_offset, created_ms, end_offset, size, first_timestamp, max_timestamp FROM extents WHERE log_id = ? ORDER BY base_offset",
        (log_id,),
    ).fetchall()
    return [_load_extent(connection, log_id, *row) for row in rows]


def _load_extent(
    connection: sqlite3.Connection,
    log_id: int,
    base_offset: int,
    created_ms: int,
    end_offset: int | None,
    size: int,
    first_timestamp: int,
    max_timestamp: int,
) -> KeptExtent:
    extent = KeptExtent(base_offset, created_ms)
    if end_offset is not None:
        extent.end_offset, extent.size, extent.first_timestamp, extent.max_timestamp = end_offset, size, first_timestamp, max_timestamp
        extent.sealed = True
        return extent
    of_extent = "FROM batches WHERE log_id = ? AND base_offset >= ?"
    first = connection.execute(f"SELECT max_timestamp {of_extent} ORDER BY base_offset LIMIT 1", (log_id, base_offset)).fetchone()
    if first is not None:
        last_offset, total, latest = connection.execute(
            f"SELECT max(last_offset), sum(size), max(max_timestamp) {of_extent}", (log_id, base_offset)
        ).fetchone()
        extent.note(last_offset, total, latest)
        (extent.first_timestamp,) = first
    return extent
