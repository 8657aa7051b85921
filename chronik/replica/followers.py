"""The other replicas of a partition as its leader sees them: how far each has come, and who is in sync.

The leader counts a replica for the high watermark from the moment it asks for it to be in sync, and until it is known that it is not: while the
outcome of a change is not known, both what was and what may be count (KIP-497). It is known with the next leader epoch at the latest: what was
asked for under an earlier one is in the state by then, or never will be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chronik.errors import ErrorCode, KafkaError
from chronik.model import NO_EPOCH, NO_OFFSET, TopicId, TopicPartition

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from chronik.metadata.image import PartitionState
    from chronik.replica.interfaces import FollowerFetch, IInSyncChanges

RETRY_SECONDS: Final = 1.0
"""Pause before a change of unknown outcome is tried again."""

_NO_LIMIT: Final = 2**63 - 1

_REFUSALS: Final = (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.INELIGIBLE_REPLICA)
"""Answers after which it is certain that nothing was changed."""


@dataclass(frozen=True, slots=True)
class Leading:
    """What a leader needs beside its log.

    :ivar broker_id: this broker.
    :ivar changes: where it changes who is in sync.
    :ivar lag_seconds: how long a replica may be behind and still count as in sync (``replica.lag.time.max.ms``).
    """

    broker_id: int
    clock: IReactorTime
    changes: IInSyncChanges
    lag_seconds: float


@dataclass(slots=True, eq=False)
class _Follower:
    """One of them; ``end_offset`` is -1 until it fetched from this leader.

    :ivar caught_up_at: when it last had all that there was, in seconds of the clock.
    :ivar fetched_at: when it last fetched, and ``leader_end`` where the log ended then.
    """

    caught_up_at: float
    end_offset: int = NO_OFFSET
    start_offset: int = NO_OFFSET
    broker_epoch: int = NO_EPOCH
    fetched_at: float = 0.0
    leader_end: int = NO_OFFSET


class _Change(NamedTuple):
    """Who is to be in sync, by broker epochs, and who is not any more."""

    add: Mapping[int, int]
    remove: Sequence[int]


class Followers:
    """The replicas beside the leader.

    :param settled: called when a change came to nothing: who counted because of it does not any more.
    :param begins_at: where the leader's log ended when it became the leader: who has less cannot be in sync.
    """

    _log = Logger()

    def __init__(self, leading: Leading, topic_partition: TopicPartition, topic_id: TopicId, begins_at: int, settled: Callable[[], None]) -> None:
        self._leading = leading
        self._settled = settled
        self._topic_partition = topic_partition
        self._topic_id = topic_id
        self._begins_at = begins_at
        self._followers: dict[int, _Follower] = {}
        self._state: PartitionState | None = None
        self._enough = 1
        self._pending: _Change | None = None
        self._retry: IDelayedCall | None = None
        self._awaited_starts: list[tuple[int, Deferred[None]]] = []

    # -- what the image says ------------------------------------------------------------------------------------------

    def follow(self, state: PartitionState, min_insync_replicas: int) -> None:
        """Take the partition's state, of which this broker is the leader."""
        now = self._leading.clock.seconds()
        others = [broker_id for broker_id in state.replicas if broker_id != self._leading.broker_id]
        if self._state is None or self._state.leader_epoch != state.leader_epoch:
            self._followers = {}
            self._forget_change()
        self._followers = {broker_id: self._followers.get(broker_id) or _Follower(now) for broker_id in others}
        self._state = state
        self._enough = min(min_insync_replicas, len(state.replicas))
        if state.elr and len(state.isr) >= self._enough and self._pending is None:
            # The configuration asks for fewer than before: who was eligible to lead will lack what is committed from now on.
            self._change(_Change({}, ()))
        if self._awaited_starts:
            self._tell_starts()

    @property
    def is_changing(self) -> bool:
        """Whether a change is under way whose outcome is not known."""
        return self._pending is not None

    @property
    def _in_sync(self) -> Sequence[int]:
        return () if self._state is None else self._state.isr

    @property
    def _counting(self) -> Sequence[int]:
        """Those in sync, and those who may be by now."""
        return (*self._in_sync, *(self._pending.add if self._pending is not None else ()))

    # -- how far they have come ---------------------------------------------------------------------------------------

    def check(self, broker_id: int, broker_epoch: int) -> None:
        """Refuse who is none of the replicas, or an earlier life of one.

        :raises KafkaError: ``UNKNOWN_TOPIC_OR_PARTITION``, ``STALE_BROKER_EPOCH``.
        """
        follower = self._followers.get(broker_id)
        if follower is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"broker {broker_id} is no replica of {self._topic_partition}")
        if broker_epoch < follower.broker_epoch:
            raise KafkaError(ErrorCode.STALE_BROKER_EPOCH, f"broker {broker_id} was registered anew, under epoch {follower.broker_epoch}")

    def fetched(self, fetch: FollowerFetch, leader_start: int, leader_end: int, high_watermark: int) -> None:
        """A replica has everything below an offset, and nothing that was deleted; one that was not in sync may be now."""
        follower, now = self._followers[fetch.broker_id], self._leading.clock.seconds()
        if fetch.offset >= leader_end:
            follower.caught_up_at = now
        elif fetch.offset >= follower.leader_end >= 0:
            follower.caught_up_at = max(follower.caught_up_at, follower.fetched_at)
        follower.end_offset, follower.broker_epoch = fetch.offset, fetch.broker_epoch
        follower.start_offset = fetch.start_offset
        follower.fetched_at, follower.leader_end = now, leader_end
        caught_up = fetch.offset >= max(high_watermark, self._begins_at) and fetch.start_offset >= leader_start
        in_sync = fetch.broker_id in self._in_sync
        if self._pending is None and caught_up and not in_sync:
            self._change(_Change({fetch.broker_id: fetch.broker_epoch}, ()))
        elif self._pending is None and in_sync and fetch.offset < high_watermark and len(self._in_sync) > 1:
            self._log.error("broker {broker_id} has lost records of {partition}", broker_id=fetch.broker_id, partition=self._topic_partition)
            self._change(_Change({}, [fetch.broker_id]))
        if self._awaited_starts:
            self._tell_starts()

    def taken_back(self, offset: int) -> None:
        """The leader's log ends there: what it counted as written when it became the leader never was."""
        self._begins_at = min(self._begins_at, offset)

    def committed(self, safe_offset: int, high_watermark: int) -> int:
        """Up to where everyone in sync has everything; no further than it was while there are too few of them.

        :param safe_offset: what the leader itself vouches for.
        """
        state = self._state
        if state is None or len(state.isr) < self._enough or state.elr:
            return high_watermark
        for broker_id in self._counting:
            follower = self._followers.get(broker_id)
            if follower is not None and follower.end_offset < safe_offset:
                safe_offset = follower.end_offset
        return safe_offset

    # -- where they begin --------------------------------------------------------------------------------------------

    def low_watermark(self, start_offset: int) -> int:
        """The lowest start of all who may lead, the leader's being ``start_offset``; -1 while one of them was not heard of."""
        state = self._state
        if state is None:
            return start_offset
        followers = [self._followers[broker_id] for broker_id in (*self._counting, *state.elr) if broker_id in self._followers]
        return min([start_offset, *(follower.start_offset for follower in followers)])

    def begun_at(self, offset: int) -> Deferred[None]:
        """Fires once all who may lead begin at ``offset`` or later."""
        waiter: Deferred[None] = Deferred()
        self._awaited_starts.append((offset, waiter))
        self._tell_starts()
        return waiter

    def _tell_starts(self) -> None:
        low = self.low_watermark(_NO_LIMIT)
        ready = [waiter for offset, waiter in self._awaited_starts if offset <= low]
        self._awaited_starts = [entry for entry in self._awaited_starts if entry[0] > low]
        for waiter in ready:
            waiter.callback(None)

    # -- who is in sync -----------------------------------------------------------------------------------------------

    def remove_lagging(self) -> None:
        """Let those not count any more who were behind for too long; called now and then."""
        limit = self._leading.clock.seconds() - self._leading.lag_seconds
        lagging = [i for i in self._in_sync if (follower := self._followers.get(i)) is not None and follower.caught_up_at < limit]
        if lagging and self._pending is None:
            self._log.info("{partition} goes on without broker(s) {brokers}, which are behind", partition=self._topic_partition, brokers=lagging)
            self._change(_Change({}, lagging))

    def _change(self, change: _Change) -> None:
        state = self._state
        if state is None:
            return
        self._pending = change
        number = self._topic_partition.partition
        changing: Any = self._leading.changes.change(self._topic_id, number, state.leader_epoch, change.add, change.remove, self._enough)
        changing.addCallbacks(self._changed, self._not_changed, (change,), {}, (change,), {})

    def _changed(self, done: None, change: _Change) -> None:
        if self._pending is not change:
            return
        self._pending = None
        self._settled()
        if self._awaited_starts:
            self._tell_starts()

    def _not_changed(self, failure: Failure, change: _Change) -> None:
        """What is certain not to have happened is forgotten; anything else counts until another try has an outcome."""
        error = failure.value
        if isinstance(error, KafkaError) and error.code in _REFUSALS:
            self._changed(None, change)
        elif self._pending is change:
            why = failure.getErrorMessage()
            self._log.warn("who is in sync for {partition} could not be changed: {why}", partition=self._topic_partition, why=why)
            self._retry = self._leading.clock.callLater(RETRY_SECONDS, self._change, change)

    def _forget_change(self) -> None:
        """Never ask again for what was asked for in another epoch: who caught up then may have been removed since, and be here again with nothing."""
        self._pending = None
        if self._retry is not None and self._retry.active():
            self._retry.cancel()

    def stop(self, error: KafkaError) -> None:
        """The leader leads no more: whoever waits is told so."""
        self._state = None
        self._forget_change()
        waiting, self._awaited_starts = self._awaited_starts, []
        for _, waiter in waiting:
            waiter.errback(error)

