"""Searches by time. They read batches, and run in a thread while the log is appended to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from heapq import nlargest
from math import inf
from typing import Final, TypeAlias

from chronik.record.batch import BatchHeader
from chronik.record.records import BadRecords
from chronik.record.walk import record_times
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
        for position, header in segment.headers(segment.before(begin), end_offset):
            if header.max_timestamp >= timestamp and header.last_offset >= start_offset:
                found = _first_record(segment, position, header, lambda offset, time: time >= timestamp and offset >= start_offset)
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
        for position, header in segment.headers(segment.before(max(start_offset, segment.base_offset)), end_offset):
            promise = segment, position, header
            if header.last_offset >= start_offset and _promised(promise) < below:
                yield promise


def _promised(promise: _Promise) -> tuple[float, int]:
    """What batches are ordered by: the earlier of two that promise the same is first."""
    return promise[2].max_timestamp, -promise[2].base_offset


def _latest_record(segment: LogSegment, position: int, header: BatchHeader, start_offset: int) -> OffsetAndTimestamp | None:
    """The first record of a batch's largest timestamp. One whose inside cannot be read is answered by its header."""
    best: OffsetAndTimestamp | None = None
    try:
        for offset, timestamp in record_times(_batch(segment, position, header)):
            if offset >= start_offset and (best is None or timestamp > best.timestamp):
                best = OffsetAndTimestamp(offset, timestamp, header.leader_epoch)
    except BadRecords:
        return _promised_by(header)
    return best


def _largest(segment: LogSegment, start_offset: int, end_offset: int) -> Iterator[int]:
    """Timestamps, one of which is the segment's largest: its own note of it, unless it was taken of records out of bounds."""
    if segment.base_offset >= start_offset and segment.end_offset <= end_offset:
        yield segment.max_timestamp
        return
    for position, header in segment.headers(segment.before(start_offset), end_offset):
        if header.base_offset >= start_offset:
            yield header.max_timestamp
        elif header.last_offset >= start_offset:
            with suppress(BadRecords):
                times = record_times(_batch(segment, position, header))
                yield max((timestamp for offset, timestamp in times if offset >= start_offset), default=-1)


def _batch(segment: LogSegment, position: int, header: BatchHeader) -> bytes:
    with segment.hold() as file:
        return file.pread(header.size_bytes, position)


def _promised_by(header: BatchHeader) -> OffsetAndTimestamp:
    return OffsetAndTimestamp(header.base_offset, header.max_timestamp, header.leader_epoch)


def _first_record(segment: LogSegment, position: int, header: BatchHeader, fits: Callable[[int, int], bool]) -> OffsetAndTimestamp | None:
    """The first record of a batch whose offset and timestamp fit. One whose inside cannot be read is answered by its header."""
    found: OffsetAndTimestamp | None = None
    try:
        for offset, timestamp in record_times(_batch(segment, position, header)):
            if found is None and fits(offset, timestamp):
                found = OffsetAndTimestamp(offset, timestamp, header.leader_epoch)
    except BadRecords:
        return _promised_by(header)
    return found
