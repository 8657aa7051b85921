"""Reading a log: slices by offset, searches by time. At once while the data is in memory, in a thread while it may not be."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from chronik.defer import Pool, deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.record.batch import HEADER_BYTES
from chronik.storage.interfaces import ILogSlice, OffsetAndTimestamp
from chronik.storage.segment import SuspectBatch
from chronik.storage.slices import EmptySlice
from chronik.storage.timesearch import first_at_or_after, first_of_largest

if TYPE_CHECKING:
    from chronik.storage.log import SegmentLog
    from chronik.storage.segment import LogSegment
    from chronik.storage.slices import FileSlice

RANGE_TRIES_MAX = 3
"""How often a read begins again because the log was cut back, or a segment removed, while a thread looked."""

WARMED_BYTES_MAX = 1 << 20
"""Brought to memory on the way to an offset: entries of an index may be as far apart as somebody likes."""


class LogReader:
    """Reads one log."""

    def __init__(self, log: SegmentLog) -> None:
        self._log = log

    def read(self, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> Deferred[ILogSlice]:
        """Read; see :meth:`IPartitionLog.read`."""
        log = self._log
        if not log.start_offset <= offset <= log.end_offset:
            return fail(self._out_of_range(offset))
        # What a thread still writes is not there yet, even when it counts as appended.
        limit_offset = min(limit_offset, log.written_offset)
        if offset >= limit_offset:
            return succeed(EmptySlice(offset))
        segment = self._segment_of(offset)
        if segment is not log.active and not segment.is_open():
            return self._read_cold(offset, max_bytes, limit_offset, at_least_one_batch)
        recent = segment is log.active and segment.is_recent(offset)
        try:
            if not recent and not self._index_is_hot(segment, offset):
                reading = self._read_cold if segment is not log.active else self._read_old
                return reading(offset, max_bytes, limit_offset, at_least_one_batch)
        except OSError as error:
            return fail(self._unreadable(error))
        return self._read_here(segment, offset, max_bytes, limit_offset, at_least_one_batch, recent)

    def _read_here(
        self, segment: LogSegment, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool, recent: bool = False
    ) -> Deferred[ILogSlice]:
        """On the reactor."""
        try:
            found = self._slice(segment, offset, max_bytes, limit_offset, at_least_one_batch)
        except OSError as error:
            return fail(self._unreadable(error))
        except KafkaError as error:
            self._suspect(error)
            return fail(error)
        if isinstance(found, EmptySlice) or recent or found.is_hot():
            return succeed(found)
        return self._warmed(found)

    def _index_is_hot(self, segment: LogSegment, offset: int) -> bool:
        with segment.hold() as file:
            return file.pread_cached(1, segment.offsets.position_of(offset)) is not None

    def _segment_of(self, offset: int) -> LogSegment:
        return self._log.segments[max(0, bisect_right(self._log.bases, offset) - 1)]

    @deferred
    async def _read_cold(self, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> ILogSlice:
        log = self._log
        for _ in range(RANGE_TRIES_MAX):
            rewinds = log.rewinds
            try:
                found = await log.directory.pools.run(
                    Pool.READ, self._slice, self._segment_of(offset), offset, max_bytes, limit_offset, at_least_one_batch
                )
            except (OSError, KafkaError) as error:
                # A file that went away, or bytes that changed, while the log was cut at either end.
                if rewinds == log.rewinds and offset >= log.start_offset:
                    self._suspect(error)
                    raise (self._unreadable(error) if isinstance(error, OSError) else error) from None
            else:
                if rewinds == log.rewinds:
                    return found if isinstance(found, EmptySlice) else await self._warmed(found)
                found.close()
            if not log.start_offset <= offset <= log.end_offset:
                break
        raise self._out_of_range(offset)

    @deferred
    async def _read_old(self, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> ILogSlice:
        """The segment that is appended to changes while a thread looks, so only the headers that lead to the offset are brought to memory there."""
        log, segment = self._log, self._log.active
        count = min(log.config.index_interval_bytes + HEADER_BYTES, WARMED_BYTES_MAX)
        try:
            with segment.hold() as file:
                await log.directory.pools.run(Pool.READ, file.pread, count, segment.offsets.position_of(offset))
        except OSError as error:
            raise self._unreadable(error) from None
        if not log.start_offset <= offset <= log.end_offset:
            raise self._out_of_range(offset)
        limit_offset = min(limit_offset, log.written_offset)
        if offset >= limit_offset:
            return EmptySlice(offset)
        return await self._read_here(self._segment_of(offset), offset, max_bytes, limit_offset, at_least_one_batch)

    def _warmed(self, found: FileSlice) -> Deferred[ILogSlice]:
        """Bring a slice to memory in a thread, so that sending it does not wait for the disk."""
        warming: Deferred[bytes] = self._log.directory.pools.run(Pool.READ, found.read, 0, found.size)

        def failed(failure: Failure) -> Failure:
            found.close()
            if isinstance(failure.value, OSError):
                raise self._unreadable(failure.value) from None
            return failure

        return warming.addCallbacks(lambda _: found, failed)

    def _slice(self, segment: LogSegment, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> FileSlice | EmptySlice:
        shared = segment.hold()
        try:
            position, base_offset, first_size = segment.locate(offset)
            if position < segment.size and base_offset < limit_offset:
                end = segment.end_before(limit_offset)
                size = end - position
                if size > max_bytes:
                    # Where the first batch is not given, others have their turn: what holds a part of it only, nobody can use.
                    first_size = first_size or segment.header_at(position).size_bytes
                    size = max_bytes if first_size <= max_bytes else first_size if at_least_one_batch else 0
                if size > 0:
                    found = segment.slice(shared, position, size, base_offset)
                    shared.hold()
                    return found
                return EmptySlice(offset)
        finally:
            shared.let_go()
        return self._slice_next(segment, offset, max_bytes, limit_offset, at_least_one_batch)

    def _slice_next(self, segment: LogSegment, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> FileSlice | EmptySlice:
        """The offset is in no batch of its segment: what was compacted away is followed by the next segment."""
        following = next((s for s in tuple(self._log.segments) if s.base_offset > segment.base_offset), None)
        if following is None or following.base_offset >= limit_offset:
            return EmptySlice(offset)
        return self._slice(following, following.base_offset, max_bytes, limit_offset, at_least_one_batch)

    def _suspect(self, error: BaseException) -> None:
        """What is no batch makes its segment one to be checked next."""
        if isinstance(error, SuspectBatch):
            self._log.trouble.suspect(error)

    def _out_of_range(self, offset: int) -> KafkaError:
        log = self._log
        return KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, f"{log.topic_partition} has offsets {log.start_offset} to {log.end_offset}, not {offset}")

    def _unreadable(self, error: OSError) -> KafkaError:
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self._log.topic_partition} cannot be read: {error}")

    @deferred
    async def offset_for_timestamp(self, timestamp: int) -> OffsetAndTimestamp | None:
        """Search by time; see :meth:`IPartitionLog.offset_for_timestamp`."""
        log = self._log
        try:
            return await log.directory.pools.run(
                Pool.READ, first_at_or_after, tuple(log.segments), timestamp, log.start_offset, log.written_offset
            )
        except OSError as error:
            raise self._unreadable(error) from error

    @deferred
    async def offset_of_max_timestamp(self) -> OffsetAndTimestamp | None:
        """The latest record; see :meth:`IPartitionLog.offset_of_max_timestamp`."""
        log = self._log
        try:
            return await log.directory.pools.run(Pool.READ, first_of_largest, tuple(log.segments), log.start_offset, log.written_offset)
        except OSError as error:
            raise self._unreadable(error) from error
