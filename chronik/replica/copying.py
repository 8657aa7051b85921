"""Making a log the same as another one that is written, cut and deleted from meanwhile."""

from __future__ import annotations

from typing import Final

from twisted.logger import Logger
from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_EPOCH
from chronik.storage.interfaces import Extent, IExtentObserver, IPartitionLog

COPY_BYTES: Final = 1 << 20
"""How much is copied in one turn of the reactor: about a millisecond's work."""

TRIES_MAX: Final = 5
"""How often reading is tried: a log that is cut, or begins anew, cannot be read for a moment."""

_PASSING: Final = (ErrorCode.OFFSET_OUT_OF_RANGE, ErrorCode.KAFKA_STORAGE_ERROR)
"""What it may say then."""


@implementer(IExtentObserver)
class LogCopy:
    """The copy of one partition's log, as far as it is.

    :param log: the log of the partition.
    :param future: the one that is to be the same. Nobody else changes it.
    :ivar source_failed: the disk of the log failed: what is there and not in the copy cannot be had.
    :ivar near: all there was when the last step began was there when it ended.
    :ivar unflushed_bytes: how much was copied since the last :meth:`flush`.
    """

    _log = Logger()

    def __init__(self, log: IPartitionLog, future: IPartitionLog) -> None:
        self.log = log
        self.future = future
        self.source_failed = False
        self.near = False
        self.unflushed_bytes = 0
        self._cut_to: int | None = None
        self._tries = 0
        self._start: int = log.start_offset
        log.watch(self)

    def stop(self) -> None:
        """Follow the log no more."""
        self.log.unwatch(self)

    # -- one found at a start -----------------------------------------------------------------------------------------

    async def reconcile(self) -> None:
        """Take away what the log never had, or has no more: while nobody was looking it may have lost records, and got others in their place.

        As between a leader and a follower, the leader epoch of a record says whether two records at one offset are the same (KIP-101). The last batch
        is compared too, byte for byte; if it differs all the same, the copy begins anew.

        :raises KafkaError: a disk refuses.
        """
        while self.future.end_offset > self.future.start_offset:
            epoch = min(self.future.latest_epoch, self.log.latest_epoch)
            known, end = self.log.end_offset_for_epoch(epoch)
            own, own_end = self.future.end_offset_for_epoch(known)
            before = self.future.end_offset, self.future.latest_epoch
            cut = min(end, own_end if own != NO_EPOCH else end, self.future.end_offset)
            if known == self.future.latest_epoch and cut == self.future.end_offset:
                break
            if known == NO_EPOCH or cut <= self.future.start_offset:
                await self._begin_anew()
                return
            await self.future.truncate(cut)
            if before == (self.future.end_offset, self.future.latest_epoch):
                await self._begin_anew()
                return
        if not await self._ends_alike():
            self._log.warn("what was copied of {partition} is not what it has: it is copied anew", partition=self.log.topic_partition)
            await self._begin_anew()

    async def _begin_anew(self) -> None:
        await self.future.restart_at(self.log.start_offset)

    async def _ends_alike(self) -> bool:
        end = self.future.end_offset
        if end == self.future.start_offset or end <= self.log.start_offset:
            return True
        return await _batch_at(self.future, end - 1) == await _batch_at(self.log, end - 1)

    # -- copying ------------------------------------------------------------------------------------------------------

    async def step(self) -> bool:
        """Copy some more; whether the copy has all there is now, from the same start on.

        :raises KafkaError: a disk refuses, or a record cannot be read.
        """
        log, future = self.log, self.future
        if future.config is not log.config:
            future.configure(log.config)
        there = log.end_offset
        await self._follow_cuts()
        if future.end_offset < log.end_offset:
            await self._copy()
        if future.start_offset < log.start_offset <= future.end_offset:
            await future.advance_start(log.start_offset)
        self.near = self._cut_to is None and future.end_offset >= min(there, log.end_offset)
        return self._cut_to is None and (future.start_offset, future.end_offset) == (log.start_offset, log.end_offset)

    async def _follow_cuts(self) -> None:
        """Cut what was cut; begin where the log begins, if there is nothing or that is earlier."""
        log, future = self.log, self.future
        while self._cut_to is not None:
            offset, self._cut_to = self._cut_to, None
            if offset < future.end_offset:
                await (future.truncate(offset) if offset > future.start_offset else self._begin_anew())
        nothing = log.start_offset == log.end_offset
        if future.start_offset > log.start_offset or (nothing and (future.size_bytes or future.end_offset < log.end_offset)):
            await self._begin_anew()
        elif future.end_offset > log.end_offset:
            await (future.truncate(log.end_offset) if log.end_offset > future.start_offset else self._begin_anew())

    async def _copy(self) -> None:
        """The next batches. Where the log begins within a batch, the copy has all of it, and then the same start."""
        log, future = self.log, self.future
        try:
            base, data = await _batches_at(log, max(log.start_offset, future.end_offset), COPY_BYTES)
        except KafkaError as error:
            self._tries += 1
            if error.code not in _PASSING or self._tries == TRIES_MAX:
                raise
            return
        self._tries = 0
        if not data or self._cut_to is not None:
            return
        if base < future.end_offset or future.end_offset < log.start_offset:
            # What would come next was deleted before it was copied; or only a part of a batch was.
            await future.restart_at(base)
        await future.replicate(data)
        self.unflushed_bytes += len(data)

    async def flush(self) -> None:
        """Make the copy durable as far as it is.

        :raises KafkaError: the disk refuses.
        """
        self.unflushed_bytes = 0
        await self.future.flush()

    # -- what the log tells (IExtentObserver) -------------------------------------------------------------------------

    def truncated(self, log: IPartitionLog, offset: int, leader_epoch: int) -> None:
        """What is there from here on is something else."""
        self._cut_to = offset if self._cut_to is None else min(offset, self._cut_to)

    def failed(self, log: IPartitionLog, reason: BaseException) -> None:
        """The disk refused."""
        self.source_failed = True

    def flushed(self, log: IPartitionLog) -> None:
        """Nothing to do."""

    def start_advanced(self, log: IPartitionLog, offset: int) -> None:
        """The next step sees it. One that is lower than before is of a log that began anew there: what comes from there on is something else."""
        if offset < self._start:
            self.truncated(log, offset, NO_EPOCH)
        self._start = offset

    def deleted(self, log: IPartitionLog) -> None:
        """Whoever deleted it says so."""

    def extent_opened(self, log: IPartitionLog, extent: Extent) -> None:
        """Nothing to do."""

    def extent_sealed(self, log: IPartitionLog, extent: Extent) -> None:
        """Nothing to do."""

    def extent_rewritten(self, log: IPartitionLog, extent: Extent) -> None:
        """Nothing to do: what was copied is as good."""


async def _batches_at(log: IPartitionLog, offset: int, bytes_max: int) -> tuple[int, bytes]:
    """The batches from an offset on, and where the first one begins."""
    found = await log.read(offset, bytes_max, log.end_offset, True)
    try:
        return found.base_offset, found.read(0, found.size)
    finally:
        found.close()


async def _batch_at(log: IPartitionLog, offset: int) -> bytes:
    """The batch that holds an offset, empty if there is none."""
    try:
        return (await _batches_at(log, offset, 1))[1]
    except KafkaError as error:
        if error.code is ErrorCode.OFFSET_OUT_OF_RANGE:
            return b""
        raise
