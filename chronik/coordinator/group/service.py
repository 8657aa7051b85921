"""The group coordinator: which partition of state a group is in, and the calls of the handlers passed on to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.clocks import WallClock
from chronik.coordinator.group.config import GroupConfig
from chronik.coordinator.group.consumer.config import GroupSettings
from chronik.coordinator.group.consumer.interfaces import ConsumerHeartbeat, DescribedConsumerGroup, HeartbeatAnswer
from chronik.coordinator.group.consumer.membership import check_heartbeat
from chronik.coordinator.group.group import Group
from chronik.coordinator.group.interfaces import (
    CommittedOffset,
    Committing,
    DescribedGroup,
    GroupOffset,
    GroupSummary,
    IGroupCoordinator,
    Joined,
    Joining,
    Leaving,
    Synced,
    Syncing,
)
from chronik.coordinator.group.shard import GroupShard
from chronik.coordinator.group.timers import Deadline, Timers
from chronik.coordinator.interfaces import IStateLog
from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta, MetadataImage, TopicImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed
from chronik.model import OFFSETS_TOPIC, TopicPartition

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

    from chronik.config import Configuration

LOAD_RETRY_MS: Final = 1_000
"""Pause before groups are read again whose state could not be read."""


def java_hash(text: str) -> int:
    """The absolute value of Java's ``String.hashCode``, which says which partition of state a group is in.

    The smallest integer of 32 bits, which has no absolute value, counts as 0, as in Kafka's ``Utils.abs``.
    """
    value = 0
    for unit in memoryview(text.encode("utf-16-be", "surrogatepass")).cast("B").tobytes().hex(" ", 2).split():
        value = (31 * value + int(unit, 16)) & 0xFFFFFFFF
    signed = value - (1 << 32) if value >> 31 else value
    return 0 if signed == -(1 << 31) else abs(signed)


@implementer(IGroupCoordinator, IImageObserver)
class GroupCoordinator:
    """Coordinates the groups whose state is led here.

    :param clock: times members and rebalances.
    :param wall_clock: tells when something was committed, or came into its state: what is written down.
    :param random: gives that many random bytes.
    :param broker: see :class:`GroupSettings`.
    """

    _log = Logger()

    def __init__(
        self,
        feed: IMetadataFeed,
        clock: IReactorTime,
        wall_clock: WallClock,
        config: GroupConfig,
        random: Callable[[int], bytes],
        broker: Callable[[], Configuration] | None = None,
    ) -> None:
        self._feed = feed
        self._config = config
        self._random = random
        self._settings = GroupSettings(config.consumer, self._current_image, broker)
        self._timers = Timers(clock)
        self._wall_clock = wall_clock
        self._shards: dict[int, GroupShard] = {}
        self._logs: dict[int, IStateLog] = {}
        self._known: Mapping[str, TopicImage] = {}
        self._expiring = LoopingCall(self._expire)
        self._expiring.clock = clock

    # -- which state is here ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Follow the image, and forget what is past its time now and then."""
        self._known = self._feed.image.topics
        self._feed.observe(self)
        self._expiring.start(self._config.retention_check_ms / 1000, now=False).addErrback(lambda failure: self._log.failure("expiry ended", failure))

    def stop(self) -> None:
        """Coordinate nothing any more; whoever waits is told to look for another coordinator."""
        self._feed.unobserve(self)
        if self._expiring.running:
            self._expiring.stop()
        for partition in tuple(self._shards):
            self.unload(partition)
        self._timers.stop()

    def load(self, log: IStateLog) -> None:
        """This broker leads a partition of state: read it."""
        self.unload(log.partition)
        self._logs[log.partition] = log
        self._begin(log)

    def _begin(self, log: IStateLog) -> None:
        shard = self._shards[log.partition] = GroupShard(
            log, self._config, self._timers, self._now_ms, self._random, self._settings, self._current_image, self._read_anew
        )
        loading = Deferred.fromCoroutine(shard.load())
        loading.addCallback(lambda _: self._forget_missing(shard)).addErrback(self._not_loaded, shard, log)

    def _now_ms(self) -> int:
        return int(self._wall_clock() * 1000)

    def _current_image(self) -> MetadataImage:
        image: MetadataImage = self._feed.image
        return image

    def _forget_missing(self, shard: GroupShard) -> None:
        """Offsets of topics that were deleted while nobody saw to these groups go now.

        The image cannot lack a topic that has offsets here: they were committed before it said that this broker leads them.
        """
        topics = self._feed.image.topics
        self._forget_topics(shard, lambda name: name not in topics)

    def _not_loaded(self, failure: Failure, shard: GroupShard, log: IStateLog) -> None:
        if self._shards.get(log.partition) is shard:
            if failure.check(KafkaError) is not None:  # its topic was deleted, or its disk fails
                self._log.error("the group state of partition {partition} cannot be read: {error}", partition=log.partition, error=str(failure.value))
            else:
                self._log.failure("the group state of partition {partition} cannot be read", failure, partition=log.partition)
            del self._shards[log.partition]
            self._timers.set(Deadline(lambda: self._load_again(log)), LOAD_RETRY_MS)

    def _load_again(self, log: IStateLog) -> None:
        """What kept it from being read may be over, if it is led here still."""
        if self._logs.get(log.partition) is log and log.partition not in self._shards:
            self._begin(log)

    def _read_anew(self, shard: GroupShard) -> None:
        """A write failed: what is in memory may not be what is in the log."""
        for partition, known in tuple(self._shards.items()):
            if known is shard:
                shard.unload(KafkaError(ErrorCode.NOT_COORDINATOR, "the group's state is being read anew"))
                self._begin(self._logs[partition])

    def unload(self, partition: int) -> None:
        """This broker does not lead a partition of state any more; an unknown one is fine."""
        shard = self._shards.pop(partition, None)
        self._logs.pop(partition, None)
        if shard is not None:
            shard.unload(KafkaError(ErrorCode.NOT_COORDINATOR, "the group is coordinated by another broker now"))

    def partition_of(self, group_id: str, partitions: int) -> int:
        """Which of so many partitions holds a group."""
        return java_hash(group_id) % partitions

    def _led(self, group_id: str) -> GroupShard:
        """Where a group is, loaded or not."""
        topic = self._feed.image.topics.get(OFFSETS_TOPIC)
        shard = None if topic is None else self._shards.get(self.partition_of(group_id, len(topic.partitions)))
        if shard is None:
            raise KafkaError(ErrorCode.NOT_COORDINATOR, f"group {group_id} is not coordinated here")
        return shard

    def _shard(self, group_id: str) -> GroupShard:
        shard = self._led(group_id)
        if not shard.loaded:
            raise KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, f"the state of group {group_id} is being read, try again")
        return shard

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Offsets of topics that were deleted go with them; groups that subscribe to what changed look at it."""
        known, self._known = self._known, image.topics
        deleted = frozenset(topic.name for topic in delta.deleted)
        if not deleted and not delta.changed:
            return
        new = any(name not in known for name in delta.changed) or not deleted.isdisjoint(delta.changed)
        for shard in self._shards.values():
            if shard.loaded and deleted:
                self._forget_topics(shard, deleted.__contains__)
            shard.topics_changed(deleted | delta.changed, image.revision if new else None)

    def _forget_topics(self, shard: GroupShard, gone: Callable[[str], bool]) -> None:
        Deferred.fromCoroutine(shard.forget_topics(gone)).addErrback(self._not_forgotten)

    def _not_forgotten(self, failure: Failure) -> None:
        self._log.error("offsets that should go could not be forgotten: {error}", error=failure.getErrorMessage())

    @deferred
    async def _expire(self) -> None:
        for shard in self._loaded():
            try:
                await shard.expire()
            except KafkaError as error:
                self._log.error("offsets past their time could not be forgotten: {error}", error=error)

    def _loaded(self) -> list[GroupShard]:
        return [shard for shard in self._shards.values() if shard.loaded]

    # -- membership ---------------------------------------------------------------------------------------------------

    def join(self, joining: Joining) -> Deferred[Joined]:
        """Become or stay a member; see :meth:`IGroupCoordinator.join`."""
        try:
            _check_name(joining.group_id)
            if not self._config.session_timeout_min_ms <= joining.session_timeout_ms <= self._config.session_timeout_max_ms:
                raise KafkaError(
                    ErrorCode.INVALID_SESSION_TIMEOUT,
                    f"session.timeout.ms={joining.session_timeout_ms} is not between {self._config.session_timeout_min_ms} and "
                    f"{self._config.session_timeout_max_ms} (group.min/max.session.timeout.ms)",
                )
            return self._shard(joining.group_id).join(joining)
        except KafkaError as error:
            return fail(error)

    def sync(self, syncing: Syncing) -> Deferred[Synced]:
        """A member's assignment; see :meth:`IGroupCoordinator.sync`."""
        try:
            _check_name(syncing.group_id)
            return self._shard(syncing.group_id).sync(syncing)
        except KafkaError as error:
            return fail(error)

    @deferred
    async def heartbeat(self, group_id: str, generation: int, member_id: str, instance_id: str | None) -> None:
        """A member lives; see :meth:`IGroupCoordinator.heartbeat`."""
        _check_name(group_id)
        shard = self._led(group_id)
        if not shard.loaded:
            # Who it is cannot be told yet, and to lose its place for our being slow would be unfair.
            return
        await shard.heartbeat(group_id, generation, member_id, instance_id)

    @deferred
    async def leave(self, group_id: str, members: Sequence[Leaving]) -> Sequence[KafkaError | None]:
        """Remove members; see :meth:`IGroupCoordinator.leave`."""
        _check_name(group_id)
        return await self._shard(group_id).leave(group_id, members)

    @deferred
    async def consumer_heartbeat(self, heartbeat: ConsumerHeartbeat) -> HeartbeatAnswer:
        """A member of the newer protocol lives; see :meth:`IGroupCoordinator.consumer_heartbeat`."""
        self._check_enabled()
        check_heartbeat(heartbeat, self._config.consumer.assignors)
        return await self._shard(heartbeat.group_id).consumer_heartbeat(heartbeat)

    def topics_to_describe(self, group_id: str, pattern: str | None) -> Sequence[str]:
        """Topics whose permissions a heartbeat needs; see :meth:`IGroupCoordinator.topics_to_describe`."""
        try:
            return self._shard(group_id).topics_to_describe(group_id, pattern)
        except KafkaError:
            return ()

    def _check_enabled(self) -> None:
        if not self._config.consumer.enabled:
            reason = "the consumer protocol is switched off by group.coordinator.rebalance.protocols"
            raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, reason)

    # -- offsets ------------------------------------------------------------------------------------------------------

    @deferred
    async def commit(self, committing: Committing) -> Mapping[TopicPartition, KafkaError | None]:
        """Keep offsets; see :meth:`IGroupCoordinator.commit`."""
        return await self._shard(committing.group_id).commit(committing)

    @deferred
    async def settled(self, group_id: str) -> None:
        """What is being written is done; see :meth:`IGroupCoordinator.settled`."""
        await self._shard(group_id).settled()

    def offsets(self, group_id: str, member_id: str | None = None, epoch: int = -1) -> Mapping[TopicPartition, CommittedOffset]:
        """What a group has committed; see :meth:`IGroupCoordinator.offsets`."""
        return self._shard(group_id).offsets(group_id, member_id, epoch)

    @deferred
    async def delete_offsets(self, group_id: str, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, KafkaError | None]:
        """Forget offsets; see :meth:`IGroupCoordinator.delete_offsets`."""
        _check_name(group_id)
        return await self._shard(group_id).delete_offsets(group_id, partitions)

    # -- administration -----------------------------------------------------------------------------------------------

    def describe(self, group_id: str) -> DescribedGroup | None:
        """A group as it is now; see :meth:`IGroupCoordinator.describe`."""
        group = self._shard(group_id).group(group_id)
        return group.describe() if isinstance(group, Group) else None

    def describe_consumers(self, group_id: str) -> DescribedConsumerGroup:
        """A consumer group as it is now; see :meth:`IGroupCoordinator.describe_consumers`."""
        self._check_enabled()
        return self._shard(group_id).describe_consumers(group_id)

    def list_groups(self) -> Sequence[GroupSummary]:
        """All groups coordinated here; see :meth:`IGroupCoordinator.list_groups`."""
        if any(not shard.loaded for shard in self._shards.values()):
            raise KafkaError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, "the state of some groups is being read, try again")
        return self.summaries()

    @deferred
    async def delete(self, group_id: str) -> None:
        """Forget a group; see :meth:`IGroupCoordinator.delete`."""
        await self._shard(group_id).delete(group_id)

    def summaries(self) -> Sequence[GroupSummary]:
        """The groups that are known now; see :meth:`IGroupCoordinator.summaries`."""
        return [group.summary() for shard in self._loaded() for group in shard.groups.values()]

    def committed(self) -> Sequence[GroupOffset]:
        """The offsets that are known now; see :meth:`IGroupCoordinator.committed`."""
        return [
            GroupOffset(group.group_id, place.topic, place.partition, committed.offset)
            for shard in self._loaded()
            for group in shard.groups.values()
            for place, committed in group.offsets.items()
        ]


def _check_name(group_id: str) -> None:
    if not group_id:
        raise KafkaError(ErrorCode.INVALID_GROUP_ID, "a group has a name: set group.id")
