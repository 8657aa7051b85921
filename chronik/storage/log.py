"""The segment store's log of one partition: appending, rolling, and what becomes durable when.

Reading is in :mod:`~chronik.storage.reading`, taking away in :mod:`~chronik.storage.trimming`, what is beside the segments in
:mod:`~chronik.storage.sidefiles`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NoReturn
from zlib import crc32

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_TIMESTAMP, TopicId, TopicPartition
from chronik.record.batch import offset_and_epoch
from chronik.storage.config import LogConfig
from chronik.storage.directory import LogDirectory
from chronik.storage.disks import is_full
from chronik.storage.durability import LogFlusher
from chronik.storage.epochfile import EpochFile
from chronik.storage.following import LogFollower, WriteSteps
from chronik.storage.handover import LogHandover
from chronik.storage.inspection import ValidBatch, quick_look, was_looked_at
from chronik.storage.interfaces import (
    AppendResult,
    Extent,
    IExtentObserver,
    ILogSlice,
    IPartitionLog,
    OffsetAndTimestamp,
    ProducerSummary,
)
from chronik.storage.loading import LoadedLog
from chronik.storage.producers import SentBatch
from chronik.storage.progress import LogProgress
from chronik.storage.reading import LogReader
from chronik.storage.segment import SNAPSHOT, LogSegment, file_name
from chronik.storage.sidefiles import SideFiles
from chronik.storage.trimming import LogTrimmer
from chronik.storage.trouble import DiskTrouble
from chronik.storage.validation import validate


@implementer(IPartitionLog)
class SegmentLog:
    """One partition's log.

    :param directory: the log directory that holds it.
    :param path: its own directory.
    :param loaded: what was found there.
    :ivar segments: oldest first; the last one is appended to. ``bases`` are their base offsets.
    :ivar written_offset: one past the last offset whose write to the page cache is done.
    :ivar rewinds: how often its end moved back.
    :ivar rewinding: how many times that is under way; meanwhile nothing can be appended.
    :ivar observers: who is told.
    :ivar closed: it was closed or deleted, or another one took its place.
    :ivar trouble: what its disk refused, or gave back damaged.
    :ivar handover: for moves to another directory.
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
        self.first_unstable_offset: int | None = None
        self.segments = loaded.segments
        self.bases = [segment.base_offset for segment in loaded.segments]
        self.size_bytes = sum(segment.size for segment in loaded.segments)
        self.producers = loaded.producers
        self.written_offset = loaded.end_offset
        self.high_watermark = 0
        self.rewinds = 0
        self.rewinding = 0
        self.observers: tuple[IExtentObserver, ...] = ()
        self.trouble = DiskTrouble(self)
        self.side_files = SideFiles(path, directory.file_system, directory.pools, self.trouble.beside)
        self._epochs = EpochFile(loaded.epochs, path, directory.file_system, self.side_files, loaded.epochs_behind)
        self.closed = False
        self._durability = LogFlusher(self, loaded.end_offset, loaded.new_names)
        self._reader = LogReader(self)
        self._trimmer = LogTrimmer(self, self._epochs, self._durability)
        steps = WriteSteps(self._unwritable, self._segment_for, self._written, self._not_written, self._undo)
        self._follower = LogFollower(self, self._epochs, self._durability, self._trimmer, steps)
        self._progress = LogProgress(self)
        self.handover = LogHandover(self, self._epochs, self._trimmer)
        for segment in self.segments:
            if segment.damage is not None:
                self.trouble.quarantine(segment, segment.damage)
        self._jitter_seed = crc32(f"{topic_partition} {topic_id!r}".encode())

    def __repr__(self) -> str:
        """For logs."""
        return f"<SegmentLog {self.topic_partition} {self.start_offset}..{self.end_offset}>"

    @property
    def flushed_offset(self) -> int:
        """One past the last offset on disk."""
        return self._durability.flushed_offset

    @property
    def local_start_offset(self) -> int:
        """First offset on local disks: all there is."""
        return self.start_offset

    @property
    def latest_epoch(self) -> int:
        """The newest leader epoch."""
        return self._epochs.history.latest

    @property
    def active(self) -> LogSegment:
        """The segment that is appended to."""
        return self.segments[-1]

    # -- appending ----------------------------------------------------------------------------------------------------

    def append(self, data: bytes | memoryview, leader_epoch: int, internal: bool = False, inspected: bool = False) -> Deferred[AppendResult]:
        """Append; see :meth:`IPartitionLog.append`."""
        try:
            if self.trouble.failure is not None or self.closed or self.rewinding:
                raise self._unwritable()
            now = self.directory.now_ms()
            batches = validate(data, self.config, now, internal, was_looked_at if inspected else quick_look)
            for header, _ in batches:
                sent = self.producers.check(header) if header.producer_id >= 0 else None
                if sent is not None:
                    return self._again(sent)
            return self._write(batches, leader_epoch, now, internal)
        except KafkaError as error:
            # A refusal is told and not traced: the frames it came through may have what a batch was decompressed to, for as long as it lives.
            error.__traceback__ = error.__context__ = error.__cause__ = None
            return fail(error)

    def _unwritable(self) -> KafkaError:
        if self.trouble.failure is not None:
            return self.trouble.failure
        why = "its log was closed" if self.closed else "the end of its log is being taken back; send again"
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition}: {why}")

    def _again(self, sent: SentBatch) -> Deferred[AppendResult]:
        """A duplicate is answered when its original is, and like it."""
        stamp = sent.timestamp if self.config.log_append_time else NO_TIMESTAMP
        result = AppendResult(sent.base_offset, sent.last_offset, stamp, self.start_offset, duplicate=True)
        if result.last_offset < self.written_offset:
            return succeed(result)
        return self.directory.writer.after_writes().addCallback(self._still_there, result, self.rewinds)

    def _still_there(self, done: object, result: AppendResult, rewinds: int) -> AppendResult:
        if self.trouble.failure is not None:
            raise self.trouble.failure
        if rewinds != self.rewinds:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition}: an earlier write failed, and this one with it; send again")
        return result

    def _write(self, batches: Sequence[ValidBatch], leader_epoch: int, now: int, internal: bool) -> Deferred[AppendResult]:
        base_offset = offset = self.end_offset
        buffers: list[bytes | memoryview] = []
        size = 0
        for header, data in batches:
            buffers += offset_and_epoch(header, offset, leader_epoch), data[16:]
            offset += header.last_offset_delta + 1
            size += len(data)
        segment = self._segment_for(size, offset - 1, batches[0][0].max_timestamp, now, internal)
        result = AppendResult(base_offset, offset - 1, now if self.config.log_append_time else NO_TIMESTAMP, self.start_offset)
        position = segment.size
        writer = self.directory.writer
        try:
            shared = segment.hold()
        except OSError as error:
            raise self.trouble.not_opened(error) from error
        if writer.threaded:
            done = writer.write_later(shared, buffers, position)
            rewinds = self.rewinds
            self._note(segment, batches, leader_epoch)
            return done.addCallbacks(self._written, self._not_written, (result, rewinds), {}, (result, rewinds), {})
        try:
            writer.write(shared, buffers, position)
        except OSError as error:
            self._undo(segment, position, error)
        finally:
            shared.let_go()
        self._note(segment, batches, leader_epoch)
        self.written_offset = offset
        self._durability.written()
        return succeed(result)

    def _note(self, segment: LogSegment, batches: Sequence[ValidBatch], leader_epoch: int) -> None:
        """Take what is being written into account."""
        offset = self.end_offset
        self._epochs.note(leader_epoch, offset)
        interval = self.config.index_interval_bytes
        for header, data in batches:
            last_offset = offset + header.last_offset_delta
            if header.producer_id >= 0:
                self.producers.note(header, last_offset)
            segment.note(last_offset, offset, len(data), header.max_timestamp, interval)
            self.size_bytes += len(data)
            offset = last_offset + 1
        self.end_offset = offset

    def _written(self, done: object, result: AppendResult, rewinds: int) -> AppendResult:
        self._still_there(done, result, rewinds)
        self.written_offset = result.last_offset + 1
        self._durability.written()
        return result

    def replicate(self, data: bytes | memoryview) -> Deferred[int]:
        """Append what the leader sent; see :meth:`IPartitionLog.replicate`."""
        return self._follower.replicate(data)

    # -- when the disk refuses ----------------------------------------------------------------------------------------

    def _undo(self, segment: LogSegment, position: int, error: OSError) -> NoReturn:
        """A write on the reactor failed: nothing of it may stay.

        :raises KafkaError: always.
        """
        refused = self.trouble.refused(error)
        if self.trouble.failure is None:
            try:
                with segment.hold() as file:
                    file.truncate(position)
                self._durability.was_cut(segment)
            except OSError as worse:
                raise self.trouble.fail(worse) from error
        raise refused

    def _not_written(self, failure: Failure, result: AppendResult, rewinds: int) -> Deferred[AppendResult]:
        """A write in the thread failed: it and all that were queued behind it are taken back."""
        error = failure.value
        self._still_there(None, result, rewinds)
        if not isinstance(error, OSError) or not is_full(error):
            raise self.trouble.fail(error or failure)
        refused = self.trouble.refused(error)
        return self._trimmer.rewind(result.base_offset).addCallback(lambda _: fail(refused))

    def abandon_flushes(self, reason: KafkaError) -> None:
        """Nothing becomes durable any more: who waits is told so."""
        self._durability.abandon(reason)

    @property
    def failed(self) -> bool:
        """Whether the disk failed under it."""
        return self.trouble.failure is not None

    def check_failure(self) -> None:
        """Raise what :meth:`fail` left, if anything."""
        if self.trouble.failure is not None:
            raise self.trouble.failure

    # -- segments -----------------------------------------------------------------------------------------------------

    def _segment_for(self, size: int, last_offset: int, timestamp: int, now: int, internal: bool) -> LogSegment:
        config = self.config
        if size > config.segment_bytes and not internal:
            raise KafkaError(ErrorCode.RECORD_LIST_TOO_LARGE, f"{size} bytes do not fit a segment: segment.bytes is {config.segment_bytes}")
        active = self.segments[-1]
        if not active.size:
            return active
        # Kafka's rule: by the records' own time where they have one, else by the segment's age.
        if active.first_timestamp >= 0 and timestamp >= 0:
            age = timestamp - active.first_timestamp
            overdue = age > config.segment_ms - config.segment_jitter_ms and age > config.segment_ms - self._jitter(active)
        else:
            overdue = self.overdue(now)
        if overdue or not active.has_room(size, last_offset, config.segment_bytes, config.segment_index_bytes):
            return self.roll(now)
        return active

    def overdue(self, now: int) -> bool:
        """Whether the active segment is older than ``segment.ms``."""
        return now - self.active.created_ms > self.config.segment_ms - self._jitter(self.active)

    def _jitter(self, segment: LogSegment) -> int:
        """Taken off ``segment.ms``; different from log to log and segment to segment, the same at each look. As in Kafka, less than that itself."""
        span = min(self.config.segment_jitter_ms, self.config.segment_ms)
        return (self._jitter_seed + segment.base_offset * 2654435761) % span if span > 0 else 0

    def roll(self, now: int) -> LogSegment:
        """Seal the active segment and begin the next. Its index files and the producers' snapshot are written off the reactor.

        :raises KafkaError: the disk refuses; a :class:`DiskFull` while there is no room.
        """
        sealed = self.active
        segment = LogSegment(self.path, self.end_offset, self.directory.files, now)
        segment.forget_file()
        try:
            segment.hold(create=True).let_go()
        except OSError as error:
            raise self.trouble.not_opened(error) from error
        sealed.seal()
        sealed.checked_ms = now
        self._durability.names_changed()
        self.segments.append(segment)
        self.bases.append(segment.base_offset)
        self.side_files.later(self.side_files.write, [*sealed.index_files(), self._snapshot_file()])
        for observer in self.observers:
            observer.extent_sealed(self, Extent(sealed.base_offset, sealed.end_offset, sealed.generation))
            observer.extent_opened(self, Extent(segment.base_offset, None))
        return segment

    def _snapshot_file(self) -> tuple[str, bytes]:
        return os.path.join(self.path, file_name(self.end_offset, SNAPSHOT)), self.producers.snapshot()

    def drop_segments(self, gone: Sequence[LogSegment], void: bool = True) -> None:
        """Know no more of segments at either end.

        :param void: what readers hold of them is worth nothing; else it stays what it was.
        """
        for segment in gone:
            segment.forget_file()
            self.directory.watch.damaged.pop(segment.path(), None)
            if void:
                segment.void()
        self.segments = [segment for segment in self.segments if segment not in gone]
        self.bases = [segment.base_offset for segment in self.segments]
        self.size_bytes -= sum(segment.size for segment in gone)

    def recount(self) -> None:
        """A segment was cut: find the size anew, and let the next flush include its names."""
        self.size_bytes = sum(segment.size for segment in self.segments)
        self._durability.names_changed()

    def rewound_to(self, offset: int) -> None:
        """The log ends at an earlier offset from here on."""
        self.rewinds += 1
        self.end_offset = offset
        self.written_offset = min(self.written_offset, offset)
        self._durability.rewound_to(offset)
        self._epochs.end_at(offset)

    # -- what others do for it ----------------------------------------------------------------------------------------

    def flush(self) -> Deferred[int]:
        """Make it durable; see :meth:`IPartitionLog.flush`."""
        return self._durability.flush()

    def read(self, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> Deferred[ILogSlice]:
        """Read; see :meth:`IPartitionLog.read`."""
        return self._reader.read(offset, max_bytes, limit_offset, at_least_one_batch)

    def offset_for_timestamp(self, timestamp: int) -> Deferred[OffsetAndTimestamp | None]:
        """Search by time; see :meth:`IPartitionLog.offset_for_timestamp`."""
        return self._reader.offset_for_timestamp(timestamp)

    def offset_of_max_timestamp(self) -> Deferred[OffsetAndTimestamp | None]:
        """The latest record; see :meth:`IPartitionLog.offset_of_max_timestamp`."""
        return self._reader.offset_of_max_timestamp()

    def advance_start(self, offset: int) -> Deferred[None]:
        """Forget the oldest; see :meth:`IPartitionLog.advance_start`."""
        return self._trimmer.advance_start(offset)

    def truncate(self, offset: int) -> Deferred[None]:
        """Remove the newest; see :meth:`IPartitionLog.truncate`."""
        return self._trimmer.truncate(offset)

    def restart_at(self, offset: int) -> Deferred[None]:
        """Begin anew; see :meth:`IPartitionLog.restart_at`."""
        return self._trimmer.restart_at(offset)

    def apply_retention(self, now: int) -> Deferred[int]:
        """Remove what is too old or too much; see :meth:`IPartitionLog.apply_retention`."""
        return self._trimmer.apply_retention(now)

    def active_producers(self) -> Sequence[ProducerSummary]:
        """Producers; see :meth:`IPartitionLog.active_producers`."""
        return self.producers.summaries()

    # -- leader epochs ------------------------------------------------------------------------------------------------

    def end_offset_for_epoch(self, leader_epoch: int) -> tuple[int, int]:
        """Where an epoch ended; see :meth:`IPartitionLog.end_offset_for_epoch`."""
        return self._epochs.history.end_of(leader_epoch, self.end_offset)

    def epoch_for_offset(self, offset: int) -> int:
        """The epoch of an offset; see :meth:`IPartitionLog.epoch_for_offset`."""
        return self._epochs.history.epoch_of(offset)

    @deferred
    async def raise_epoch(self, leader_epoch: int) -> None:
        """Begin an epoch durably; see :meth:`IPartitionLog.raise_epoch`."""
        self.check_failure()
        self._epochs.note(leader_epoch, self.end_offset)
        try:
            await self._epochs.write_durably()
        except OSError as error:
            raise self.trouble.refused(error) from error

    def forget_epochs_before(self, offset: int) -> None:
        """The log begins at ``offset`` now."""
        self._epochs.begin_at(offset)

    @property
    def checkpoint_offset(self) -> int | None:
        """Up to where a start need not look at its batches again; None while that depends on a file that is not written yet."""
        return self.flushed_offset if self._epochs.is_written and not self.rewinding else None

    def write_progress(self) -> Deferred[None]:
        """Write what lets recovery begin at the next checkpoint; see :meth:`LogProgress.write`."""
        return self._progress.write()

    # -- now and then -------------------------------------------------------------------------------------------------

    def tick(self, write_epochs: bool = True) -> bool:
        """Do what is due: files beside the log, ``flush.ms``.

        :param write_epochs: whether the file of the leader epochs may be among them; else it is a later tick's.
        :returns: whether it is being written.
        """
        writing = write_epochs and self._epochs.is_changed and not self.failed
        if writing:
            self._epochs.write_if_changed().addErrback(self._epochs_not_written)
        self._durability.flush_if_due()
        self._trimmer.unlink_due()
        return writing

    def _epochs_not_written(self, failure: Failure) -> None:
        """It is tried again at the next tick."""
        if isinstance(failure.value, OSError):
            self.trouble.refused(failure.value)
        else:
            self._log.failure("the epochs of {partition} could not be written", failure, partition=self.topic_partition)

    def set_high_watermark(self, offset: int) -> None:
        """How far it is committed; see :meth:`IPartitionLog.set_high_watermark`."""
        self.high_watermark = offset

    def configure(self, config: LogConfig) -> None:
        """Go by another configuration; see :meth:`IPartitionLog.configure`."""
        self.config = config
        self._durability.written()

    # -- who follows it -----------------------------------------------------------------------------------------------

    def extents(self) -> Sequence[Extent]:
        """Its segments; see :meth:`IPartitionLog.extents`."""
        sealed = [Extent(segment.base_offset, segment.end_offset, segment.generation) for segment in self.segments[:-1]]
        return [*sealed, Extent(self.active.base_offset, None, self.active.generation)]

    def watch(self, observer: IExtentObserver) -> None:
        """Tell it everything; see :meth:`IPartitionLog.watch`."""
        self.observers = (*self.observers, observer)
        self.trouble.tell(observer)

    def unwatch(self, observer: IExtentObserver) -> None:
        """Stop; see :meth:`IPartitionLog.unwatch`."""
        self.observers = tuple(known for known in self.observers if known is not observer)

    def tell_deleted(self) -> None:
        """The store removed it."""
        self.handover.end(KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{self.topic_partition} was deleted"))
        for observer in self.observers:
            observer.deleted(self)

    @deferred
    async def close(self) -> None:
        """Flush and write what makes the next start quick; see :meth:`IPartitionLog.close`."""
        if self.closed:
            return
        try:
            await self.handover.settle()
            self.closed = True
            self.active.complete_times()
            await self._epochs.write_if_changed()
            await self._write_derived()
        finally:
            self.closed = True
            self.forget_files()

    async def _write_derived(self) -> None:
        """Spare the next start some reading. Where there is no room for it, the next start reads."""
        try:
            await self.side_files.run(self.side_files.write, [*self.active.index_files(), self._snapshot_file()], False)
        except OSError as error:
            if not is_full(error):
                raise
            self.trouble.refused(error)

    def forget_files(self) -> None:
        """Keep no file open."""
        for segment in self.segments:
            segment.forget_file()
            self.directory.watch.damaged.pop(segment.path(), None)
