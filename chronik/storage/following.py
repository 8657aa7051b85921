"""What a follower does with its log that no leader does: append batches as the leader sent them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from twisted.internet.defer import Deferred, DeferredList, fail, succeed
from twisted.python.failure import Failure

from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_TIMESTAMP
from chronik.record.batch import BatchHeader
from chronik.storage.checkpoints import OFFSET_GAPS
from chronik.storage.inspection import ValidBatch
from chronik.storage.interfaces import AppendResult
from chronik.storage.segment import POSITION_MAX, RELATIVE_OFFSET_MAX, LogSegment
from chronik.storage.validation import replicated

if TYPE_CHECKING:
    from chronik.storage.durability import LogFlusher
    from chronik.storage.epochfile import EpochFile
    from chronik.storage.log import SegmentLog
    from chronik.storage.trimming import LogTrimmer


class WriteSteps(NamedTuple):
    """What the log does for every write, whoever gives it.

    :ivar unwritable: why nothing can be appended, when that is so.
    :ivar segment_for: where a batch goes, by ``(bytes, last offset, timestamp, now, whether any size will do)``; rolls.
    :ivar written: a write was done; takes what it gave, the answer, and how often the log had been cut back.
    :ivar not_written: a write in the thread failed; the same.
    :ivar undo: a write on the reactor failed; takes the segment, the position, and why. Always raises.
    """

    unwritable: Callable[[], KafkaError]
    segment_for: Callable[[int, int, int, int, bool], LogSegment]
    written: Callable[[object, AppendResult, int], AppendResult]
    not_written: Callable[[Failure, AppendResult, int], Deferred[AppendResult]]
    undo: Callable[[LogSegment, int, OSError], NoReturn]


class LogFollower:
    """Replicates into one log."""

    def __init__(self, log: SegmentLog, epochs: EpochFile, durability: LogFlusher, trimmer: LogTrimmer, steps: WriteSteps) -> None:
        self._of = log
        self._epochs = epochs
        self._durability = durability
        self._trimmer = trimmer
        self._steps = steps
        self._gaps_noted = False

    def replicate(self, data: bytes | memoryview) -> Deferred[int]:
        """Append what the leader sent; see :meth:`IPartitionLog.replicate`."""
        log = self._of
        first = log.end_offset
        writes: list[Deferred[AppendResult]] = []
        try:
            if log.failed or log.closed or log.rewinding:
                raise self._steps.unwritable()
            batches = replicated(data, first, log.latest_epoch)
            now, begin, view = log.directory.now_ms(), 0, memoryview(data)
            while batches:
                segment, run = self._run_of(batches, now)
                size = sum(len(batch) for _, batch in run)
                writes.append(self._write_run(segment, view[begin : begin + size], run, first))
                begin += size
                del batches[: len(run)]
        except KafkaError as error:
            return self._take_back_runs(error, writes, first)
        return DeferredList(writes, consumeErrors=True).addCallback(_first_failure, log.end_offset)

    def _run_of(self, batches: Sequence[ValidBatch], now: int) -> tuple[LogSegment, Sequence[ValidBatch]]:
        """As many of the batches as go into one segment, and which."""
        log = self._of
        header, batch = batches[0]
        segment = self._steps.segment_for(len(batch), header.last_offset, header.max_timestamp, now, True)
        if header.last_offset - segment.base_offset > RELATIVE_OFFSET_MAX:
            why = f"offset {header.last_offset} is too far behind offset {segment.base_offset} to be kept in its segment"
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{log.topic_partition}: {why}")
        size, expected = 0, log.end_offset
        began = header.max_timestamp if segment.first_timestamp < 0 else segment.first_timestamp
        for number, (header, batch) in enumerate(batches):
            if number and not self._joins(segment, size + len(batch), header, began):
                return segment, batches[:number]
            if header.base_offset != expected:
                self._note_gaps()
            size += len(batch)
            expected = header.last_offset + 1
        return segment, batches

    def _joins(self, segment: LogSegment, size: int, header: BatchHeader, began: int) -> bool:
        """Whether a batch goes into the segment of those before it in the same run.

        :param size: bytes of the run with this batch.
        :param began: the segment's first timestamp.
        """
        log = self._of
        config = log.config
        overdue = 0 <= began < header.max_timestamp - config.segment_ms
        return (
            not overdue
            and segment.size + size <= min(config.segment_bytes, POSITION_MAX)
            and segment.has_room(size, header.last_offset, config.segment_bytes, config.segment_index_bytes)
            and header.last_offset - segment.base_offset <= RELATIVE_OFFSET_MAX
        )

    def _write_run(self, segment: LogSegment, data: memoryview, run: Sequence[ValidBatch], first: int) -> Deferred[AppendResult]:
        """Write batches that go into one segment.

        :param first: where the log ended before this and the runs that belong to it.
        """
        log = self._of
        result = AppendResult(first, run[-1][0].last_offset, NO_TIMESTAMP, log.start_offset)
        position, writer = segment.size, log.directory.writer
        try:
            shared = segment.hold()
        except OSError as error:
            raise KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{segment.path()} cannot be opened: {error}") from error
        if writer.threaded:
            done = writer.write_later(shared, (data,), position)
            rewinds = log.rewinds
            self._note_run(segment, run)
            return done.addCallbacks(self._steps.written, self._steps.not_written, (result, rewinds), {}, (result, rewinds), {})
        try:
            writer.write(shared, (data,), position)
        except OSError as error:
            self._steps.undo(segment, position, error)
        finally:
            shared.let_go()
        self._note_run(segment, run)
        return succeed(self._steps.written(None, result, log.rewinds))

    def _note_run(self, segment: LogSegment, run: Sequence[ValidBatch]) -> None:
        """Take what is being written into account."""
        log = self._of
        interval = log.config.index_interval_bytes
        for header, batch in run:
            last_offset = header.last_offset
            self._epochs.note(header.leader_epoch, header.base_offset)
            if header.producer_id >= 0:
                log.producers.note(header, last_offset)
            segment.note(last_offset, header.base_offset, len(batch), header.max_timestamp, interval)
            log.size_bytes += len(batch)
            log.end_offset = last_offset + 1

    def _note_gaps(self) -> None:
        """Offsets are missing before what is being written: recovery must not take that for damage. The next flush makes the file's name durable.

        :raises KafkaError: the disk refuses.
        """
        log = self._of
        if not self._gaps_noted:
            try:
                log.directory.file_system.open(os.path.join(log.path, OFFSET_GAPS), create=True).close()
            except OSError as error:
                raise log.trouble.refused(error) from error
            self._gaps_noted = True
            self._durability.names_changed()

    def _take_back_runs(self, error: KafkaError, writes: Sequence[Deferred[AppendResult]], first: int) -> Deferred[int]:
        """Some of the runs could not be written: none of them stays."""
        log = self._of
        for write in writes:
            write.addErrback(lambda _: None)
        if log.failed or log.end_offset == first:
            return fail(error)
        return self._trimmer.rewind(first).addCallback(lambda _: fail(error))


def _first_failure(results: list[tuple[bool, Any]], end_offset: int) -> int:
    """What became of several writes: the end offset behind them, or the failure of the first that failed."""
    for ok, failure in results:
        if not ok:
            failure.raiseException()
    return end_offset
