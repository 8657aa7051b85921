"""Taking away from a log: its oldest segments by retention and deletion, its newest records by truncation and after failed writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted.logger import Logger

from chronik.defer import FlatLock, Pool, deferred
from chronik.errors import KafkaError
from chronik.storage.interfaces import DiskFull, Extent
from chronik.storage.producers import ProducerStates
from chronik.storage.recovery import restore_producers
from chronik.storage.retention import expired_segments
from chronik.storage.segment import DAMAGED, INDEX, TIME_INDEX, LogSegment
from chronik.storage.sidefiles import remove_snapshots_after

if TYPE_CHECKING:
    from chronik.storage.durability import LogFlusher
    from chronik.storage.epochfile import EpochFile
    from chronik.storage.interfaces import IFileSystem
    from chronik.storage.log import SegmentLog


class LogTrimmer:
    """Trims one log at both ends."""

    _log = Logger()

    def __init__(self, log: SegmentLog, epochs: EpochFile, durability: LogFlusher) -> None:
        self._of = log
        self._epochs = epochs
        self._durability = durability
        self._one_at_a_time = FlatLock()
        self._deleted: list[tuple[float, list[int]]] = []
        self._durable_start = log.start_offset
        self._restarts = 0

    # -- the end ------------------------------------------------------------------------------------------------------

    @deferred
    async def truncate(self, offset: int) -> None:
        """Remove the newest; see :meth:`IPartitionLog.truncate`."""
        log = self._of
        log.rewinding += 1
        # Before anything else: who closes the log waits for this.
        await self._one_at_a_time.acquire()
        try:
            log.check_failure()
            # What is damaged cannot be cut in two.
            damaged = [s.damage.offset for s in log.segments if s.damage is not None and s.damage.offset < offset < s.end_offset]
            offset = max(min([offset, *damaged]), log.start_offset)
            shorter = offset < log.end_offset
            if shorter:
                await self._lower(offset)
                await self._forget_epochs(offset)
                # A write that failed meanwhile may have taken back more.
                end = min(offset, log.end_offset)
                log.rewound_to(end)
                await self._cut_or_fail(end, epochs_end=offset)
            elif self._epochs.has_from(log.end_offset):
                # One began at the end of the log, and got no record.
                await self._forget_epochs(log.end_offset)
        finally:
            log.rewinding -= 1
            self._one_at_a_time.release()
        if shorter:
            self._tell_truncated()

    async def _forget_epochs(self, offset: int) -> None:
        """No epoch begins at or above an offset any more, on disk either; a disk that has no room for that keeps them all.

        :raises KafkaError: the disk refuses.
        """
        log, before = self._of, self._epochs.history.entries()
        log.check_failure()
        rewinds = log.rewinds
        try:
            await self._epochs.end_durably_at(offset)
        except OSError as error:
            self._epochs.adopt(before)
            if log.rewinds != rewinds:
                self._epochs.end_at(log.end_offset)
            raise log.trouble.refused(error) from error

    async def _lower(self, offset: int) -> None:
        """The recovery point goes first: a disk that has no room for that keeps the log as it is.

        :raises KafkaError: the disk refuses.
        """
        log = self._of
        try:
            await log.directory.pools.run(Pool.BACKGROUND, log.directory.checkpoints.lower, log.topic_partition, offset)
        except OSError as error:
            raise log.trouble.refused(error) from error

    @deferred
    async def rewind(self, offset: int) -> None:
        """End the log at ``offset``, in memory at once, on disk behind all writes given before. Appends are refused meanwhile.

        What the file of epochs has from there on stays, for the same epoch goes on. A disk that refuses fails the log.
        """
        log = self._of
        log.rewinding += 1
        # Who waits for a flush is told in the next line, and has to wait for this if that was to close the log.
        turn = self._one_at_a_time.acquire()
        log.rewound_to(offset)
        await turn
        try:
            if log.end_offset == offset:
                await self._cut_or_fail(offset)
        finally:
            log.rewinding -= 1
            self._one_at_a_time.release()
        self._tell_truncated()

    async def _cut_or_fail(self, offset: int, epochs_end: int | None = None) -> None:
        """Cut what is on disk.

        :param epochs_end: the file of epochs has nothing from there on, and must have nothing from the new end on; None where it may.
        """
        try:
            await self._cut(offset, epochs_end)
        except (OSError, KafkaError) as error:
            self._of.trouble.fail(error)

    def _tell_truncated(self) -> None:
        log = self._of
        log.check_failure()
        for observer in log.observers:
            observer.truncated(log, log.end_offset, log.latest_epoch)

    async def _cut(self, offset: int, epochs_end: int | None) -> None:
        log = self._of
        directory = log.directory
        target = next(segment for segment in reversed(log.segments) if segment.base_offset <= offset or segment is log.segments[0])
        position, end = await directory.writer.run(_cut_point, target, offset)
        if end < log.start_offset:
            # The first batch that is left begins before the start.
            await self._note_anew()
            await self._replace_all(log.start_offset)
            return
        if end < log.end_offset:
            log.rewound_to(end)
        offset = end
        await directory.pools.run(Pool.BACKGROUND, directory.checkpoints.lower, log.topic_partition, offset)
        if epochs_end is not None and offset < epochs_end:
            await self._epochs.end_durably_at(offset)
        # A snapshot of what is cut off, which is still to be written, must not come after this.
        await log.side_files.run(_nothing)
        gone = [segment for segment in log.segments if segment.base_offset > target.base_offset]
        log.drop_segments(gone)
        target.cut(position, offset)
        if target.damage is None:
            directory.watch.damaged.pop(target.path(), None)
        log.recount()
        await directory.writer.run(self._cut_files, target, position, [segment.base_offset for segment in gone], offset)
        self._unlink_when_due(gone)
        log.producers = await directory.pools.run(Pool.READ, self._remembered, target, offset)

    def _cut_files(self, target: LogSegment, position: int, gone: Sequence[int], offset: int) -> None:
        """In the writer's thread. It lasts when this returns.

        Whole segments go first, the last one first of all: wherever a crash interrupts this, what is left has no hole.
        """
        log = self._of
        file_system = log.directory.file_system
        log.side_files.put_aside(gone[::-1])
        remove_snapshots_after(file_system, log.path, offset)
        _unlink_indexes(file_system, target)
        file_system.sync_directory(log.path)
        with target.hold() as file:
            file.truncate(position)
            file.fdatasync()
        if target.damage is None:
            file_system.unlink(target.path(DAMAGED))

    def _remembered(self, target: LogSegment, offset: int) -> ProducerStates:
        """In a thread: what the batches that are left say of times and producers."""
        log = self._of
        target.restore_times()
        producers = ProducerStates()
        restore_producers(log.directory.file_system, log.path, log.segments, producers, offset)
        return producers

    # -- all of it ----------------------------------------------------------------------------------------------------

    @deferred
    async def restart_at(self, offset: int) -> None:
        """Begin anew; see :meth:`IPartitionLog.restart_at`."""
        log = self._of
        log.check_failure()
        log.rewinding += 1
        await self._one_at_a_time.acquire()
        try:
            log.check_failure()
            await self._note_anew()
            start = log.start_offset
            log.rewound_to(start)
            await self._replace_all(offset)
        except OSError as error:
            log.trouble.fail(error)
        finally:
            log.rewinding -= 1
            self._one_at_a_time.release()
        log.check_failure()
        for observer in log.observers:
            observer.truncated(log, start, log.latest_epoch)
            observer.start_advanced(log, log.start_offset)
            observer.extent_opened(log, Extent(log.active.base_offset, None))

    async def _note_anew(self) -> None:
        """What must be on disk before a log begins anew. A disk that has no room for that keeps the log as it is.

        The recovery point goes first: from then on a start believes what it finds. Epochs and snapshots go before the new segment comes. The start
        that is noted stays until the old segments are gone, for it hides what is in them.

        :raises KafkaError: the disk refuses.
        """
        log = self._of
        try:
            await log.directory.starts.write(log.topic_partition, log.start_offset)
        except OSError as error:
            raise log.trouble.refused(error) from error
        await self._lower(0)
        # This is also behind all that was to be written beside the segments.
        await self._forget_epochs(0)

    async def _replace_all(self, offset: int) -> None:
        """Remove all there is, and begin at an offset."""
        log = self._of
        directory = log.directory
        old = log.segments
        segment = LogSegment(log.path, offset, directory.files, directory.now_ms())
        log.drop_segments(old)
        log.segments, log.bases = [segment], [offset]
        await directory.writer.run(self._replace_files, [each.base_offset for each in old], segment)
        self._unlink_when_due(old)
        self._begun_at(offset)
        changes = directory.checkpoints.changes
        if not log.closed:
            await directory.pools.run(Pool.BACKGROUND, directory.checkpoints.begin_at, log.topic_partition, offset, changes)

    def _begun_at(self, offset: int) -> None:
        """The log is empty and begins there, on disk too."""
        log = self._of
        log.start_offset = log.end_offset = log.written_offset = offset
        log.producers = ProducerStates()
        self._epochs.end_at(0)
        self._durability.begun_at(offset)
        self._restarts += 1
        self._durable_start = offset

    def _replace_files(self, old: Sequence[int], segment: LogSegment) -> None:
        """In the writer's thread. It lasts when this returns.

        Between the two syncs there is no segment at all: a start makes one where the log began, as if it had been truncated there.
        """
        log = self._of
        file_system = log.directory.file_system
        log.side_files.put_aside(old[::-1])
        remove_snapshots_after(file_system, log.path, -1)
        file_system.sync_directory(log.path)
        segment.forget_file()
        segment.hold(create=True).let_go()
        file_system.sync_directory(log.path)

    @deferred
    async def settled(self) -> None:
        """Fires when no truncation is under way."""
        await self._one_at_a_time.run(lambda: None)

    # -- the beginning ------------------------------------------------------------------------------------------------

    @deferred
    async def advance_start(self, offset: int) -> None:
        """Forget the oldest; see :meth:`IPartitionLog.advance_start`."""
        log = self._of
        log.check_failure()
        offset = min(offset, log.end_offset)
        if offset > log.start_offset:
            log.start_offset = offset
            self._remove_unreachable()
            self._tell_start()
        if offset > self._durable_start:
            await self._make_start_durable(offset)

    async def _make_start_durable(self, offset: int) -> None:
        """The records below go first, else a crash could leave a log that ends before its start."""
        log = self._of
        if offset > log.flushed_offset:
            await log.flush()
        if offset > log.start_offset:
            return  # it began anew meanwhile, and before that
        restarts = self._restarts
        try:
            await log.directory.starts.write(log.topic_partition, offset)
        except OSError as error:
            raise log.trouble.refused(error) from error
        if restarts == self._restarts:
            self._durable_start = max(self._durable_start, offset)

    @deferred
    async def apply_retention(self, now: int) -> int:
        """Roll what is overdue, remove what is too old or too much; see :meth:`IPartitionLog.apply_retention`."""
        log = self._of
        if log.failed or log.rewinding:
            return 0
        if log.active.size and log.overdue(now):
            self._roll(now)
        if not log.config.delete:
            return 0
        expired = expired_segments(log.segments, log.config, log.high_watermark, log.size_bytes, now)
        if expired and expired[-1] is log.active and not self._roll(now):
            expired = expired[:-1]
        if not expired:
            return 0
        log.start_offset = max(log.start_offset, expired[-1].end_offset)
        self._log.info(
            "retention removes {count} segment(s) of {partition}: it begins at offset {offset} now",
            count=len(expired),
            partition=log.topic_partition,
            offset=log.start_offset,
        )
        self._remove_unreachable()
        self._tell_start()
        return len(expired)

    def _roll(self, now: int) -> bool:
        """Begin a new segment, if nothing still waits to be written and there is room: what may go must go on a full disk too."""
        log = self._of
        if log.end_offset != log.written_offset:
            return False
        try:
            log.roll(now)
        except DiskFull:
            return False
        return True

    def _remove_unreachable(self) -> None:
        """Remove segments that end at or before the start."""
        log = self._of
        count = sum(1 for base in log.bases[1:] if base <= log.start_offset)
        gone = log.segments[:count]
        log.drop_segments(gone, void=False)
        log.forget_epochs_before(log.start_offset)
        if gone:
            log.side_files.later(log.side_files.put_aside, [segment.base_offset for segment in gone])
            self._unlink_when_due(gone)

    def _tell_start(self) -> None:
        for observer in self._of.observers:
            observer.start_advanced(self._of, self._of.start_offset)

    # -- files --------------------------------------------------------------------------------------------------------

    def _unlink_when_due(self, gone: Sequence[LogSegment]) -> None:
        if gone:
            log = self._of
            due = log.directory.clock.seconds() + log.config.file_delete_delay_ms / 1000
            self._deleted.append((due, [segment.base_offset for segment in gone]))

    def unlink_due(self) -> None:
        """Remove files of removed segments whose ``file.delete.delay.ms`` is over; called now and then."""
        if self._deleted:
            now = self._of.directory.clock.seconds()
            due = [base for when, bases in self._deleted if when <= now for base in bases]
            self._deleted = [entry for entry in self._deleted if entry[0] > now]
            if due:
                self._of.side_files.later(self._of.side_files.unlink_deleted, due)



def _unlink_indexes(file_system: IFileSystem, segment: LogSegment) -> None:
    """Those of a segment that is cut say where batches were."""
    for extension in (INDEX, TIME_INDEX):
        file_system.unlink(segment.path(extension))


def _nothing() -> None:
    """Waits for its turn."""


def _cut_point(segment: LogSegment, offset: int) -> tuple[int, int]:
    """In a thread: where a segment is to end so that it ends before ``offset``: its position there, and the offset it ends at then."""
    if segment.damage is not None and offset == segment.damage.offset:
        return segment.damage.position, offset
    return segment.cut_point(offset)
