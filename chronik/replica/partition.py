"""A partition that this broker leads: its log, its epoch, its high watermark."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import PartitionState
from chronik.model import IsolationLevel, TopicId, TopicPartition
from chronik.replica.appends import DeferredAppend
from chronik.replica.followers import Followers, Leading
from chronik.replica.inspection import BatchInspector, InspectedAppends, WaitingAppend
from chronik.replica.interfaces import Diverged, FollowerFetch, ICommitListener, IPartition, IPendingAppend, ReadResult
from chronik.replica.watermark import HighWatermark
from chronik.storage.interfaces import AppendResult, Extent, IExtentObserver, InspectionNeeded, IPartitionLog, OffsetAndTimestamp

LATEST_TIMESTAMP = -1
EARLIEST_TIMESTAMP = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL_TIMESTAMP = -4
LATEST_TIERED_TIMESTAMP = -5
EARLIEST_PENDING_UPLOAD_TIMESTAMP = -6

TO_HIGH_WATERMARK = -1
"""As an offset in DeleteRecords: everything that is committed."""

ALL_IN_SYNC = -1
"""``acks`` of a producer that waits for every in-sync replica."""


@implementer(IPartition, IExtentObserver)
class Partition:
    """One partition led here.

    The high watermark follows what every in-sync replica has made safe: the flushed offset, or the written one where
    ``write.caching`` trusts the page cache. This broker is one of those replicas, by the same rule as any other.

    Where there are others, nothing can be read before what was there when it began to lead is committed: an earlier leader may have shown that
    much, and readers must never see the high watermark go back.

    :param log: its log, open.
    :param state: what the image says of it.
    :param inspector: looks into batches where that may take long.
    :param min_insync_replicas: how many must be in sync for an append with ``acks=all``.
    :param leading: what is needed to lead others; None where there are never any.
    :param high_watermark: what it heard of an earlier leader.
    :param disk_failed: called, with the partition and the error that it answers from then on, when its disk failed.
    """

    _log = Logger()

    def __init__(
        self,
        log: IPartitionLog,
        state: PartitionState,
        inspector: BatchInspector,
        min_insync_replicas: int = 1,
        leading: Leading | None = None,
        high_watermark: int = 0,
        disk_failed: Callable[[Partition, KafkaError], None] | None = None,
    ) -> None:
        self.log = log
        self._disk_failed = disk_failed
        self.topic_partition: TopicPartition = log.topic_partition
        self.topic_id: TopicId = log.topic_id
        self._leading = leading
        self._followers: Followers | None = None
        self._error: KafkaError | None = None
        # Where appends go that cannot be made at once; None as nearly always.
        self._detour: Callable[[WaitingAppend], None] | None = None
        self._inspector = inspector
        self._inspected: InspectedAppends | None = None
        self._listeners: dict[ICommitListener, None] = {}
        self._append_listeners: dict[ICommitListener, None] = {}
        self._written = log.end_offset
        self._watermark = HighWatermark(max(log.start_offset, min(high_watermark, log.end_offset)))
        self._follow(state, min_insync_replicas)
        self._readable_from = self._written if self._followers is not None else 0
        self._watermark.advance(self._committed_offset())
        log.set_high_watermark(self._watermark.offset)
        log.watch(self)

    def __repr__(self) -> str:
        """Name, epoch and offsets, for logs."""
        return f"<Partition {self.topic_partition} epoch {self.leader_epoch} high watermark {self.high_watermark} end {self.end_offset}>"

    # -- where it stands ---------------------------------------------------------------------------------------------

    @property
    def leader_epoch(self) -> int:
        """The epoch it leads under."""
        return self._leader_epoch

    @property
    def start_offset(self) -> int:
        """First offset there is."""
        start: int = self.log.start_offset
        return start

    @property
    def end_offset(self) -> int:
        """One past the last appended offset."""
        end: int = self.log.end_offset
        return end

    @property
    def written_offset(self) -> int:
        """One past the last offset that is written."""
        written: int = self._written
        return written

    @property
    def high_watermark(self) -> int:
        """One past the last committed offset."""
        return self._watermark.offset

    @property
    def last_stable_offset(self) -> int:
        """What read_committed readers see no further than."""
        unstable: int | None = self.log.first_unstable_offset
        return self._watermark.offset if unstable is None else min(unstable, self._watermark.offset)

    @property
    def refusal(self) -> KafkaError | None:
        """Why it takes no requests any more."""
        return self._error

    @property
    def is_changing(self) -> bool:
        """Whether who is in sync is being changed, and nobody knows yet what came of it."""
        return self._followers is not None and self._followers.is_changing

    def check_epoch(self, current_leader_epoch: int) -> None:
        """Compare the epoch a client believes in (KIP-320); see :meth:`IPartition.check_epoch`."""
        if current_leader_epoch < 0 or current_leader_epoch == self.leader_epoch:
            return
        code = ErrorCode.FENCED_LEADER_EPOCH if current_leader_epoch < self.leader_epoch else ErrorCode.UNKNOWN_LEADER_EPOCH
        raise KafkaError(code, f"{self.topic_partition} is led under epoch {self.leader_epoch}, not {current_leader_epoch}")

    def update(self, state: PartitionState, min_insync_replicas: int) -> None:
        """Follow the image."""
        before = self._leader_epoch
        self._follow(state, min_insync_replicas)
        if self._error is None:
            self._advance()
        if self._leader_epoch != before:
            self._tell_listeners()

    def _follow(self, state: PartitionState, min_insync_replicas: int) -> None:
        self._leader_epoch = state.leader_epoch
        self._in_sync = len(state.isr)
        # A topic that asks for more replicas than it has asks for all of them.
        self._min_insync_replicas = min(min_insync_replicas, len(state.replicas))
        if self._followers is None and self._leading is not None and len(state.replicas) > 1:
            self._followers = Followers(self._leading, self.topic_partition, self.topic_id, self._written, self._advance)
        if self._followers is not None:
            self._followers.follow(state, min_insync_replicas)

    # -- appending ---------------------------------------------------------------------------------------------------

    def append(self, data: bytes | memoryview, acks: int, internal: bool = False) -> Deferred[AppendResult]:
        """Append batches as leader; see :meth:`IPartition.append`."""
        pending = DeferredAppend()
        self.begin_append(pending, data, acks, internal)
        return pending.ended

    def begin_append(self, pending: IPendingAppend, data: bytes | memoryview, acks: int, internal: bool = False) -> None:
        """Append batches as leader; see :meth:`IPartition.begin_append`."""
        if self._detour is not None:
            self._detour(WaitingAppend(pending, data, acks, internal))
            return
        if acks == ALL_IN_SYNC and self._in_sync < self._min_insync_replicas:
            pending.refused(self._too_few_in_sync())
            return
        appended: Deferred[AppendResult] = self.log.append(data, self._leader_epoch, internal)
        result = getattr(appended, "result", None)
        if type(result) is AppendResult:
            # Written already, as nearly always.
            self._appended(result, pending, acks)
        else:
            appended.addCallbacks(self._appended, self._not_appended, (pending, acks), {}, (pending, data, acks, internal), {})

    def _too_few_in_sync(self) -> KafkaError:
        why = f"has {self._in_sync} in-sync replica(s), min.insync.replicas is {self._min_insync_replicas}"
        return KafkaError(ErrorCode.NOT_ENOUGH_REPLICAS, f"{self.topic_partition} {why}")

    def _appended(self, result: AppendResult, pending: IPendingAppend, acks: int) -> None:
        """Written: acknowledge it now, or once it is committed."""
        if result.last_offset >= self._written:
            self._written = result.last_offset + 1
            if self.log.config.write_caching:
                self._advance()
            if self._append_listeners:
                self._tell(self._append_listeners)
        if acks == ALL_IN_SYNC:
            self._watermark.acknowledge(pending, result)
        else:
            pending.acknowledged(result)

    def _not_appended(self, failure: Failure, pending: IPendingAppend, data: bytes | memoryview, acks: int, internal: bool) -> None:
        if isinstance(failure.value, InspectionNeeded):
            self._append_inspected(WaitingAppend(pending, data, acks, internal))
        else:
            self._refused(failure, pending)

    # -- appending what has to be looked into ------------------------------------------------------------------------

    def _append_inspected(self, append: WaitingAppend) -> None:
        """Append it once it was looked into; until then whatever else comes is appended behind it."""
        if self._inspected is None:
            self._inspected = InspectedAppends(self._inspector, lambda: self.log.config, self._append_as_inspected, self._end_detour)
        if self._detour is None:
            self._detour = self._inspected.add
        self._detour(append)

    def _append_as_inspected(self, append: WaitingAppend, data: bytes | memoryview) -> None:
        """It was looked into; who leads and who is in sync may have changed meanwhile."""
        pending, acks = append.pending, append.acks
        if self._error is not None:
            pending.refused(self._error)
        elif acks == ALL_IN_SYNC and self._in_sync < self._min_insync_replicas:
            pending.refused(self._too_few_in_sync())
        else:
            appended = self.log.append(data, self._leader_epoch, append.internal, True)
            appended.addCallbacks(self._appended, self._refused, (pending, acks), {}, (pending,), {})

    def _refused(self, failure: Failure, pending: IPendingAppend) -> None:
        pending.refused(failure.value or failure)

    def _end_detour(self) -> None:
        if self._error is None:
            self._detour = None

    def _refuse_append(self, append: WaitingAppend) -> None:
        assert self._error is not None, "it stopped"
        append.pending.refused(self._error)

    def _safe_offset(self) -> int:
        """Up to where this replica vouches for what it has."""
        safe: int = self._written if self.log.config.write_caching else self.log.flushed_offset
        return safe

    def _committed_offset(self) -> int:
        safe = self._safe_offset()
        return safe if self._followers is None else self._followers.committed(safe, self._watermark.offset)

    def _advance(self) -> None:
        if self._watermark.advance(self._committed_offset()):
            self.log.set_high_watermark(self._watermark.offset)
            if self._listeners:
                self._tell(self._listeners)

    def _tell_listeners(self) -> None:
        if self._listeners:
            self._tell(self._listeners)

    def _tell(self, listeners: dict[ICommitListener, None]) -> None:
        for listener in tuple(listeners):
            listener.committed(self)

    # -- reading -----------------------------------------------------------------------------------------------------

    @deferred
    async def read(self, offset: int, max_bytes: int, isolation: IsolationLevel, at_least_one_batch: bool) -> ReadResult:
        """Committed records; see :meth:`IPartition.read`."""
        self._check_readable()
        limit = self.last_stable_offset if isolation == IsolationLevel.READ_COMMITTED else self._watermark.offset
        if offset > self._watermark.offset:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE, f"{self.topic_partition} ends at {self._watermark.offset}, offset {offset} was asked for"
            )
        records = await self.log.read(offset, max_bytes, limit, at_least_one_batch)
        return ReadResult(records, self._watermark.offset, self.last_stable_offset, self.log.start_offset)

    @deferred
    async def list_offset(self, timestamp: int, isolation: IsolationLevel) -> OffsetAndTimestamp | None:
        """ListOffsets; see :meth:`IPartition.list_offset`."""
        self._check_readable()
        limit = self.last_stable_offset if isolation == IsolationLevel.READ_COMMITTED else self._watermark.offset
        if timestamp == LATEST_TIMESTAMP:
            return OffsetAndTimestamp(limit, -1, self.leader_epoch)
        if timestamp in (EARLIEST_TIMESTAMP, EARLIEST_LOCAL_TIMESTAMP):
            start = self.log.start_offset if timestamp == EARLIEST_TIMESTAMP else self.log.local_start_offset
            return OffsetAndTimestamp(start, -1, self.leader_epoch if start == self.log.end_offset else self.log.epoch_for_offset(start))
        if timestamp in (LATEST_TIERED_TIMESTAMP, EARLIEST_PENDING_UPLOAD_TIMESTAMP):
            return None
        if timestamp == MAX_TIMESTAMP:
            found = await self.log.offset_of_max_timestamp()
        else:
            found = await self.log.offset_for_timestamp(timestamp)
        return found if found is not None and found.offset < limit else None

    def _check_readable(self) -> None:
        if self._error is not None:
            raise self._error
        if self._watermark.offset < self._readable_from:
            why = f"{self.topic_partition} is led here since a moment ago, and its replicas have not told yet what they have; try again"
            raise KafkaError(ErrorCode.OFFSET_NOT_AVAILABLE, why)

    @deferred
    async def read_as_follower(self, fetch: FollowerFetch) -> ReadResult | Diverged:
        """What comes next for a follower; see :meth:`IPartition.read_as_follower`."""
        if self._error is not None:
            raise self._error
        if self._followers is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{self.topic_partition} has no replica but this broker's")
        self._followers.check(fetch.broker_id, fetch.broker_epoch)
        diverged = self.divergence(fetch.last_epoch, fetch.offset)
        if diverged is not None:
            return diverged
        if not self.log.start_offset <= fetch.offset <= self._written:
            why = f"{self.topic_partition} has offsets {self.log.start_offset} to {self._written}, broker {fetch.broker_id} asked for {fetch.offset}"
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, why)
        self._followers.fetched(fetch, self.log.start_offset, self._written, self._watermark.offset)
        self._advance()
        written = self._written
        records = await self.log.read(fetch.offset, fetch.max_bytes, written, fetch.at_least_one_batch)
        return ReadResult(records, self._watermark.offset, self.last_stable_offset, self.log.start_offset, written)

    def divergence(self, last_epoch: int, offset: int) -> Diverged | None:
        """How a reader's log differs whose last batch is of an epoch; see :meth:`IPartition.divergence`."""
        if last_epoch < 0:
            return None
        epoch, end_offset = self.end_offset_for_epoch(last_epoch)
        if epoch < 0:
            raise KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, f"epoch {last_epoch} is unknown to {self.topic_partition}")
        if epoch < last_epoch or end_offset < offset:
            return Diverged(epoch, end_offset, self.high_watermark, self.start_offset)
        return None

    def end_offset_for_epoch(self, leader_epoch: int) -> tuple[int, int]:
        """Where an epoch ended; see :meth:`IPartition.end_offset_for_epoch`."""
        latest: int = self.log.latest_epoch
        if latest < leader_epoch <= self._leader_epoch:
            # Nothing was appended under the epochs since: the latest one that has anything ends where the log does, and so does any after it.
            return (leader_epoch if latest < 0 or leader_epoch == self._leader_epoch else latest), self._written
        found: tuple[int, int] = self.log.end_offset_for_epoch(leader_epoch)
        return found

    def remove_lagging(self) -> None:
        """Let replicas count no more that are behind for too long; called now and then."""
        if self._followers is not None and self._error is None:
            self._followers.remove_lagging()

    # -- deleting ----------------------------------------------------------------------------------------------------

    @deferred
    async def delete_records(self, offset: int) -> int:
        """Advance the start; see :meth:`IPartition.delete_records`."""
        if self._error is not None:
            raise self._error
        if not self.log.config.delete:
            raise KafkaError(
                ErrorCode.POLICY_VIOLATION, f"Records of partition {self.topic_partition} can not be deleted: its cleanup.policy lacks delete"
            )
        wanted = self.high_watermark if offset == TO_HIGH_WATERMARK else offset
        if not 0 <= wanted <= self.high_watermark:
            raise KafkaError(
                ErrorCode.OFFSET_OUT_OF_RANGE, f"{self.topic_partition} can be deleted up to {self.high_watermark}, {wanted} was asked for"
            )
        await self.log.advance_start(wanted)
        if self._error is not None:
            # It took a moment, and somebody else leads by now, who need not know of it.
            raise self._error
        if self._followers is None:
            return self.start_offset
        await self._followers.begun_at(wanted)
        return self._followers.low_watermark(self.start_offset)

    # -- who follows it ----------------------------------------------------------------------------------------------

    def add_listener(self, listener: ICommitListener) -> None:
        """Tell it of commits from now on."""
        self._listeners[listener] = None

    def add_append_listener(self, listener: ICommitListener) -> None:
        """Tell it also of appends; see :meth:`IPartition.add_append_listener`."""
        self._append_listeners[listener] = None

    def remove_listener(self, listener: ICommitListener) -> None:
        """Stop; an unknown one is fine."""
        self._listeners.pop(listener, None)
        self._append_listeners.pop(listener, None)

    def resign(self) -> None:
        """Lead it no more: who waits is told to look for another leader."""
        if self._error is None:
            self._stop(KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, f"{self.topic_partition} is no longer led here"))
        self.log.unwatch(self)

    def _stop(self, error: KafkaError) -> None:
        self._error = error
        self._detour = self._refuse_append
        if self._inspected is not None:
            self._inspected.refuse_all(error)
        if self._followers is not None:
            self._followers.stop(error)
        self._watermark.fail(error)
        self._tell_listeners()
        self._tell(self._append_listeners)

    # -- what the log tells (IExtentObserver) ------------------------------------------------------------------------

    def flushed(self, log: IPartitionLog) -> None:
        """More of the log survives a crash."""
        if self._error is None:
            self._advance()

    def failed(self, log: IPartitionLog, reason: BaseException) -> None:
        """The disk refused: nothing is acknowledged any more."""
        error = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the disk of {self.topic_partition} failed: {reason}")
        self._stop(error)
        if self._disk_failed is not None:
            self._disk_failed(self, error)

    def start_advanced(self, log: IPartitionLog, offset: int) -> None:
        """Records were removed by age, size or request."""
        if self._error is None:
            self._advance()
        self._tell_listeners()

    def deleted(self, log: IPartitionLog) -> None:
        """The log is gone."""
        self._stop(KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{self.topic_partition} was deleted"))

    def extent_opened(self, log: IPartitionLog, extent: Extent) -> None:
        """Nothing to do."""

    def extent_sealed(self, log: IPartitionLog, extent: Extent) -> None:
        """Nothing to do."""

    def extent_rewritten(self, log: IPartitionLog, extent: Extent) -> None:
        """Nothing to do."""

    def truncated(self, log: IPartitionLog, offset: int, leader_epoch: int) -> None:
        """A write failed, which is above the high watermark. If it was under way when this began to lead, it counted as written."""
        self._written = min(self._written, offset)
        self._readable_from = min(self._readable_from, offset)
        if self._followers is not None:
            self._followers.taken_back(offset)
