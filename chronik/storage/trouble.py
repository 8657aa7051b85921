"""What becomes of one log when its disk refuses, or gives back something else than was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

from chronik.errors import ErrorCode, KafkaError
from chronik.storage.disks import is_disk_failure, is_full
from chronik.storage.interfaces import DiskFull, IExtentObserver
from chronik.storage.segment import DAMAGED, DamagedRecords

if TYPE_CHECKING:
    from chronik.storage.log import SegmentLog
    from chronik.storage.segment import Damage, LogSegment, SuspectBatch


class DiskTrouble:
    """One log's disk as far as it refuses. A full one is as good as before once there is room; after anything else the log takes nothing more.

    :ivar failure: why the log takes nothing more, None while it does.
    """

    _log = Logger()

    def __init__(self, log: SegmentLog) -> None:
        self._of = log
        self.failure: KafkaError | None = None

    def refused(self, error: OSError) -> KafkaError:
        """A write was refused: what to raise."""
        if not is_full(error):
            return self.fail(error)
        self._of.directory.watch.filled(error)
        return DiskFull(f"{self._of.topic_partition} could not be written: {error.strerror or error}; free some space and send again")

    def not_opened(self, error: OSError) -> KafkaError:
        """A segment could not be opened, or made: what to raise."""
        if is_full(error) or is_disk_failure(error):
            return self.refused(error)
        return KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{self._of.topic_partition}: a segment cannot be opened: {error}")

    def beside(self, error: OSError) -> None:
        """A file beside the segments could not be written."""
        if is_full(error) or is_disk_failure(error):
            self.refused(error)

    def fail(self, reason: BaseException, synced: bool = False) -> KafkaError:
        """Take no more appends: what a disk said that failed once cannot be believed. Its directory goes offline with it, if the disk is to blame.

        :param synced: it was a sync that failed: what it was to bring to disk is lost, even where the disk was only full.
        :returns: the error to raise.
        """
        log = self._of
        if self.failure is None:
            self.failure = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the disk of {log.topic_partition} failed: {reason}")
            self._log.error("the log of {partition} in {path} failed: {reason}", partition=log.topic_partition, path=log.path, reason=reason)
            self._tell(reason)
            if is_disk_failure(reason) or (synced and is_full(reason)):
                log.directory.watch.fail(str(reason))
        return self.failure

    def go_offline(self, why: str) -> None:
        """The log's directory went offline: the same, without a word for each log."""
        log = self._of
        if self.failure is None:
            self.failure = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the log directory of {log.topic_partition} is offline: {why}")
            self._tell(self.failure)
        log.forget_files()

    # -- damage -------------------------------------------------------------------------------------------------------

    def suspect(self, found: SuspectBatch) -> None:
        """A segment could not be read as it should: it is checked soon, and sealed for that."""
        segment = found.segment
        log = self._of
        if segment is log.active and segment.size and log.end_offset == log.written_offset:
            log.roll(log.directory.now_ms())
        if segment is not log.active:
            log.directory.scrubber.suspect(log, segment, found.message)

    def quarantine(self, segment: LogSegment, damage: Damage) -> None:
        """Serve nothing of a sealed segment from the damage on; what is before and in later segments is served as ever."""
        log = self._of
        segment.damage = damage
        told = DamagedRecords(segment, damage).message
        self._log.error("{partition}: {what}. Restore the file and start the broker again", partition=log.topic_partition, what=told)
        log.directory.watch.damaged[segment.path()] = told
        # Durably, its name too: a broker that starts after a power cut must not serve it until it is noticed again.
        mark = f"{told}.\nRestore the file and start the broker again.\n".encode()
        log.side_files.later(log.directory.file_system.write_whole, segment.path(DAMAGED), mark)

    def _tell(self, reason: BaseException) -> None:
        assert self.failure is not None, "it failed"
        self._of.abandon_flushes(self.failure)
        for observer in self._of.observers:
            observer.failed(self._of, reason)

    def tell(self, observer: IExtentObserver) -> None:
        """Tell one that comes when the log has failed already, once whoever adds it is done."""
        if self.failure is not None:
            self._of.directory.clock.callLater(0, self._tell_late, observer)

    def _tell_late(self, observer: IExtentObserver) -> None:
        if self.failure is not None and observer in self._of.observers:
            observer.failed(self._of, self.failure)
