"""The groups of one partition of ``__consumer_offsets``: read from it, kept in memory, changed only together with it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.expiry import expired_offsets
from chronik.coordinator.group.group import CONSUMER, Group, GroupState
from chronik.coordinator.group.interfaces import CommittedOffset, Committing, Joined, Joining
from chronik.coordinator.group.membership import Membership
from chronik.coordinator.group.records import (
    GROUP_KEY_VERSION,
    OFFSET_KEY_VERSIONS,
    forgotten_group,
    group_record,
    new_group_record,
    offset_record,
    read_group_key,
    read_group_value,
    read_offset_key,
    read_offset_value,
)
from chronik.coordinator.group.timers import Timers
from chronik.coordinator.interfaces import IStateLog, StateRecord
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition
from chronik.protocol.primitives import DecodeError
from chronik.protocol.versioned import peek_version

RECORDS_PER_APPEND = 1_000
"""Tombstones written in one batch when many offsets go at once."""


class GroupShard:
    """One partition of state.

    :param log: the partition.
    :param failed: called when the log and the memory may differ: they are to be read anew.
    """

    _log = Logger()

    def __init__(
        self, log: IStateLog, config: GroupConfig, timers: Timers, random: Callable[[int], bytes], failed: Callable[[GroupShard], None]
    ) -> None:
        self._state_log = log
        self._config = config
        self._timers = timers
        self._failed = failed
        self.membership = Membership(config, timers, self._store_group, random)
        self.groups: dict[str, Group] = {}
        self.loaded = False
        self._gone = False
        self._begun = self._done = 0
        self._waiting: deque[tuple[int, Deferred[None]]] = deque()

    # -- state and its log --------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Read every record, then wait for signs of life of the members there are."""
        count = await self._state_log.replay(self.apply)
        if self._gone:
            return
        for group in self.groups.values():
            self.membership.watch_sessions(group)
        self.loaded = True
        self._log.info("read {count} record(s) of group state: {groups} group(s)", count=count, groups=len(self.groups))

    def apply(self, record: StateRecord) -> None:
        """Take one record into account: the one way in which offsets change, and groups when they are read.

        A record that cannot be read is named and skipped; it never keeps the others from being read.
        """
        try:
            version = peek_version(record.key)
            if version in OFFSET_KEY_VERSIONS:
                self._apply_offset(record)
            elif version == GROUP_KEY_VERSION:
                self._apply_group(record)
            else:
                self._log.warn("a group record with a key of version {version} is of a later release and left alone", version=version)
        except DecodeError as error:
            self._log.error("a group record cannot be read and is left out: {error}", error=error)

    def _apply_offset(self, record: StateRecord) -> None:
        group_id, place = read_offset_key(record.key)
        if record.value is not None:
            self._group(group_id).offsets[place] = read_offset_value(record.value)
        elif group_id in self.groups:
            self.groups[group_id].offsets.pop(place, None)

    def _apply_group(self, record: StateRecord) -> None:
        """Live, the group is already what its record says; only a deletion is news."""
        group_id = read_group_key(record.key)
        known = self.groups.get(group_id)
        if record.value is None:
            if known is None or (self.loaded and known.state is not GroupState.EMPTY):
                return
            del self.groups[group_id]
            if known.offsets:
                # Committed while the deletion was being written: that is of no group any more, and nobody has to lose it.
                self._group(group_id).offsets = known.offsets
        elif not self.loaded:
            group = read_group_value(group_id, record.value)
            if known is not None:
                group.offsets = known.offsets
            self.groups[group_id] = group

    def _group(self, group_id: str) -> Group:
        group = self.groups.get(group_id)
        if group is None:
            group = self.groups[group_id] = Group(group_id, self._timers.now_ms())
        return group

    async def _append(self, records: Sequence[StateRecord]) -> None:
        """Make records durable, then true."""
        self._begun += 1
        try:
            await self._write(records)
        finally:
            self._done += 1
            while self._waiting and self._waiting[0][0] <= self._done:
                self._waiting.popleft()[1].callback(None)

    async def _write(self, records: Sequence[StateRecord]) -> None:
        try:
            await self._state_log.append(records)
        except KafkaError as error:
            if not self._gone:
                self._log.error("group state could not be written and is read anew: {error}", error=error)
                self._failed(self)
            raise _translated(error) from error
        if not self._gone:
            for record in records:
                self.apply(record)

    def settled(self) -> Deferred[None]:
        """Fires once what is being written now is true, or never will be. Writes end in the order in which they began."""
        waiting: Deferred[None] = Deferred()
        if self._done == self._begun:
            waiting.callback(None)
        else:
            self._waiting.append((self._begun, waiting))
        return waiting

    def _store_group(self, group: Group, assignments: Mapping[str, bytes]) -> Deferred[object]:
        return Deferred.fromCoroutine(self._append([group_record(group, assignments, self._timers.now_ms())]))

    def unload(self, error: KafkaError) -> None:
        """Coordinate these groups no more."""
        self._gone = True
        for group in self.groups.values():
            self.membership.abandon(group, error)
        self.groups.clear()

    # -- groups -------------------------------------------------------------------------------------------------------

    def group(self, group_id: str) -> Group | None:
        """A group, None when there is none."""
        return self.groups.get(group_id)

    def join(self, joining: Joining) -> Deferred[Joined]:
        """Become or stay a member; see :meth:`IGroupCoordinator.join`. A group that did not exist is written down before it has members."""
        group = self.groups.get(joining.group_id)
        if group is not None:
            return self.membership.join(group, joining)
        if joining.member_id:
            return fail(unknown_member(joining.group_id, joining.member_id))
        joined = self.membership.join(self._group(joining.group_id), joining)
        created = self._append([new_group_record(joining.group_id, self._timers.now_ms())])
        # A failure was logged, and everyone in the group was told, when the state began to be read anew.
        Deferred.fromCoroutine(created).addErrback(lambda failure: failure.trap(KafkaError))
        return joined

    async def delete(self, group_id: str) -> None:
        """Forget a group and its offsets; see :meth:`IGroupCoordinator.delete`."""
        group = self._existing(group_id)
        if group.state is not GroupState.EMPTY:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP, f"group {group_id} has {len(group.members)} member(s): stop them first")
        now = self._timers.now_ms()
        records = [offset_record(group_id, place, None, now) for place in group.offsets]
        records.append(forgotten_group(group_id, now))
        for start in range(0, len(records), RECORDS_PER_APPEND):
            await self._append(records[start : start + RECORDS_PER_APPEND])

    def _existing(self, group_id: str) -> Group:
        group = self.groups.get(group_id)
        if group is None:
            raise _not_found(group_id)
        return group

    # -- offsets ------------------------------------------------------------------------------------------------------

    async def commit(self, committing: Committing) -> Mapping[TopicPartition, KafkaError | None]:
        """Keep offsets; see :meth:`IGroupCoordinator.commit`."""
        self._check_committer(committing)
        now = self._timers.now_ms()
        outcomes: dict[TopicPartition, KafkaError | None] = {}
        records = []
        for place, offset in committing.offsets.items():
            # Java counts UTF-16 units, whatever the setting's name says.
            if len(offset.metadata.encode("utf-16-le", "surrogatepass")) // 2 > self._config.metadata_bytes_max:
                reason = f"the text beside the offset is longer than offset.metadata.max.bytes={self._config.metadata_bytes_max}"
                outcomes[place] = KafkaError(ErrorCode.OFFSET_METADATA_TOO_LARGE, reason)
                continue
            outcomes[place] = None
            committed = CommittedOffset(offset.offset, offset.leader_epoch, offset.metadata, now, offset.expire_timestamp)
            records.append(offset_record(committing.group_id, place, committed, now))
        if records:
            await self._append(records)
        return outcomes

    def _check_committer(self, committing: Committing) -> None:
        """Members commit in their generation; who is no member commits only for a group without members."""
        group = self.groups.get(committing.group_id)
        if group is None:
            if committing.generation >= 0:
                raise _not_found(committing.group_id)
            return
        outsider = committing.generation < 0 and not committing.member_id and committing.instance_id is None
        if outsider:
            if group.state is not GroupState.EMPTY:
                raise group.unknown_member(committing.member_id)
            return
        if committing.generation < 0 and group.state is GroupState.EMPTY:
            return
        member = group.member(committing.member_id, committing.instance_id)
        group.check_generation(committing.generation)
        if group.state is GroupState.COMPLETING_REBALANCE:
            raise KafkaError(ErrorCode.REBALANCE_IN_PROGRESS, "the group rebalances: commit after the assignment came")
        self.membership.lives(member)

    async def delete_offsets(self, group_id: str, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, KafkaError | None]:
        """Forget offsets; see :meth:`IGroupCoordinator.delete_offsets`."""
        group = self._existing(group_id)
        if group.state is not GroupState.EMPTY and group.protocol_type != CONSUMER:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP, f"group {group_id} has members: stop them first")
        subscribed = group.subscribed_topics() if group.members else set()
        now = self._timers.now_ms()
        outcomes: dict[TopicPartition, KafkaError | None] = {}
        for place in places:
            reads = subscribed is None or place.topic in subscribed
            outcomes[place] = KafkaError(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, f"group {group_id} reads {place.topic}") if reads else None
        await self._forget(group_id, [place for place, error in outcomes.items() if error is None and place in group.offsets], now)
        return outcomes

    async def forget_topics(self, gone: Callable[[str], bool]) -> None:
        """Topics are no more: forget the offsets in them."""
        for group in tuple(self.groups.values()):
            await self._forget(group.group_id, [place for place in group.offsets if gone(place.topic)], self._timers.now_ms())

    async def expire(self) -> None:
        """Forget what is past its time, and groups that have nothing left."""
        now = self._timers.now_ms()
        for group in tuple(self.groups.values()):
            await self._forget(group.group_id, expired_offsets(group, self._config.retention_ms, now), now)
            if group.state is GroupState.EMPTY and not group.offsets and not group.pending and self.groups.get(group.group_id) is group:
                await self._append([forgotten_group(group.group_id, now)])

    async def _forget(self, group_id: str, places: Sequence[TopicPartition], now: int) -> None:
        for start in range(0, len(places), RECORDS_PER_APPEND):
            await self._append([offset_record(group_id, place, None, now) for place in places[start : start + RECORDS_PER_APPEND]])


def unknown_member(group_id: str, member_id: str) -> KafkaError:
    """The answer to a member of a group that there is not."""
    return KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"group {group_id} has no member {member_id!r}: join again")


def _not_found(group_id: str) -> KafkaError:
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")


def _translated(error: KafkaError) -> KafkaError:
    """What a client of a group is told when its state could not be written: to try again, here or elsewhere."""
    if error.code in (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.KAFKA_STORAGE_ERROR):
        return KafkaError(ErrorCode.NOT_COORDINATOR, error.message)
    if error.code in (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE):
        return KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, error.message)
    return KafkaError(ErrorCode.COORDINATOR_NOT_AVAILABLE, error.message)
