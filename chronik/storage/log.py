"""The segment store's log of one partition: appending, reading, and what becomes durable when."""

from __future__ import annotations

import errno
import os
from bisect import bisect_right
from collections.abc import Sequence

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import Pool, deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_TIMESTAMP, TopicId, TopicPartition
from chronik.record.batch import HEADER_BYTES, offset_and_epoch, parse_header
from chronik.storage.checkpoints import EPOCHS, encode_epochs
from chronik.storage.config import LogConfig
from chronik.storage.directory import LogDirectory
from chronik.storage.flush import FlushTask
from chronik.storage.interfaces import (
    AppendResult,
    Extent,
    IExtentObserver,
    ILogSlice,
    IPartitionLog,
    OffsetAndTimestamp,
    ProducerSummary,
)
from chronik.storage.loading import LoadedLog, restore_producers
from chronik.storage.retention import expired_segments
from chronik.storage.segment import INDEX, LOG, SNAPSHOT, TIME_INDEX, EmptySlice, LogSegment, file_name
from chronik.storage.timesearch import first_at_or_after, first_of_largest
from chronik.storage.validation import ValidBatch, validate


@implementer(IPartitionLog)
class SegmentLog:
    """One partition's log.

    :param directory: the log directory that holds it.
    :param path: its own directory.
    :param loaded: what was found there.
    """

    _log = Logger()

    def __init__(
        self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, directory: LogDirectory, path: str, loaded: LoadedLog
    ) -> None:
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.config = config
        self.path = path
        self.directory = directory
        self.clean = loaded.clean
        self.start_offset = loaded.start_offset
        self.end_offset = loaded.end_offset
        self.flushed_offset = loaded.end_offset
        self.first_unstable_offset: int | None = None
        self.size_bytes = sum(segment.size for segment in loaded.segments)
        self._segments = loaded.segments
        self._bases = [segment.base_offset for segment in loaded.segments]
        self._epochs = loaded.epochs
        self._epochs_written = True
        self._producers = loaded.producers
        self._written_offset = loaded.end_offset
        self._high_watermark = 0
        self._new_names = loaded.new_names
        self._observers: list[IExtentObserver] = []
        self._flush_waiters: list[tuple[int, Deferred[int]]] = []
        self._flush_due_ms = 0
        self._failure: KafkaError | None = None
        self._rewinds = 0
        self._closed = False

    def __repr__(self) -> str:
        """For logs."""
        return f"<SegmentLog {self.topic_partition} {self.start_offset}..{self.end_offset}>"

    @property
    def local_start_offset(self) -> int:
        """First offset on local disks: all there is."""
        return self.start_offset

    @property
    def latest_epoch(self) -> int:
        """The newest leader epoch."""
        return self._epochs.latest

    @property
    def active(self) -> LogSegment:
        """The segment that is appended to."""
        return self._segments[-1]

    # -- appending ----------------------------------------------------------------------------------------------------

    def append(self, data: bytes | memoryview, leader_epoch: int, internal: bool = False) -> Deferred[AppendResult]:
        """Append; see :meth:`IPartitionLog.append`."""
        try:
            if self._failure is not None:
                raise self._failure
            now = self.directory.now_ms()
            batches = validate(data, self.config, now, internal)
            known = self._known(batches)
            if known is not None:
                return self._after_writes(known)
            return self._write(batches, leader_epoch, now)
        except KafkaError as error:
            return fail(error)

    def _known(self, batches: Sequence[ValidBatch]) -> AppendResult | None:
        """The result of an earlier append of the same batch, None when these are new."""
        for header, _ in batches:
            if header.producer_id >= 0:
                sent = self._producers.check(header)
                if sent is not None:
                    stamp = sent.timestamp if self.config.log_append_time else NO_TIMESTAMP
                    return AppendResult(sent.base_offset, sent.last_offset, stamp, self.start_offset, duplicate=True)
        return None

    def _after_writes(self, result: AppendResult) -> Deferred[AppendResult]:
        if not self.directory.writer.threaded:
            return succeed(result)
        return self.directory.writer.after_writes().addCallback(lambda _: result)

    def _write(self, batches: Sequence[ValidBatch], leader_epoch: int, now: int) -> Deferred[AppendResult]:
        size = sum(len(batch.data) for batch in batches)
        count = sum(batch.header.last_offset_delta + 1 for batch in batches)
        segment = self._segment_for(size, self.end_offset + count - 1, batches[0].header.max_timestamp, now)
        base_offset = offset = self.end_offset
        buffers: list[bytes | memoryview] = []
        for header, data in batches:
            buffers.append(offset_and_epoch(header, offset, leader_epoch))
            buffers.append(data[16:])
            offset += header.last_offset_delta + 1
        result = AppendResult(base_offset, offset - 1, now if self.config.log_append_time else NO_TIMESTAMP, self.start_offset)
        position = segment.size
        writer = self.directory.writer
        if writer.threaded:
            done = writer.write_later(segment.open(), buffers, position)
            self._note(segment, batches, leader_epoch)
            return done.addCallbacks(self._written, self._not_written, (result, self._rewinds), None, (result, self._rewinds))
        try:
            writer.write(segment.open(), buffers, position)
        except OSError as error:
            self._undo(segment, position, error)
        self._note(segment, batches, leader_epoch)
        return succeed(self._written(None, result, self._rewinds))

    def _note(self, segment: LogSegment, batches: Sequence[ValidBatch], leader_epoch: int) -> None:
        """Take what is being written into account."""
        offset = self.end_offset
        if self._epochs.assign(leader_epoch, offset):
            self._epochs_written = False
        interval = self.config.index_interval_bytes
        for header, data in batches:
            last_offset = offset + header.last_offset_delta
            if header.producer_id >= 0:
                self._producers.note(header, last_offset)
            segment.note(last_offset, offset, len(data), header.max_timestamp, interval)
            self.size_bytes += len(data)
            offset = last_offset + 1
        self.end_offset = offset
        self._producers.map_end_offset = offset
        for observer in self._observers:
            observer.end_advanced(self)

    def _written(self, done: object, result: AppendResult, rewinds: int) -> AppendResult:
        if rewinds != self._rewinds:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition}: an earlier write failed, and this one with it; try again")
        if self._failure is not None:
            raise self._failure
        self._written_offset = result.last_offset + 1
        if not self.config.write_caching or self._written_offset - self.flushed_offset >= self.config.flush_messages:
            self.directory.flusher.flush(self)
        return result

    # -- when the disk refuses ----------------------------------------------------------------------------------------

    def _undo(self, segment: LogSegment, position: int, error: OSError) -> None:
        """A write on the reactor failed: nothing of it may stay.

        :raises KafkaError: always.
        """
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            try:
                segment.open().file.truncate(position)
            except OSError as worse:
                self.fail(worse)
            else:
                raise self._full(error)
        else:
            self.fail(error)
        assert self._failure is not None
        raise self._failure

    def _not_written(self, failure: Failure, result: AppendResult, rewinds: int) -> AppendResult:
        """A write in the thread failed: it and all that were queued behind it are taken back."""
        error = failure.value
        if rewinds != self._rewinds or self._failure is not None:
            raise self._failure or KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition}: an earlier write failed; try again")
        if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
            self.fail(error)
            assert self._failure is not None
            raise self._failure
        self._rewinds += 1
        try:
            self._cut(result.base_offset)
        except OSError as worse:
            self.fail(worse)
        raise self._full(error)

    def _full(self, error: OSError) -> KafkaError:
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition} could not be written: {error.strerror}; free some space and send again")

    def fail(self, reason: BaseException) -> None:
        """Take no more appends: what a disk said that failed once cannot be believed."""
        if self._failure is None:
            self._failure = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the disk of {self.topic_partition} failed: {reason}")
            self._log.error("the log of {partition} in {path} failed: {reason}", partition=self.topic_partition, path=self.path, reason=reason)
            waiters, self._flush_waiters = self._flush_waiters, []
            for _, waiter in waiters:
                waiter.errback(self._failure)
            for observer in tuple(self._observers):
                observer.failed(self, reason)

    # -- segments -----------------------------------------------------------------------------------------------------

    def _segment_for(self, size: int, last_offset: int, timestamp: int, now: int) -> LogSegment:
        config = self.config
        if size > config.segment_bytes:
            raise KafkaError(ErrorCode.RECORD_LIST_TOO_LARGE, f"{size} bytes do not fit a segment: segment.bytes is {config.segment_bytes}")
        active = self.active
        if active.has_room(size, last_offset, config.segment_bytes, config.segment_index_bytes) and not self._overdue(active, timestamp, now):
            return active
        return self._roll(now)

    def _overdue(self, segment: LogSegment, timestamp: int, now: int) -> bool:
        """Kafka's rule: by the records' own time where they have one, else by the segment's age."""
        if not segment.size:
            return False
        waited = timestamp - segment.first_timestamp if segment.first_timestamp >= 0 and timestamp >= 0 else now - segment.created_ms
        return waited > self.config.segment_ms - self._jitter(segment)

    def _jitter(self, segment: LogSegment) -> int:
        """Taken off ``segment.ms``; different from log to log and segment to segment, the same at each look."""
        span = self.config.segment_jitter_ms
        return hash((self.topic_partition.topic, self.topic_partition.partition, segment.base_offset)) % span if span > 0 else 0

    def _roll(self, now: int) -> LogSegment:
        """Seal the active segment and begin the next. Its index files and the producers' snapshot are written off the reactor."""
        sealed = self.active
        sealed.seal()
        segment = LogSegment(self.path, self.end_offset, self.directory.files, now)
        try:
            segment.open(create=True)
        except OSError as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition}: no new segment can be begun: {error}") from error
        self._new_names = True
        self._segments.append(segment)
        self._bases.append(segment.base_offset)
        files = [*sealed.index_files(), (os.path.join(self.path, file_name(self.end_offset, SNAPSHOT)), self._producers.snapshot())]
        self._in_background(self._write_files, files)
        for observer in self._observers:
            observer.extent_sealed(self, Extent(sealed.base_offset, sealed.end_offset, sealed.generation))
            observer.extent_opened(self, Extent(segment.base_offset, None))
        return segment

    def _in_background(self, function: object, *args: object) -> None:
        done: Deferred[object] = self.directory.pools.run(Pool.BACKGROUND, function, *args)
        done.addErrback(lambda failure: self._log.failure("a file beside the log of {partition} could not be written", failure, partition=self.topic_partition))

    def _write_files(self, files: Sequence[tuple[str, bytes]]) -> None:
        for path, data in files:
            file = self.directory.file_system.open(path, create=True)
            try:
                file.truncate(0)
                file.pwritev([data], 0)
            finally:
                file.close()

    def write_side_files(self) -> None:
        """Bring the files beside the log up to what memory knows; called now and then."""
        files = [file for segment in self._segments if segment.indexes_behind() for file in segment.index_files()]
        if files:
            self._in_background(self._write_files, files)
        if not self._epochs_written:
            self._epochs_written = True
            self._in_background(self.directory.file_system.write_whole, os.path.join(self.path, EPOCHS), encode_epochs(self._epochs.entries()))

    # -- flushing -----------------------------------------------------------------------------------------------------

    def flush_begins(self) -> FlushTask | None:
        """What makes it durable; see :class:`~chronik.storage.flush.Flushable`."""
        if self._failure is not None or self._closed or (self.flushed_offset >= self._written_offset and not self._new_names):
            return None
        first = max(0, bisect_right(self._bases, self.flushed_offset) - 1)
        files = [segment.open() for segment in self._segments[first:] if segment.size]
        directories = (self.path,) if self._new_names else ()
        self._new_names = False
        return FlushTask(self._written_offset, files, directories)

    def flush_ended(self, task: FlushTask) -> None:
        """It is durable."""
        reached = min(task.end_offset, self._written_offset)
        if reached > self.flushed_offset:
            self.flushed_offset = reached
        for observer in tuple(self._observers):
            observer.flushed(self)
        if self._flush_waiters:
            ready = [waiter for offset, waiter in self._flush_waiters if offset <= self.flushed_offset]
            self._flush_waiters = [entry for entry in self._flush_waiters if entry[0] > self.flushed_offset]
            for waiter in ready:
                waiter.callback(self.flushed_offset)

    def flush_failed(self, task: FlushTask, reason: Exception) -> None:
        """The disk refused."""
        self.fail(reason)

    def flush(self) -> Deferred[int]:
        """Make it durable; see :meth:`IPartitionLog.flush`."""
        if self._failure is not None:
            return fail(self._failure)
        if self._written_offset <= self.flushed_offset:
            return succeed(self.flushed_offset)
        waiter: Deferred[int] = Deferred()
        self._flush_waiters.append((self._written_offset, waiter))
        self.directory.flusher.flush(self)
        return waiter

    def flush_if_due(self, now: int) -> None:
        """``flush.ms``, where the page cache counts as safe; called now and then."""
        if self.flushed_offset >= self._written_offset:
            self._flush_due_ms = 0
        elif not self._flush_due_ms:
            self._flush_due_ms = now + self.config.flush_ms
        elif now >= self._flush_due_ms:
            self._flush_due_ms = 0
            self.directory.flusher.flush(self)

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> Deferred[ILogSlice]:
        """Read; see :meth:`IPartitionLog.read`."""
        if not self.start_offset <= offset <= self.end_offset:
            return fail(
                KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, f"{self.topic_partition} has offsets {self.start_offset} to {self.end_offset}, not {offset}")
            )
        if offset >= min(limit_offset, self.end_offset):
            return succeed(EmptySlice(offset))
        segment = self._segments[max(0, bisect_right(self._bases, offset) - 1)]
        if segment is self.active or self._is_hot(segment, segment.offsets.position_of(offset)):
            return self._read_hot(segment, offset, max_bytes, limit_offset, at_least_one_batch)
        return self._read_cold(segment, offset, max_bytes, limit_offset, at_least_one_batch)

    def _is_hot(self, segment: LogSegment, position: int) -> bool:
        return segment.open().file.pread_cached(1, min(position, max(segment.size - 1, 0))) is not None

    def _read_hot(self, segment: LogSegment, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> Deferred[ILogSlice]:
        found = self._slice(segment, offset, max_bytes, limit_offset, at_least_one_batch)
        source = found.file_range()
        if source is None or segment is self.active or self._is_hot(segment, source[1] + found.size - 1):
            return succeed(found)
        return self._warmed(found)

    @deferred
    async def _read_cold(self, segment: LogSegment, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> ILogSlice:
        found: ILogSlice = await self.directory.pools.run(
            Pool.READ, self._slice, segment, offset, max_bytes, limit_offset, at_least_one_batch
        )
        return await self._warmed(found)

    def _warmed(self, found: ILogSlice) -> Deferred[ILogSlice]:
        """Bring a slice to memory in a thread, so that sending it does not wait for the disk."""
        return self.directory.pools.run(Pool.READ, found.read, 0, found.size).addCallback(lambda _: found)

    def _slice(self, segment: LogSegment, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> ILogSlice:
        position, header = segment.locate(offset)
        if position >= segment.size:
            return self._slice_next(segment, offset, max_bytes, limit_offset, at_least_one_batch)
        end = segment.size if limit_offset >= segment.end_offset else segment.locate(limit_offset)[0]
        size = end - position
        if size > max_bytes:
            size = max_bytes
            if at_least_one_batch:
                header = header or parse_header(segment.open().file.pread(HEADER_BYTES, position))
                size = max(size, header.size_bytes)
        return segment.slice(position, size, offset) if size > 0 else EmptySlice(offset)

    def _slice_next(self, segment: LogSegment, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> ILogSlice:
        """The offset is in no batch of its segment: what was compacted away is followed by the next segment."""
        after = bisect_right(self._bases, segment.base_offset)
        if after >= len(self._segments) or self._bases[after] >= limit_offset:
            return EmptySlice(offset)
        return self._slice(self._segments[after], self._bases[after], max_bytes, limit_offset, at_least_one_batch)

    def offset_for_timestamp(self, timestamp: int) -> Deferred[OffsetAndTimestamp | None]:
        """Search by time; see :meth:`IPartitionLog.offset_for_timestamp`."""
        return self.directory.pools.run(Pool.READ, first_at_or_after, tuple(self._segments), timestamp, self.start_offset)

    def offset_of_max_timestamp(self) -> Deferred[OffsetAndTimestamp | None]:
        """The latest record; see :meth:`IPartitionLog.offset_of_max_timestamp`."""
        return self.directory.pools.run(Pool.READ, first_of_largest, tuple(self._segments), self.start_offset)

    def end_offset_for_epoch(self, leader_epoch: int) -> tuple[int, int]:
        """Where an epoch ended; see :meth:`IPartitionLog.end_offset_for_epoch`."""
        return self._epochs.end_of(leader_epoch, self.end_offset)

    def epoch_for_offset(self, offset: int) -> int:
        """The epoch of an offset; see :meth:`IPartitionLog.epoch_for_offset`."""
        return self._epochs.epoch_of(offset)

    def active_producers(self) -> Sequence[ProducerSummary]:
        """Producers; see :meth:`IPartitionLog.active_producers`."""
        return self._producers.summaries()

    # -- changing what there is ---------------------------------------------------------------------------------------

    @deferred
    async def advance_start(self, offset: int) -> None:
        """Forget the oldest; see :meth:`IPartitionLog.advance_start`."""
        if offset > self.start_offset:
            self.start_offset = min(offset, self.end_offset)
            self._remove_unreachable()
            self._tell_start()

    @deferred
    async def truncate(self, offset: int) -> None:
        """Remove the newest; see :meth:`IPartitionLog.truncate`."""
        await self.directory.writer.after_writes()
        if offset < self.end_offset:
            self._rewinds += 1
            self._cut(max(offset, self.start_offset))
            for observer in tuple(self._observers):
                observer.truncated(self, self.end_offset, self.latest_epoch)

    def _cut(self, offset: int) -> None:
        """End the log at ``offset``.

        :raises OSError: the disk refuses.
        """
        while len(self._segments) > 1 and self.active.base_offset >= offset:
            gone = self._segments.pop()
            self._bases.pop()
            self._remove_files(gone)
        active = self.active
        position, _ = active.locate(offset)
        if position < active.size:
            active.truncate(position, offset)
        self.end_offset = offset
        self.size_bytes = sum(segment.size for segment in self._segments)
        self._written_offset = min(self._written_offset, offset)
        self.flushed_offset = min(self.flushed_offset, offset)
        if self._epochs.truncate_from_end(offset):
            self._epochs_written = False
        restore_producers(self.directory.file_system, self.path, self._segments, self._producers, offset)

    @deferred
    async def raise_epoch(self, leader_epoch: int) -> None:
        """Begin an epoch durably; see :meth:`IPartitionLog.raise_epoch`."""
        if self._epochs.assign(leader_epoch, self.end_offset):
            data = encode_epochs(self._epochs.entries())
            await self.directory.pools.run(Pool.BACKGROUND, self.directory.file_system.write_whole, os.path.join(self.path, EPOCHS), data)
            self._epochs_written = True

    def set_high_watermark(self, offset: int) -> None:
        """How far it is committed; see :meth:`IPartitionLog.set_high_watermark`."""
        self._high_watermark = offset

    def configure(self, config: LogConfig) -> None:
        """Go by another configuration; see :meth:`IPartitionLog.configure`."""
        was_caching = self.config.write_caching
        self.config = config
        if was_caching and not config.write_caching and self.flushed_offset < self._written_offset:
            self.directory.flusher.flush(self)

    @deferred
    async def apply_retention(self, now: int) -> int:
        """Remove what is too old or too much; see :meth:`IPartitionLog.apply_retention`."""
        if not self.config.delete or self._failure is not None:
            return 0
        expired = expired_segments(self._segments, self.config, self._high_watermark, self.size_bytes, now)
        if expired and expired[-1] is self.active:
            if self.active.size and self.end_offset == self._written_offset:
                self._roll(now)
            else:
                expired = expired[:-1]
        if not expired:
            return 0
        self.start_offset = max(self.start_offset, expired[-1].end_offset)
        self._log.info(
            "retention removes {count} segment(s) of {partition}: it begins at offset {offset} now",
            count=len(expired),
            partition=self.topic_partition,
            offset=self.start_offset,
        )
        self._remove_unreachable()
        self._tell_start()
        return len(expired)

    def _remove_unreachable(self) -> None:
        """Remove segments that end at or before the start."""
        while len(self._segments) > 1 and self._segments[1].base_offset <= self.start_offset:
            gone = self._segments.pop(0)
            self._bases.pop(0)
            self.size_bytes -= gone.size
            self._remove_files(gone)
        if self._epochs.truncate_from_start(self.start_offset):
            self._epochs_written = False

    def _tell_start(self) -> None:
        for observer in tuple(self._observers):
            observer.start_advanced(self, self.start_offset)

    def _remove_files(self, segment: LogSegment) -> None:
        """Rename a segment's files at once, so that the next start does not see them; unlink them when their delay is over."""
        self.directory.files.forget(segment.path())
        self._in_background(self._rename_deleted, [segment.path(extension) for extension in (LOG, INDEX, TIME_INDEX, SNAPSHOT)])
        delay = self.config.file_delete_delay_ms / 1000
        self.directory.clock.callLater(delay, self._in_background, self._unlink_deleted, segment.base_offset)

    def _rename_deleted(self, paths: Sequence[str]) -> None:
        for path in paths:
            if self.directory.file_system.exists(path):
                self.directory.file_system.rename(path, f"{path}.deleted")

    def _unlink_deleted(self, base_offset: int) -> None:
        for extension in (LOG, INDEX, TIME_INDEX, SNAPSHOT):
            self.directory.file_system.unlink(os.path.join(self.path, file_name(base_offset, extension)) + ".deleted")

    def expire_producers(self, oldest: int) -> None:
        """Forget producers that were silent since ``oldest`` (ms)."""
        self._producers.expire(oldest)

    # -- who follows it -----------------------------------------------------------------------------------------------

    def extents(self) -> Sequence[Extent]:
        """Its segments; see :meth:`IPartitionLog.extents`."""
        sealed = [Extent(segment.base_offset, segment.end_offset, segment.generation) for segment in self._segments[:-1]]
        return [*sealed, Extent(self.active.base_offset, None, self.active.generation)]

    def watch(self, observer: IExtentObserver) -> None:
        """Tell it everything; see :meth:`IPartitionLog.watch`."""
        self._observers.append(observer)

    def unwatch(self, observer: IExtentObserver) -> None:
        """Stop; see :meth:`IPartitionLog.unwatch`."""
        self._observers = [known for known in self._observers if known is not observer]

    def tell_deleted(self) -> None:
        """The store removed it."""
        self._closed = True
        for observer in tuple(self._observers):
            observer.deleted(self)

    @deferred
    async def close(self) -> None:
        """Flush and write what makes the next start quick; see :meth:`IPartitionLog.close`."""
        if self._closed:
            return
        if self._failure is None:
            await self.directory.writer.after_writes()
            await self.flush()
            files = [file for segment in self._segments for file in _all_index_files(segment) if segment.indexes_behind() or segment is self.active]
            files.append((os.path.join(self.path, file_name(self.end_offset, SNAPSHOT)), self._producers.snapshot()))
            await self.directory.pools.run(Pool.BACKGROUND, self._write_last_files, files)
        self._closed = True
        self.forget_files()

    def forget_files(self) -> None:
        """Keep no file open."""
        for segment in self._segments:
            self.directory.files.forget(segment.path())

    def _write_last_files(self, files: Sequence[tuple[str, bytes]]) -> None:
        self._write_files(files)
        self.directory.file_system.write_whole(os.path.join(self.path, EPOCHS), encode_epochs(self._epochs.entries()))


def _all_index_files(segment: LogSegment) -> list[tuple[str, bytes]]:
    """Both index files of a segment, the time index complete even though the segment goes on."""
    if segment.max_timestamp >= 0:
        segment.times.append(segment.max_timestamp, segment.max_timestamp_offset)
    return segment.index_files()
