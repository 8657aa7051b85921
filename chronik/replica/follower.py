"""A partition that this broker follows: what it asks its leader for, and what it does with the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from twisted.logger import Logger
from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_EPOCH, TopicId, TopicPartition
from chronik.protocol.messages import FetchRequest, FetchResponse
from chronik.record.batch import HEADER_BYTES, parse_header
from chronik.storage.interfaces import Extent, IExtentObserver, IPartitionLog

Answer: TypeAlias = FetchResponse.PartitionData


@implementer(IExtentObserver)
class Follower:
    """One partition that another broker leads.

    What it asks for is also what it reports: it has everything below, on disk unless the topic trusts the page cache. So it flushes between two
    fetches. Where its log differs from the leader's, the leader's is right (KIP-101, KIP-595).

    :param log: its log, open.
    :param leader: broker id, and ``leader_epoch`` the epoch it leads under.
    :param disk_failed: called, with this follower and the reason, when its disk failed.
    :ivar high_watermark: how far the partition is committed, as far as is known here.
    :ivar stopped: it is followed no more, or its disk failed.
    """

    _log = Logger()

    def __init__(
        self,
        log: IPartitionLog,
        leader: int,
        leader_epoch: int,
        high_watermark: int = 0,
        disk_failed: Callable[[Follower, BaseException], None] | None = None,
    ) -> None:
        self.log = log
        self.topic_partition: TopicPartition = log.topic_partition
        self.topic_id: TopicId = log.topic_id
        self.leader = leader
        self.leader_epoch = leader_epoch
        self.high_watermark = max(log.start_offset, min(high_watermark, log.end_offset))
        self._disk_failed = disk_failed
        self.stopped = False
        self._changing = 0
        self._idle: list[Callable[[], None]] = []
        log.watch(self)

    def __repr__(self) -> str:
        """For logs."""
        return f"<Follower {self.topic_partition} of broker {self.leader}, epoch {self.leader_epoch}>"

    def stop(self) -> None:
        """Follow no more: answers that come now change nothing."""
        self.stopped = True
        self.log.unwatch(self)

    def when_idle(self, call: Callable[[], None]) -> None:
        """Call once nothing is being done to the log any more: whoever leads it next must not have it cut under its feet."""
        if self._changing:
            self._idle.append(call)
        else:
            call()

    # -- asking -------------------------------------------------------------------------------------------------------

    async def make_safe(self) -> None:
        """Let what the log has count: before each fetch, for a fetch reports it.

        :raises KafkaError: ``KAFKA_STORAGE_ERROR``.
        """
        if not self.log.config.write_caching and self.log.flushed_offset < self.log.end_offset:
            await self.log.flush()

    def wanted(self, max_bytes: int) -> FetchRequest.FetchPartition:
        """What to ask for next."""
        return FetchRequest.FetchPartition(
            partition=self.topic_partition.partition,
            current_leader_epoch=self.leader_epoch,
            fetch_offset=self.log.end_offset,
            last_fetched_epoch=self.log.latest_epoch,
            log_start_offset=self.log.start_offset,
            partition_max_bytes=max_bytes,
        )

    # -- what comes back ----------------------------------------------------------------------------------------------

    async def take(self, answer: Answer) -> None:
        """Do what the leader's answer says; the log may have been stopped or changed roles since it was asked.

        :raises KafkaError: what the leader answered, or what the own disk did.
        """
        if self.stopped:
            return
        self._changing += 1
        try:
            await self._take(answer)
        finally:
            self._changing -= 1
            if not self._changing:
                idle, self._idle = self._idle, []
                for call in idle:
                    call()

    async def _take(self, answer: Answer) -> None:
        if answer.error_code == ErrorCode.OFFSET_OUT_OF_RANGE and answer.log_start_offset >= 0:
            await self._begin_anew(answer.log_start_offset)
        elif answer.error_code != ErrorCode.NONE:
            raise KafkaError(ErrorCode(answer.error_code), f"the leader of {self.topic_partition}, broker {self.leader}, refuses")
        elif answer.diverging_epoch.epoch != NO_EPOCH:
            await self._cut(answer.diverging_epoch.epoch, answer.diverging_epoch.end_offset)
        else:
            await self._append(answer)

    async def _begin_anew(self, offset: int) -> None:
        """The leader has removed what would come next here, or never had what is here: both logs have nothing in common."""
        self._log.warn(
            "{partition} begins anew at offset {offset}: the leader has nothing at {end}", partition=self.topic_partition, offset=offset,
            end=self.log.end_offset,
        )
        await self.log.restart_at(offset)
        self.high_watermark = offset

    async def _cut(self, epoch: int, end_offset: int) -> None:
        """What is here was never committed: it goes, back to where both logs are of one epoch; the next answer tells whether that was enough."""
        own_epoch, own_end = self.log.end_offset_for_epoch(epoch)
        offset = end_offset if own_epoch == NO_EPOCH else min(own_end, end_offset)
        offset = max(min(offset, self.log.end_offset), self.log.start_offset)
        self._log.info(
            "{partition} is cut from {end} to {offset}: the leader's epoch {epoch} ended at {theirs}", partition=self.topic_partition,
            end=self.log.end_offset, offset=offset, epoch=epoch, theirs=end_offset,
        )
        if offset < self.high_watermark:
            self._log.warn("{partition} loses what was committed up to {offset}", partition=self.topic_partition, offset=self.high_watermark)
            self.high_watermark = offset
        await self.log.truncate(offset)

    async def _begin_with(self, records: bytes | memoryview) -> None:
        """A log of which the leader has nothing any more begins where the first batch does: the leader's start may be inside of it.

        What is here below that start need not be what the leader had there, which cannot tell it any more: its epochs begin at its start.
        """
        base_offset = parse_header(records).base_offset if len(records) >= HEADER_BYTES else self.log.end_offset
        if base_offset < self.log.end_offset:
            await self.log.restart_at(base_offset)

    async def _append(self, answer: Answer) -> None:
        records: Any = answer.records
        end_offset = self.log.end_offset
        if records and (self.log.start_offset == end_offset or answer.log_start_offset >= end_offset):
            await self._begin_with(records)
        if records:
            end_offset = await self.log.replicate(records)
        if self.stopped:
            return
        self.high_watermark = max(self.high_watermark, min(answer.high_watermark, end_offset))
        self.log.set_high_watermark(self.high_watermark)
        start = min(answer.log_start_offset, self.high_watermark)
        if start > self.log.start_offset:
            # Waited for: the next fetch says where this log begins, and that must hold after a crash too.
            await self.log.advance_start(start)

    # -- what the log tells (IExtentObserver) -------------------------------------------------------------------------

    def failed(self, log: IPartitionLog, reason: BaseException) -> None:
        """The disk refused: nothing more can be taken."""
        self.stopped = True
        if self._disk_failed is not None:
            self._disk_failed(self, reason)

    def flushed(self, log: IPartitionLog) -> None:
        """Nothing to do."""

    def start_advanced(self, log: IPartitionLog, offset: int) -> None:
        """Nothing to do."""

    def deleted(self, log: IPartitionLog) -> None:
        """It is no more."""
        self.stopped = True

    def extent_opened(self, log: IPartitionLog, extent: Extent) -> None:
        """Nothing to do."""

    def extent_sealed(self, log: IPartitionLog, extent: Extent) -> None:
        """Nothing to do."""

    def extent_rewritten(self, log: IPartitionLog, extent: Extent) -> None:
        """Nothing to do."""

    def truncated(self, log: IPartitionLog, offset: int, leader_epoch: int) -> None:
        """Nothing to do: it was asked for here."""
