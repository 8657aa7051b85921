"""The groups of one partition of ``__consumer_offsets``, classic ones and those of the newer protocol: who does what to them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from chronik.coordinator.group.committers import check_classic_committer, check_consumer_committer, check_consumer_reader
from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.consumer.classic_members import ClassicMembership
from chronik.coordinator.group.consumer.config import GroupSettings
from chronik.coordinator.group.consumer.group import ConsumerGroup
from chronik.coordinator.group.consumer.interfaces import ConsumerHeartbeat, DescribedConsumerGroup, HeartbeatAnswer
from chronik.coordinator.group.consumer.membership import ConsumerMembership
from chronik.coordinator.group.consumer.migration import Migration
from chronik.coordinator.group.consumer.records import removed_group
from chronik.coordinator.group.consumer.steps import GroupSteps
from chronik.coordinator.group.expiry import expired_offsets
from chronik.coordinator.group.group import CONSUMER, Group
from chronik.coordinator.group.interfaces import CommittedOffset, Committing, Joined, Joining, Leaving, Synced, Syncing
from chronik.coordinator.group.membership import Membership
from chronik.coordinator.group.records import forgotten_group, new_group_record, offset_record
from chronik.coordinator.group.store import AnyGroup, GroupStore
from chronik.coordinator.group.timers import Timers
from chronik.coordinator.interfaces import IStateLog
from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from chronik.metadata.image import MetadataImage

RECORDS_PER_APPEND = 1_000
"""Tombstones written in one batch when many offsets go at once."""


class GroupShard:
    """One partition of state.

    :param log: the partition.
    :param now_ms: the time of day, ms, for what is written down.
    :param settings: of groups of the newer protocol.
    :param image: the metadata.
    :param failed: called when the log and the memory may differ: they are to be read anew.
    """

    _log = Logger()

    def __init__(
        self,
        log: IStateLog,
        config: GroupConfig,
        timers: Timers,
        now_ms: Callable[[], int],
        random: Callable[[int], bytes],
        settings: GroupSettings,
        image: Callable[[], MetadataImage],
        failed: Callable[[GroupShard], None],
    ) -> None:
        self._config = config
        self._now_ms = now_ms
        self._image = image
        self._store = GroupStore(log, now_ms, lambda: failed(self))
        self.membership = Membership(config, timers, now_ms, self._store.store_group, random)
        self._steps = GroupSteps(settings, image)
        migration = self._migration = Migration(config, self._store, self.membership)
        self.consumers = ConsumerMembership(self._store, self._steps, migration, timers, random)
        self._classics = ClassicMembership(self._store, self._steps, migration, self.consumers)
        self.groups = self._store.groups

    @property
    def loaded(self) -> bool:
        """Whether everything was read."""
        return self._store.loaded

    # -- beginning and end --------------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Read every record, then wait for signs of life of the members there are."""
        count = await self._store.load()
        if self._store.gone:
            return
        for group in self.groups.values():
            if isinstance(group, Group):
                self.membership.watch_sessions(group)
            else:
                self.consumers.watch_sessions(group)
        # Which topics are new since the expressions were looked at nobody knows any more: each is looked at once.
        self._steps.newest_topic = self._image().revision
        self._store.loaded = True
        tell = self._log.info if count else self._log.debug  # most of fifty partitions are empty
        tell("read {count} record(s) of group state: {groups} group(s)", count=count, groups=len(self.groups))

    def unload(self, error: KafkaError) -> None:
        """Coordinate these groups no more."""
        self._store.gone = True
        for group in self.groups.values():
            if isinstance(group, Group):
                self.membership.abandon(group, error)
        self.consumers.clocks.forget_all()
        self.groups.clear()

    def settled(self) -> Deferred[None]:
        """Fires once what is being written now is true, or never will be."""
        return self._store.settled()

    def group(self, group_id: str) -> AnyGroup | None:
        """A group, None when there is none."""
        return self.groups.get(group_id)

    # -- members ------------------------------------------------------------------------------------------------------

    def join(self, joining: Joining) -> Deferred[Joined]:
        """Become or stay a member; see :meth:`IGroupCoordinator.join`. A group that did not exist is written down before it has members."""
        group = self.groups.get(joining.group_id)
        if isinstance(group, ConsumerGroup) and not group.is_empty:
            return Deferred.fromCoroutine(self._classics.join(group, joining))
        if isinstance(group, Group):
            return self.membership.join(group, joining)
        if joining.member_id:
            return fail(unknown_member(joining.group_id, joining.member_id))
        if group is not None:
            self._start(self._store.take(partial(self._migration.discard_consumers, group)))
        made = self._store.group(joining.group_id)
        assert isinstance(made, Group)
        joined = self.membership.join(made, joining)
        self._start(self._store.append([new_group_record(joining.group_id, self._now_ms())]))
        return joined

    def _start(self, writing: Coroutine[Any, Any, None]) -> None:
        """Write without anybody waiting. A failure was logged, and everyone in the group was told, when the state began to be read anew."""
        Deferred.fromCoroutine(writing).addErrback(lambda failure: failure.trap(KafkaError))

    def sync(self, syncing: Syncing) -> Deferred[Synced]:
        """A member's assignment; see :meth:`IGroupCoordinator.sync`."""
        group = self.groups.get(syncing.group_id)
        if group is None:
            return fail(unknown_member(syncing.group_id, syncing.member_id))
        if isinstance(group, ConsumerGroup):
            return Deferred.fromCoroutine(self._classics.sync(group, syncing))
        return self.membership.sync(group, syncing)

    async def heartbeat(self, group_id: str, generation: int, member_id: str, instance_id: str | None) -> None:
        """A member lives; see :meth:`IGroupCoordinator.heartbeat`."""
        group = self.groups.get(group_id)
        if group is None:
            raise unknown_member(group_id, member_id)
        if isinstance(group, ConsumerGroup):
            await self._classics.heartbeat(group, generation, member_id, instance_id)
        else:
            self.membership.heartbeat(group, generation, member_id, instance_id)

    async def leave(self, group_id: str, members: Sequence[Leaving]) -> Sequence[KafkaError | None]:
        """Remove members; see :meth:`IGroupCoordinator.leave`."""
        group = self.groups.get(group_id)
        if group is None:
            return [unknown_member(group_id, leaving.member_id) for leaving in members]
        if isinstance(group, ConsumerGroup):
            return await self._classics.leave(group, members)
        return self.membership.leave(group, members)

    async def consumer_heartbeat(self, heartbeat: ConsumerHeartbeat) -> HeartbeatAnswer:
        """A member of the newer protocol lives; see :meth:`IGroupCoordinator.consumer_heartbeat`."""
        return await self.consumers.heartbeat(heartbeat)

    # -- topics -------------------------------------------------------------------------------------------------------

    def topics_to_describe(self, group_id: str, pattern: str | None) -> Sequence[str]:
        """Topics whose permissions a heartbeat needs; see :meth:`IGroupCoordinator.topics_to_describe`."""
        group = self.groups.get(group_id)
        due = self._steps.due_patterns(group if isinstance(group, ConsumerGroup) else None, pattern, self._now_ms())
        names = self._image().topics
        return sorted({name for each in due for name in self._steps.matcher.matches(each, names)}) if due else ()

    def topics_changed(self, names: AbstractSet[str], newest: int | None) -> None:
        """Topics came, went or changed: groups that subscribe to them look at them with the next heartbeat.

        :param newest: the metadata's revision, if some are new.
        """
        if newest is not None:
            self._steps.newest_topic = newest
        self._steps.matcher.forget_names(names)
        for group in self._store.consumer_groups():
            if not names.isdisjoint(group.subscribed_topics()):
                group.metadata_stale = True

    async def forget_topics(self, gone: Callable[[str], bool]) -> None:
        """Topics are no more: forget the offsets in them."""
        for group in tuple(self.groups.values()):
            await self._forget(group.group_id, [place for place in group.offsets if gone(place.topic)], self._now_ms())

    # -- groups -------------------------------------------------------------------------------------------------------

    async def delete(self, group_id: str) -> None:
        """Forget a group and its offsets; see :meth:`IGroupCoordinator.delete`."""
        group = self._existing(group_id)
        if not group.is_empty:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP, f"group {group_id} has {len(group.members)} member(s): stop them first")
        await self._forget(group_id, list(group.offsets), self._now_ms())
        await self._forget_group(group)

    async def _forget_group(self, group: AnyGroup) -> None:
        """Forget a group without members, unless somebody came meanwhile."""
        if not group.is_empty or self.groups.get(group.group_id) is not group:
            return
        if isinstance(group, ConsumerGroup):
            await self._store.take(lambda change: change.put(*removed_group(group, change.now)))
        else:
            await self._store.append([forgotten_group(group.group_id, self._now_ms())])

    def describe_consumers(self, group_id: str) -> DescribedConsumerGroup:
        """A consumer group as it is now; see :meth:`IGroupCoordinator.describe_consumers`."""
        group = self._existing(group_id)
        if not isinstance(group, ConsumerGroup):
            raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} is not a consumer group.")
        return DescribedConsumerGroup(
            group_id=group_id,
            state=group.state.value,
            epoch=group.epoch,
            assignment_epoch=group.assignment_epoch,
            assignor=group.preferred_assignor() or self._config.consumer.assignors[0],
            members=tuple((member, group.target_of(member.member_id)) for member in group.members.values()),
        )

    def _existing(self, group_id: str) -> AnyGroup:
        group = self.groups.get(group_id)
        if group is None:
            raise _not_found(group_id)
        return group

    # -- offsets ------------------------------------------------------------------------------------------------------

    async def commit(self, committing: Committing) -> Mapping[TopicPartition, KafkaError | None]:
        """Keep offsets; see :meth:`IGroupCoordinator.commit`."""
        self._check_committer(committing)
        now = self._now_ms()
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
            await self._store.append(records)
        return outcomes

    def _check_committer(self, committing: Committing) -> None:
        group = self.groups.get(committing.group_id)
        if group is None:
            if committing.generation >= 0:
                raise _not_found(committing.group_id)
        elif isinstance(group, ConsumerGroup):
            check_consumer_committer(group, committing, self._image())
        else:
            check_classic_committer(group, committing, self.membership.lives)

    def offsets(self, group_id: str, member_id: str | None, epoch: int) -> Mapping[TopicPartition, CommittedOffset]:
        """What a group has committed; see :meth:`IGroupCoordinator.offsets`."""
        group = self.groups.get(group_id)
        if isinstance(group, ConsumerGroup):
            check_consumer_reader(group, member_id, epoch)
        return {} if group is None else dict(group.offsets)

    async def delete_offsets(self, group_id: str, places: Sequence[TopicPartition]) -> Mapping[TopicPartition, KafkaError | None]:
        """Forget offsets; see :meth:`IGroupCoordinator.delete_offsets`."""
        group = self._existing(group_id)
        if isinstance(group, Group) and not group.is_empty and group.protocol_type != CONSUMER:
            raise KafkaError(ErrorCode.NON_EMPTY_GROUP, f"group {group_id} has members: stop them first")
        subscribed = group.subscribed_topics() if group.members else set()
        now = self._now_ms()
        outcomes: dict[TopicPartition, KafkaError | None] = {}
        for place in places:
            reads = subscribed is None or place.topic in subscribed
            outcomes[place] = KafkaError(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, f"group {group_id} reads {place.topic}") if reads else None
        await self._forget(group_id, [place for place, error in outcomes.items() if error is None and place in group.offsets], now)
        return outcomes

    async def expire(self) -> None:
        """Forget what is past its time, and groups that have nothing left."""
        now = self._now_ms()
        for group in tuple(self.groups.values()):
            await self._forget(group.group_id, expired_offsets(group, self._config.retention_ms, now), now)
            if group.is_idle and not group.offsets:
                await self._forget_group(group)

    async def _forget(self, group_id: str, places: Sequence[TopicPartition], now: int) -> None:
        for start in range(0, len(places), RECORDS_PER_APPEND):
            await self._store.append([offset_record(group_id, place, None, now) for place in places[start : start + RECORDS_PER_APPEND]])


def unknown_member(group_id: str, member_id: str) -> KafkaError:
    """The answer to a member of a group that there is not."""
    return KafkaError(ErrorCode.UNKNOWN_MEMBER_ID, f"group {group_id} has no member {member_id!r}: join again")


def _not_found(group_id: str) -> KafkaError:
    return KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"Group {group_id} not found.")
