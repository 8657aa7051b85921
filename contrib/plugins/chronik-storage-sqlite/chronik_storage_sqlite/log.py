"""One partition's log: offsets, epochs and producers in memory, batches in the database.

What an append changes in memory changes at once; the transaction that has it comes later. ``flushed_offset`` follows the transactions, and readers
see no further: here a record that can be read is on disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, fail, succeed
from twisted.logger import Logger
from zope.interface import implementer

from chronik.defer import Pool, deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_TIMESTAMP, TopicId, TopicPartition
from chronik.record.batch import BatchHeader
from chronik.storage.config import LogConfig
from chronik.storage.epochs import LeaderEpochs
from chronik.storage.inspection import ValidBatch, quick_look, was_looked_at
from chronik.storage.interfaces import AppendResult, Extent, IExtentObserver, ILogSlice, IPartitionLog, OffsetAndTimestamp, ProducerSummary
from chronik.storage.producers import ProducerStates, SentBatch
from chronik.storage.retention import expired_segments
from chronik.storage.slices import EmptySlice
from chronik.storage.validation import replicated, validate
from chronik_storage_sqlite import state as rows
from chronik_storage_sqlite.extents import KeptExtent, figures
from chronik_storage_sqlite.reading import BatchSlice, Run, first_at_or_after, first_of_largest, read_run
from chronik_storage_sqlite.state import AppendBatches, LogState

if TYPE_CHECKING:
    from chronik_storage_sqlite.home import Home

T = TypeVar("T")

READ_TRIES_MAX: Final = 3
"""How often a read begins again because the log was cut back while a thread looked."""


@implementer(IPartitionLog)
class SqliteLog:
    """A log.

    :param home: the directory that holds it.
    :param log_id: its id there.
    :param state: what was found.
    :param clean: it was closed as it should be, or is new.
    :ivar rewinds: how often its end moved back.
    :ivar cuts: the offsets it was cut off at, in the order that happened.
    """

    _log = Logger()

    def __init__(
        self, home: Home, log_id: int, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, state: LogState, clean: bool
    ) -> None:
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.config = config
        self.clean = clean
        self.log_id = log_id
        self.home = home
        self.start_offset = state.start_offset
        self.end_offset = self.flushed_offset = state.end_offset
        self.first_unstable_offset: int | None = None
        self.cuts: list[int] = []
        self.closed = False
        self._extents = state.extents
        self._epochs = state.epochs
        self._producers = state.producers
        self._size_bytes = sum(extent.size for extent in state.extents)
        self._high_watermark = 0
        self._observers: tuple[IExtentObserver, ...] = ()
        self._failure: KafkaError | None = None
        self._one_at_a_time = DeferredLock()
        self._saved_start = state.start_offset
        self._start_unsaved = False
        # What a removal that was interrupted left is looked for once.
        self._garbage = True

    def __repr__(self) -> str:
        """For logs."""
        return f"<SqliteLog {self.topic_partition} {self.start_offset}..{self.end_offset}>"

    @property
    def local_start_offset(self) -> int:
        """First offset on local disks: all there is."""
        return self.start_offset

    @property
    def latest_epoch(self) -> int:
        """The newest leader epoch."""
        return self._epochs.latest

    @property
    def size_bytes(self) -> int:
        """Bytes of all batches kept."""
        return self._size_bytes

    @property
    def rewinds(self) -> int:
        """How often its end moved back."""
        return len(self.cuts)

    @property
    def offset_lag(self) -> int:
        """How far it is behind what is committed."""
        return max(0, self._high_watermark - self.end_offset)

    def _commit(self, operation: Callable[[sqlite3.Connection], Any], end_offset: int = -1, stands: bool = True) -> Deferred[Any]:
        return self.home.committer.run(operation, self, end_offset, stands)

    # -- appending ----------------------------------------------------------------------------------------------------

    def append(self, data: bytes | memoryview, leader_epoch: int, internal: bool = False, inspected: bool = False) -> Deferred[AppendResult]:
        """Append; see :meth:`IPartitionLog.append`. The Deferred fires when the batches are committed."""
        try:
            self._check_writable()
            now = self.home.now_ms()
            batches = validate(data, self.config, now, internal, was_looked_at if inspected else quick_look)
            for header, _ in batches:
                sent = self._producers.check(header) if header.producer_id >= 0 else None
                if sent is not None:
                    return self._again(sent)
            return self._write(batches, leader_epoch, now, internal)
        except KafkaError as error:
            return fail(error)

    def _check_writable(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.closed or self._one_at_a_time.locked:
            why = "its log was closed" if self.closed else "the end of its log is being taken back; send again"
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition}: {why}")

    def _again(self, sent: SentBatch) -> Deferred[AppendResult]:
        """A duplicate is answered when its original is, and like it."""
        stamp = sent.timestamp if self.config.log_append_time else NO_TIMESTAMP
        result = AppendResult(sent.base_offset, sent.last_offset, stamp, self.start_offset, duplicate=True)
        if result.last_offset < self.flushed_offset:
            return succeed(result)
        return self._commit(_nothing, stands=False).addCallback(lambda _: result)

    def _write(self, batches: Sequence[ValidBatch], leader_epoch: int, now: int, internal: bool) -> Deferred[AppendResult]:
        size = sum(len(data) for _, data in batches)
        if size > self.config.segment_bytes and not internal:
            raise KafkaError(
                ErrorCode.RECORD_LIST_TOO_LARGE, f"{size} bytes do not fit an extent: segment.bytes is {self.config.segment_bytes}"
            )
        self._roll_for(size, batches[0][0].max_timestamp, now)
        base_offset = offset = self.end_offset
        placed = []
        for header, data in batches:
            placed.append((header, offset, data))
            last_offset = offset + header.last_offset_delta
            if header.producer_id >= 0:
                self._producers.note(header, last_offset)
            self._extents[-1].note(last_offset, len(data), header.max_timestamp)
            offset = last_offset + 1
        epochs = self._epochs.entries() if self._epochs.assign(leader_epoch, base_offset) else None
        self._size_bytes += size
        self.end_offset = offset
        result = AppendResult(base_offset, offset - 1, now if self.config.log_append_time else NO_TIMESTAMP, self.start_offset)
        append = AppendBatches(self.log_id, leader_epoch, placed, epochs)
        return self._commit(append, offset, stands=False).addCallback(lambda _: result)

    def replicate(self, data: bytes | memoryview) -> Deferred[int]:
        """Append what the leader sent; see :meth:`IPartitionLog.replicate`. The Deferred fires when the batches are committed, all together."""
        try:
            self._check_writable()
            batches = replicated(data, self.end_offset, self.latest_epoch)
        except KafkaError as error:
            return fail(error)
        if not batches:
            return succeed(self.end_offset)
        now, news = self.home.now_ms(), False
        placed: list[tuple[BatchHeader, int, memoryview]] = []
        for header, batch in batches:
            if self._is_full(len(batch), header.max_timestamp, now):
                # What the sealed extent says of itself must not be on disk before its batches.
                self._insert(placed, news).addErrback(_told_elsewhere)
                placed, news = [], False
                self._roll(now)
            if header.producer_id >= 0:
                self._producers.note(header, header.last_offset)
            self._extents[-1].note(header.last_offset, len(batch), header.max_timestamp)
            news |= self._epochs.assign(header.leader_epoch, header.base_offset)
            self._size_bytes += len(batch)
            self.end_offset = header.last_offset + 1
            placed.append((header, header.base_offset, batch))
        return self._insert(placed, news)

    def _insert(self, placed: Sequence[tuple[BatchHeader, int, memoryview]], new_epochs: bool) -> Deferred[int]:
        """Commit batches of a leader, up to the present end; what is given in one turn of the reactor is one transaction."""
        end_offset = self.end_offset
        append = AppendBatches(self.log_id, None, placed, self._epochs.entries() if new_epochs else None)
        return self._commit(append, end_offset, stands=False).addCallback(lambda _: end_offset)

    def _roll_for(self, size: int, timestamp: int, now: int) -> None:
        if self._is_full(size, timestamp, now):
            self._roll(now)

    def _is_full(self, size: int, timestamp: int, now: int) -> bool:
        extent = self._extents[-1]
        return extent.size > 0 and (extent.size + size > self.config.segment_bytes or extent.overdue(self.config, timestamp, now))

    def _roll(self, now: int) -> None:
        """Seal the open extent and begin the next."""
        sealed, opened = self._extents[-1], KeptExtent(self.end_offset, now)
        sealed.sealed = True
        self._extents.append(opened)
        self._commit(rows.roll(self.log_id, figures(sealed), now)).addErrback(_told_elsewhere)
        for observer in self._observers:
            observer.extent_sealed(self, sealed.told())
            observer.extent_opened(self, opened.told())

    # -- what group commit tells --------------------------------------------------------------------------------------

    def committed(self, end_offset: int) -> None:
        """It is durable up to there; see :class:`~chronik_storage_sqlite.commits.Owner`."""
        if end_offset > self.flushed_offset and not self.closed:
            self.flushed_offset = end_offset
            for observer in self._observers:
                observer.flushed(self)

    def refusal(self, reason: BaseException) -> KafkaError:
        """What to tell who waits."""
        if self._failure is not None:
            return self._failure
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition} could not be written: {reason}; send again")

    @deferred
    async def take_back(self, reason: BaseException) -> None:
        """A transaction was refused: stand where the last one left it."""
        self._log.warn("appends to {partition} are taken back: {reason}", partition=self.topic_partition, reason=reason)
        if self._failure is None:
            await self._rewind(self.flushed_offset, None)

    def fail(self, reason: BaseException) -> None:
        """Take no more appends: what a disk said that failed once cannot be believed."""
        if self._failure is None:
            self._failure = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the disk of {self.topic_partition} failed: {reason}")
            self._log.error("the log of {partition} failed: {reason}", partition=self.topic_partition, reason=reason)
            for observer in self._observers:
                observer.failed(self, reason)

    def check_failure(self) -> None:
        """Raise what :meth:`fail` left, if anything."""
        if self._failure is not None:
            raise self._failure

    def flush(self) -> Deferred[int]:
        """Wait for the commit of what was appended; see :meth:`IPartitionLog.flush`."""
        if self._failure is not None:
            return fail(self._failure)
        if self.end_offset <= self.flushed_offset:
            return succeed(self.flushed_offset)
        return self._commit(_nothing).addCallback(lambda _: self.flushed_offset)

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> Deferred[ILogSlice]:
        """Read; see :meth:`IPartitionLog.read`."""
        if not self.start_offset <= offset <= self.end_offset:
            return fail(self._out_of_range(offset))
        if offset >= min(limit_offset, self.flushed_offset):
            return succeed(EmptySlice(offset))
        return self._read(offset, max_bytes, limit_offset, at_least_one_batch)

    @deferred
    async def _read(self, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> ILogSlice:
        for _ in range(READ_TRIES_MAX):
            rewinds = self.rewinds
            run: Run | None = await self._look(read_run, offset, max_bytes, min(limit_offset, self.flushed_offset), at_least_one_batch)
            if rewinds == self.rewinds:
                return EmptySlice(offset) if run is None else BatchSlice(self, run)
            if not self.start_offset <= offset <= self.end_offset:
                break
        raise self._out_of_range(offset)

    async def _look(self, function: Callable[..., T], *args: object) -> T:
        """Call ``function(connection, log id, *args)`` in a thread."""

        def look() -> T:
            with self.home.database.reading() as connection:
                return function(connection, self.log_id, *args)

        try:
            return await self.home.pools.run(Pool.READ, look)
        except sqlite3.Error as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self.topic_partition} cannot be read: {error}") from error

    def _out_of_range(self, offset: int) -> KafkaError:
        return KafkaError(
            ErrorCode.OFFSET_OUT_OF_RANGE, f"{self.topic_partition} has offsets {self.start_offset} to {self.end_offset}, not {offset}"
        )

    @deferred
    async def offset_for_timestamp(self, timestamp: int) -> OffsetAndTimestamp | None:
        """Search by time; see :meth:`IPartitionLog.offset_for_timestamp`."""
        late = next((extent for extent in self._extents if extent.max_timestamp >= timestamp), None)
        if late is None:
            return None
        begin = max(late.base_offset, self.start_offset)
        return await self._look(first_at_or_after, timestamp, begin, self.start_offset, self.flushed_offset)

    @deferred
    async def offset_of_max_timestamp(self) -> OffsetAndTimestamp | None:
        """The latest record; see :meth:`IPartitionLog.offset_of_max_timestamp`."""
        return await self._look(first_of_largest, self.start_offset, self.flushed_offset)

    # -- the end ------------------------------------------------------------------------------------------------------

    @deferred
    async def truncate(self, offset: int) -> None:
        """Remove the newest; see :meth:`IPartitionLog.truncate`."""
        self.check_failure()
        offset = max(offset, self.start_offset)
        if offset < self.end_offset:
            await self._rewind(offset, rows.truncate)
        elif self._epochs.truncate_from_end(self.end_offset):
            # An epoch began at the end, and got no record.
            entries = self._epochs.entries()
            await self._commit(lambda connection: rows.write_epochs(connection, self.log_id, entries))

    async def _rewind(self, offset: int, remove: Callable[..., Any] | None) -> None:
        """End the log at ``offset``, in memory at once, in the database behind all that was given before. Appends are refused meanwhile.

        :param remove: gives the operation that removes what is behind it; None where nothing of that was committed.
        """
        self._end_at(offset)
        await self._one_at_a_time.acquire()
        # Another one may have been under way, and what it found reaches further.
        self._epochs.truncate_from_end(offset)
        try:
            if remove is None:
                self._adopt(await self._look(rows.load_state))
            else:
                self._adopt(await self._commit(remove(self.log_id, offset, self._epochs.entries())))
                self.committed(self.end_offset)
        except KafkaError as error:
            # What is in memory and what is in the database may differ now.
            self.fail(error)
            raise
        finally:
            self._one_at_a_time.release()
        for observer in self._observers:
            observer.truncated(self, self.end_offset, self.latest_epoch)

    def _end_at(self, offset: int) -> None:
        """The log ends there in memory, if not before."""
        self.cuts.append(offset)
        self.end_offset = min(self.end_offset, offset)
        self.flushed_offset = min(self.flushed_offset, offset)
        self._epochs.truncate_from_end(offset)

    def _adopt(self, state: LogState) -> None:
        """Take what the database has, which may end with an earlier batch; a start that moved on meanwhile is written again."""
        end_offset = max(state.end_offset, self.start_offset)
        if end_offset < self.end_offset:
            self._end_at(end_offset)
        self._extents, self._epochs, self._producers = state.extents, state.epochs, state.producers
        if state.start_offset < self.start_offset:
            self._saved_start, self._start_unsaved = state.start_offset, True
            self._drop_extents()
        self._size_bytes = sum(extent.size for extent in self._extents)

    @deferred
    async def restart_at(self, offset: int) -> None:
        """Begin anew; see :meth:`IPartitionLog.restart_at`."""
        self.check_failure()
        self._end_at(self.start_offset)
        await self._one_at_a_time.acquire()
        start, old, now = self.start_offset, self.log_id, self.home.now_ms()
        try:
            self.log_id = await self._commit(rows.restart(old, offset, now))
            self._extents, self._epochs, self._producers = [KeptExtent(offset, now)], LeaderEpochs(), ProducerStates()
            self._size_bytes = 0
            self.start_offset = self.end_offset = self.flushed_offset = self._saved_start = offset
            self._start_unsaved = self._garbage = False
        except KafkaError as error:
            self.fail(error)
            raise
        finally:
            self._one_at_a_time.release()
        self._remove_old(old)
        for observer in self._observers:
            observer.truncated(self, start, self.latest_epoch)
            observer.start_advanced(self, offset)
            observer.extent_opened(self, self._extents[0].told())

    def _remove_old(self, log_id: int) -> None:
        """Remove what a log was before it began anew, a chunk at a time; what is left at a stop, or when the disk refuses, the next start removes."""

        def removed(all_gone: bool) -> None:
            self.home.committer.freed = True
            if not all_gone and not self.closed:
                self._remove_old(log_id)

        self._commit(rows.remove_log(log_id)).addCallbacks(removed, _told_elsewhere)

    @deferred
    async def raise_epoch(self, leader_epoch: int) -> None:
        """Begin an epoch durably; see :meth:`IPartitionLog.raise_epoch`."""
        self.check_failure()
        await self._one_at_a_time.run(_no_result)
        self._epochs.assign(leader_epoch, self.end_offset)
        entries = self._epochs.entries()
        await self._commit(lambda connection: rows.write_epochs(connection, self.log_id, entries))

    # -- the beginning ------------------------------------------------------------------------------------------------

    @deferred
    async def advance_start(self, offset: int) -> None:
        """Forget the oldest; see :meth:`IPartitionLog.advance_start`."""
        self.check_failure()
        offset = min(offset, self.end_offset)
        moves = offset > self.start_offset
        self.start_offset = max(offset, self.start_offset)
        if offset > self._saved_start:
            saved = self._save_start()
            if moves:
                self._tell_start()
            await saved

    def _save_start(self) -> Deferred[Any]:
        self._drop_extents()
        self._epochs.truncate_from_start(self.start_offset)
        self._start_unsaved = False
        operation = rows.advance(self.log_id, self.start_offset, self._extents[0].base_offset, self._epochs.entries())
        return self._commit(operation).addCallbacks(self._saved, self._not_saved, (self.start_offset, self.log_id))

    def _saved(self, done: None, start_offset: int, log_id: int) -> None:
        if log_id == self.log_id:
            self._saved_start = max(self._saved_start, start_offset)

    def _not_saved(self, failure: Any) -> Any:
        self._start_unsaved = True
        return failure

    def _drop_extents(self) -> None:
        """Extents that end at or before the start are gone; their batches are removed later, in chunks."""
        count = sum(1 for extent in self._extents[1:] if extent.base_offset <= self.start_offset)
        self._size_bytes -= sum(extent.size for extent in self._extents[:count])
        del self._extents[:count]
        self._garbage = self._garbage or count > 0

    def _tell_start(self) -> None:
        for observer in self._observers:
            observer.start_advanced(self, self.start_offset)

    def set_high_watermark(self, offset: int) -> None:
        """How far it is committed; see :meth:`IPartitionLog.set_high_watermark`."""
        self._high_watermark = offset

    def configure(self, config: LogConfig) -> None:
        """Go by another configuration; see :meth:`IPartitionLog.configure`."""
        self.config = config

    @deferred
    async def apply_retention(self, now: int) -> int:
        """Roll what is overdue, remove what is too old or too much; see :meth:`IPartitionLog.apply_retention`."""
        if self._failure is not None or self._one_at_a_time.locked:
            return 0
        if self._extents[-1].size and self._extents[-1].is_old(self.config, now):
            self._roll(now)
        expired = expired_segments(self._extents, self.config, self._high_watermark, self.size_bytes, now) if self.config.delete else ()
        if not expired:
            return 0
        if expired[-1] is self._extents[-1]:
            self._roll(now)
        self.start_offset = max(self.start_offset, expired[-1].end_offset)
        self._log.info(
            "retention removes {count} extent(s) of {partition}: it begins at offset {offset} now",
            count=len(expired),
            partition=self.topic_partition,
            offset=self.start_offset,
        )
        saved = self._save_start()
        self._tell_start()
        await saved
        return len(expired)

    # -- now and then -------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Write down a start that could not be written, and remove batches below it; called now and then."""
        if self._failure is not None or self._one_at_a_time.locked:
            return
        if self._start_unsaved:
            self._save_start().addErrback(_told_elsewhere)
        elif self._garbage:
            self._garbage = False
            self._remove_garbage()

    def _remove_garbage(self) -> None:
        operation = rows.remove_batches(self.log_id, self._extents[0].base_offset, self.start_offset)
        self._commit(operation).addCallbacks(self._removed_garbage, self._garbage_stays)

    def _removed_garbage(self, all_gone: bool) -> None:
        self.home.committer.freed = True
        if not all_gone and not self.closed:
            self._remove_garbage()

    def _garbage_stays(self, failure: Any) -> None:
        self._garbage = True

    def expire_producers(self, oldest: int) -> None:
        """Forget producers that were silent since ``oldest`` (ms)."""
        known = {producer.producer_id for producer in self._producers.summaries()}
        self._producers.expire(oldest)
        gone = known - {producer.producer_id for producer in self._producers.summaries()}
        if gone:
            self._commit(rows.forget_producers(self.log_id, gone)).addErrback(_told_elsewhere)

    # -- what it knows ------------------------------------------------------------------------------------------------

    def end_offset_for_epoch(self, leader_epoch: int) -> tuple[int, int]:
        """Where an epoch ended; see :meth:`IPartitionLog.end_offset_for_epoch`."""
        return self._epochs.end_of(leader_epoch, self.end_offset)

    def epoch_for_offset(self, offset: int) -> int:
        """The epoch of an offset; see :meth:`IPartitionLog.epoch_for_offset`."""
        return self._epochs.epoch_of(offset)

    def active_producers(self) -> Sequence[ProducerSummary]:
        """Producers; see :meth:`IPartitionLog.active_producers`."""
        return self._producers.summaries()

    def extents(self) -> Sequence[Extent]:
        """Its extents; see :meth:`IPartitionLog.extents`."""
        return [extent.told() for extent in self._extents]

    def watch(self, observer: IExtentObserver) -> None:
        """Tell it everything; see :meth:`IPartitionLog.watch`."""
        self._observers = (*self._observers, observer)
        if self._failure is not None:
            self.home.clock.callLater(0, self._tell_failed, observer)

    def _tell_failed(self, observer: IExtentObserver) -> None:
        if self._failure is not None and observer in self._observers:
            observer.failed(self, self._failure)

    def unwatch(self, observer: IExtentObserver) -> None:
        """Stop; see :meth:`IPartitionLog.unwatch`."""
        self._observers = tuple(known for known in self._observers if known is not observer)

    # -- end ----------------------------------------------------------------------------------------------------------

    def tell_deleted(self) -> None:
        """The store removed it."""
        self.closed = True
        for observer in self._observers:
            observer.deleted(self)

    @deferred
    async def close(self) -> None:
        """Commit what was appended and note that it was closed; see :meth:`IPartitionLog.close`."""
        if self.closed:
            return
        try:
            await self._one_at_a_time.run(_no_result)
            await self.flush()
            self.closed = True
            await self._commit(rows.mark(self.log_id, clean=True))
        finally:
            self.closed = True


def _nothing(connection: sqlite3.Connection) -> None:
    """Takes its place in the queue."""


def _no_result() -> None:
    """Waits for its turn."""


def _told_elsewhere(failure: Any) -> None:
    """The log itself hears of refused transactions, and takes back what it has to."""
