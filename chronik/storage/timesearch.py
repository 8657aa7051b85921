"""Searches by time. They read batches, and run in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chronik.record.batch import BatchHeader
from chronik.record.records import BadRecords, Record, decode_records
from chronik.storage.interfaces import OffsetAndTimestamp
from chronik.storage.segment import LogSegment


def first_at_or_after(segments: Sequence[LogSegment], timestamp: int, start_offset: int) -> OffsetAndTimestamp | None:
    """The first record at or after ``start_offset`` whose timestamp is at least ``timestamp`` (ms)."""
    for segment in segments:
        if segment.max_timestamp < timestamp or segment.end_offset <= start_offset:
            continue
        begin = max(segment.times.offset_before(timestamp), start_offset)
        for position, header in segment.headers(segment.offsets.position_of(begin)):
            if header.max_timestamp >= timestamp and header.last_offset >= start_offset:
                found = _first_record(segment, position, header, lambda r: r.timestamp >= timestamp and r.offset >= start_offset)
                if found is not None:
                    return found
    return None


def first_of_largest(segments: Sequence[LogSegment], start_offset: int) -> OffsetAndTimestamp | None:
    """The first record at or after ``start_offset`` that has the largest timestamp of all."""
    kept = [segment for segment in segments if segment.end_offset > start_offset and segment.max_timestamp >= 0]
    if not kept:
        return None
    largest = max(segment.max_timestamp for segment in kept)
    return first_at_or_after(kept, largest, start_offset)


def _first_record(segment: LogSegment, position: int, header: BatchHeader, fits: Callable[[Record], bool]) -> OffsetAndTimestamp | None:
    """The first fitting record of a batch. One whose inside cannot be read is answered by its header."""
    batch = segment.open().file.pread(header.size_bytes, position)
    try:
        record = next((record for record in decode_records(batch) if fits(record)), None)
    except BadRecords:
        return OffsetAndTimestamp(header.base_offset, header.max_timestamp, header.leader_epoch)
    return None if record is None else OffsetAndTimestamp(record.offset, record.timestamp, header.leader_epoch)
