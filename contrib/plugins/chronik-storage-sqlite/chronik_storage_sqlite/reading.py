"""Reading batches and searching them by time. Runs in threads, each with a connection of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import parse_header
from chronik.record.records import BadRecords, Record, decode_records
from chronik.storage.interfaces import ILogSlice, OffsetAndTimestamp

if TYPE_CHECKING:
    from chronik_storage_sqlite.log import SqliteLog


PROMISES_MAX: Final = 1000
"""How many batches are listed at a time to be looked into."""


class Run(NamedTuple):
    """Batches that follow each other, the last one possibly cut off.

    :ivar end_offset: one past the last offset of which it has anything.
    """

    base_offset: int
    end_offset: int
    data: bytes


# The index gives the order; bytes are fetched of the rows that are taken.
_FROM_OFFSET = (
    "SELECT base_offset, last_offset, data FROM batches WHERE log_id = ?1 AND base_offset < ?3 "
    "AND base_offset >= coalesce((SELECT max(base_offset) FROM batches WHERE log_id = ?1 AND base_offset <= ?2), ?2) ORDER BY base_offset"
)

_PROMISES = (
    "SELECT max_timestamp, base_offset, id FROM batches WHERE log_id = ?1 AND last_offset >= ?2 AND base_offset < ?3 "
    "AND (max_timestamp < ?4 OR (max_timestamp = ?4 AND base_offset > ?5)) ORDER BY max_timestamp DESC, base_offset LIMIT ?6"
)


def read_run(connection: sqlite3.Connection, log_id: int, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> Run | None:
    """Batches from the one that holds ``offset`` on; see :meth:`~chronik.storage.interfaces.IPartitionLog.read`. None for nothing."""
    pieces: list[bytes] = []
    total, first, end = 0, offset, offset
    for base_offset, last_offset, data in connection.execute(_FROM_OFFSET, (log_id, offset, limit_offset)):
        if last_offset < offset:
            continue
        if last_offset >= limit_offset or (pieces and total >= max_bytes):
            break
        if not pieces:
            if len(data) > max_bytes and not at_least_one_batch:
                break
            first = base_offset
        pieces.append(data)
        total += len(data)
        end = last_offset + 1
    if not pieces:
        return None
    room = max(max_bytes, len(pieces[0]))
    whole = b"".join(pieces)
    return Run(first, end, whole if total <= room else whole[:room])


def first_at_or_after(
    connection: sqlite3.Connection, log_id: int, timestamp: int, begin: int, start_offset: int, end_offset: int
) -> OffsetAndTimestamp | None:
    """The first record from ``start_offset`` on and below ``end_offset`` whose timestamp is at least ``timestamp`` (ms).

    :param begin: no record before this offset fits.
    """
    rows = connection.execute(_FROM_OFFSET.replace(" ORDER", " AND max_timestamp >= ?4 ORDER"), (log_id, begin, end_offset, timestamp))
    for base_offset, last_offset, data in rows:
        if last_offset < start_offset:
            continue
        found = _first_record(base_offset, data, lambda r: r.timestamp >= timestamp and r.offset >= start_offset)
        if found is not None:
            return found
    return None


def first_of_largest(connection: sqlite3.Connection, log_id: int, start_offset: int, end_offset: int) -> OffsetAndTimestamp | None:
    """The first record from ``start_offset`` on and below ``end_offset`` that has the largest timestamp of those."""
    largest = max(_largest(connection, log_id, start_offset, end_offset), default=-1)
    if largest < 0:
        return None
    found = first_at_or_after(connection, log_id, largest, start_offset, start_offset, end_offset)
    return found or _largest_inside(connection, log_id, start_offset, end_offset)


def _largest_inside(connection: sqlite3.Connection, log_id: int, start_offset: int, end_offset: int) -> OffsetAndTimestamp | None:
    """The same, where a batch's header promises a later record than it has.

    Batches are looked into from the largest promise down, until what is found is later than all that is promised by the rest.
    """
    best: OffsetAndTimestamp | None = None
    promised, base_offset = 1 << 62, -1
    bounds = log_id, start_offset, end_offset
    while rows := connection.execute(_PROMISES, (*bounds, promised, base_offset, PROMISES_MAX)).fetchall():
        for promised, base_offset, row_id in rows:
            if best is not None and promised < best.timestamp:
                return best
            row = connection.execute("SELECT data FROM batches WHERE id = ?", (row_id,)).fetchone()
            found = None if row is None else _latest_record(base_offset, row[0], start_offset)
            if found is not None and (best is None or (found.timestamp, -found.offset) > (best.timestamp, -best.offset)):
                best = found
    return best


def _latest_record(base_offset: int, batch: bytes, start_offset: int) -> OffsetAndTimestamp | None:
    records = [record for record in _records(batch) or () if record.offset >= start_offset]
    latest = max((record.timestamp for record in records), default=-1)
    return _first_record(base_offset, batch, lambda r: r.timestamp == latest and r.offset >= start_offset)


def _largest(connection: sqlite3.Connection, log_id: int, start_offset: int, end_offset: int) -> Iterator[int]:
    """Timestamps, one of which is the largest."""
    (largest,) = connection.execute(
        "SELECT max(max_timestamp) FROM batches WHERE log_id = ? AND base_offset >= ? AND base_offset < ?", (log_id, start_offset, end_offset)
    ).fetchone()
    if largest is not None:
        yield largest
    # A batch of which only the end is left: its header tells of records that are gone.
    row = connection.execute(_FROM_OFFSET, (log_id, start_offset, end_offset)).fetchone()
    if row is not None and row[0] < start_offset <= row[1]:
        yield from (record.timestamp for record in _records(row[2]) or () if record.offset >= start_offset)


def _records(batch: bytes) -> Sequence[Record] | None:
    """A batch's records, None when its inside cannot be read."""
    try:
        return decode_records(batch)
    except BadRecords:
        return None


def _first_record(base_offset: int, batch: bytes, fits: Callable[[Record], bool]) -> OffsetAndTimestamp | None:
    """The first fitting record of a batch. One whose inside cannot be read is answered by its header."""
    header, records = parse_header(batch), _records(batch)
    if records is None:
        return OffsetAndTimestamp(base_offset, header.max_timestamp, header.leader_epoch)
    record = next(filter(fits, records), None)
    return None if record is None else OffsetAndTimestamp(record.offset, record.timestamp, header.leader_epoch)


@implementer(ILogSlice)
class BatchSlice:
    """A run in memory, void once its log is cut off below its end."""

    __slots__ = ("_cuts_seen", "_log", "_run", "base_offset", "size")

    def __init__(self, log: SqliteLog, run: Run) -> None:
        self._log = log
        self._run = run
        self._cuts_seen = len(log.cuts)
        self.size = len(run.data)
        self.base_offset = run.base_offset

    def __len__(self) -> int:
        """Its size."""
        return self.size

    def read(self, start: int, count: int) -> bytes:
        """Some of its bytes; see :meth:`ILogSlice.read`."""
        cuts = self._log.cuts
        if len(cuts) != self._cuts_seen and min(cuts[self._cuts_seen :]) < self._run.end_offset:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, "the log was truncated below what was being read")
        return self._run.data[start : start + count]

    def file_range(self) -> None:
        """It is in no file as it is."""

    def close(self) -> None:
        """There is nothing to let go of but the bytes."""
