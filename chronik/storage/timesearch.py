"""Searches by time. They read batches, and run in a thread while the log is appended to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import nlargest
from math import inf
from typing import Final, TypeAlias

from chronik.record.batch import BatchHeader
from chronik.record.records import BadRecords, Record, decode_records
from chronik.storage.interfaces import OffsetAndTimestamp
from chronik.storage.segment import LogSegment

PROMISES_MAX: Final = 1000
"""How many batches are kept to be looked into: a segment has millions, and one look is mostly enough."""

_Promise: TypeAlias = tuple[LogSegment, int, BatchHeader]
"""A batch: its segment, its position there, its header."""


def first_at_or_after(segments: Sequence[LogSegment], timestamp: int, start_offset: int, end_offset: int) -> OffsetAndTimestamp | None:
    """The first record from ``start_offset`` on and below ``end_offset`` whose timestamp is at least ``timestamp`` (ms)."""
    for segment in segments:
        if segment.max_timestamp < timestamp or segment.end_offset <= start_offset:
            continue
        begin = max(segment.times.offset_before(timestamp), start_offset)
        for position, header in segment.headers(segment.offsets.position_of(begin), end_offset):
            if header.max_timestamp >= timestamp and header.last_offset >= start_offset:
                found = _first_record(segment, position, header, lambda r: r.timestamp >= timestamp and r.offset >= start_offset)
                if found is not None:
                    return found
    return None


def first_of_largest(segments: Sequence[LogSegment], start_offset: int, end_offset: int) -> OffsetAndTimestamp | None:
    """The first record from ``start_offset`` on and below ``end_offset`` that has the largest timestamp of those."""
    kept = [segment for segment in segments if segment.end_offset > start_offset and segment.size]
    largest = max((timestamp for segment in kept for timestamp in _largest(segment, start_offset, end_offset)), default=-1)
    if largest < 0:
        return None
    return first_at_or_after(kept, largest, start_offset, end_offset) or _largest_inside(kept, start_offset, end_offset)


def _largest_inside(segments: Sequence[LogSegment], start_offset: int, end_offset: int) -> OffsetAndTimestamp | None:
    """The first record of the largest timestamp, where a batch's header promises a larger one than its records have.

    Batches are looked into from the largest promise down, until the largest timestamp found is more than what is promised by the rest.
    """
    best: OffsetAndTimestamp | None = None
    below: tuple[float, int] = (inf, 0)
    while promises := nlargest(PROMISES_MAX, _promises(segments, start_offset, end_offset, below), key=_promised):
        for promise in promises:
            segment, position, header = promise
            if best is not None and header.max_timestamp < best.timestamp:
                return best
            found = _latest_record(segment, position, header, start_offset)
            if found is not None and (best is None or (found.timestamp, -found.offset) > (best.timestamp, -best.offset)):
                best = found
        below = _promised(promises[-1])
    return best


def _promises(segments: Sequence[LogSegment], start_offset: int, end_offset: int, below: tuple[float, int]) -> Iterator[_Promise]:
    for segment in segments:
        for position, header in segment.headers(segment.offsets.position_of(max(start_offset, segment.base_offset)), end_offset):
            promise = segment, position, header
            if header.last_offset >= start_offset and _promised(promise) < below:
                yield promise


def _promised(promise: _Promise) -> tuple[float, int]:
    """What batches are ordered by: the earlier of two that promise the same is first."""
    return promise[2].max_timestamp, -promise[2].base_offset


def _latest_record(segment: LogSegment, position: int, header: BatchHeader, start_offset: int) -> OffsetAndTimestamp | None:
    records = [record for record in _records(segment, position, header) or () if record.offset >= start_offset]
    latest = max((record.timestamp for record in records), default=-1)
    return _first_record(segment, position, header, lambda r: r.timestamp == latest and r.offset >= start_offset)


def _largest(segment: LogSegment, start_offset: int, end_offset: int) -> Iterator[int]:
    """Timestamps, one of which is the segment's largest: its own note of it, unless it was taken of records out of bounds."""
    if segment.base_offset >= start_offset and segment.end_offset <= end_offset:
        yield segment.max_timestamp
        return
    for position, header in segment.headers(segment.offsets.position_of(start_offset), end_offset):
        if header.base_offset >= start_offset:
            yield header.max_timestamp
        elif header.last_offset >= start_offset:
            found = _records(segment, position, header)
            yield from (record.timestamp for record in found or () if record.offset >= start_offset)


def _records(segment: LogSegment, position: int, header: BatchHeader) -> Sequence[Record] | None:
    """A batch's records, None when its inside cannot be read."""
    with segment.hold() as file:
        batch = file.pread(header.size_bytes, position)
    try:
        return decode_records(batch)
    except BadRecords:
        return None


def _first_record(segment: LogSegment, position: int, header: BatchHeader, fits: Callable[[Record], bool]) -> OffsetAndTimestamp | None:
    """The first fitting record of a batch. One whose inside cannot be read is answered by its header."""
    records = _records(segment, position, header)
    if records is None:
        return OffsetAndTimestamp(header.base_offset, header.max_timestamp, header.leader_epoch)
    record = next(filter(fits, records), None)
    return None if record is None else OffsetAndTimestamp(record.offset, record.timestamp, header.leader_epoch)
