"""A partition of an internal topic as a coordinator's state log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from twisted.internet.task import deferLater
from twisted.logger import Logger
from zope.interface import implementer

from chronik.coordinator.interfaces import IStateLog, StateRecord
from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.model import IsolationLevel
from chronik.record.batch import BadBatch, check_crc, whole_batches
from chronik.record.build import NewRecord, build_batch
from chronik.record.records import BadRecords, decode_records
from chronik.replica.interfaces import IPartition
from chronik.replica.partition import ALL_IN_SYNC

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

REPLAY_BYTES: Final = 256 << 10
"""How much of the log is read, and its records taken into account, in one turn of the reactor: some ten milliseconds."""


@implementer(IStateLog)
class ReplicatedStateLog:
    """State kept in a partition that this broker leads.

    :param partition: it.
    :param clock: gives the reactor its turns while a long log is read.
    """

    _log = Logger()

    def __init__(self, partition: IPartition, clock: IReactorTime) -> None:
        self._partition = partition
        self._clock = clock
        self.partition: int = partition.topic_partition.partition

    @property
    def leader_epoch(self) -> int:
        """The epoch it is led under."""
        epoch: int = self._partition.leader_epoch
        return epoch

    @deferred
    async def append(self, records: Sequence[StateRecord]) -> int:
        """Write one batch; see :meth:`IStateLog.append`."""
        batch = build_batch([NewRecord(record.key, record.value, record.timestamp) for record in records])
        result = await self._partition.append(batch, ALL_IN_SYNC, internal=True)
        last: int = result.last_offset
        return last + 1

    @deferred
    async def replay(self, apply: Callable[[StateRecord], None]) -> int:
        """Read everything; see :meth:`IStateLog.replay`."""
        offset, end = self._partition.start_offset, self._partition.end_offset
        while self._partition.high_watermark < end:
            # Only what is committed is state: on disk here, which takes a moment, and on every replica in sync, which may take longer.
            if self._partition.refusal is not None:
                raise self._partition.refusal
            await deferLater(self._clock, 0.01)
        count = 0
        while offset < end:
            try:
                result = await self._partition.read(offset, REPLAY_BYTES, IsolationLevel.READ_UNCOMMITTED, True)
            except KafkaError as error:
                offset = self._behind_damage(offset, error)
                continue
            try:
                data = result.records.read(0, result.records.size)
            finally:
                result.records.close()
            next_offset, applied = self._replay_some(data, apply)
            if next_offset <= offset:
                break
            offset = next_offset
            count += applied
            await deferLater(self._clock, 0)
        return count

    def _behind_damage(self, offset: int, error: KafkaError) -> int:
        """Where to go on when the log does not serve the rest of an extent: what is lost is told, what is left counts."""
        following: int | None = min((extent.base_offset for extent in self._partition.log.extents() if extent.base_offset > offset), default=None)
        if error.code is not ErrorCode.CORRUPT_MESSAGE or following is None:
            raise error
        what = "state of {partition} from offset {offset} on is damaged and left out up to {following}: {error}"
        self._log.error(what, partition=self._partition.topic_partition, offset=offset, following=following, error=error)
        return following

    def _replay_some(self, data: bytes, apply: Callable[[StateRecord], None]) -> tuple[int, int]:
        """Apply whole batches; the offset after them and how many records they had."""
        next_offset, count = -1, 0
        try:
            for header, batch in whole_batches(data):
                next_offset = header.last_offset + 1
                check_crc(header, batch)
                if header.is_control:
                    continue
                try:
                    records = decode_records(batch)
                except BadRecords as error:
                    self._log.error(
                        "state at offset {offset} of {partition} cannot be read and is left out: {error}",
                        offset=header.base_offset,
                        partition=self._partition.topic_partition,
                        error=error,
                    )
                    continue
                for record in records:
                    if record.key is not None:
                        apply(StateRecord(record.key, record.value, record.timestamp))
                count += len(records)
        except BadBatch as error:
            self._log.error("state of {partition} is damaged: {error}", partition=self._partition.topic_partition, error=error)
        return next_offset, count
