"""What a log does when another one takes its place, or when it takes another one's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chronik.errors import ErrorCode, KafkaError
from chronik.storage.producers import ProducerStates

if TYPE_CHECKING:
    from chronik.storage.epochfile import EpochFile
    from chronik.storage.log import SegmentLog
    from chronik.storage.trimming import LogTrimmer


class LogHandover:
    """One log's part in moves between directories.

    :ivar future: it is to take another one's place: what it keeps, and for how long, that one decides.
    """

    def __init__(self, log: SegmentLog, epochs: EpochFile, trimmer: LogTrimmer) -> None:
        self._of = log
        self._epochs = epochs
        self._trimmer = trimmer
        self.future = False

    def freeze(self) -> None:
        """Take no appends, and let retention remove nothing, until :meth:`thaw`: another log is about to take its place."""
        self._of.rewinding += 1

    async def settle(self) -> None:
        """Wait until no truncation is under way, and all that was appended is on disk.

        :raises KafkaError: ``KAFKA_STORAGE_ERROR``.
        """
        await self._trimmer.settled()
        await self._of.flush()
        # A write that failed meanwhile is taken back.
        await self._trimmer.settled()
        self._of.check_failure()

    def thaw(self) -> None:
        """Go on."""
        self._of.rewinding -= 1

    def adopt(self, other: SegmentLog) -> None:
        """What is known beside the records of another log that has the same ones: epochs that got none, and producers whose records are gone."""
        log = self._of
        log.config = other.config
        self._epochs.adopt(other.handover.epochs())
        log.producers = ProducerStates()
        log.producers.restore(other.producers.snapshot(), log.end_offset)

    def epochs(self) -> list[tuple[int, int]]:
        """``(epoch, start offset)``, oldest first."""
        return self._epochs.history.entries()

    async def rest(self) -> None:
        """After its :meth:`end`: wait until nothing touches files by the names that another log may have next."""
        await self._trimmer.settled()
        await self._of.side_files.settled()

    def end(self, reason: KafkaError | None = None) -> None:
        """It is not the partition's log any more, or will never be: nothing is done with its files. Nobody is told.

        :param reason: what who waits for a flush is told.
        """
        log = self._of
        log.closed = True
        log.side_files.abandon()
        log.abandon_flushes(reason or KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, f"{log.topic_partition} is in another directory"))
        log.forget_files()
