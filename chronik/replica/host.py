"""The partitions this broker hosts: it follows the image, opens and deletes logs, leads or follows, and finds partitions for requests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import NO_LEADER, ImageDelta, MetadataImage, PartitionState, TopicImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed
from chronik.model import TopicId, TopicPartition, topic_id_text
from chronik.replica.departures import Departures, is_shared
from chronik.replica.fetcher import ReplicaFetchers
from chronik.replica.follower import Follower
from chronik.replica.followers import Leading
from chronik.replica.hosted import Hosted, TopicSettings
from chronik.replica.inspection import BatchInspector
from chronik.replica.interfaces import ILeadershipObserver, IPartition, IPartitions
from chronik.replica.moves import ReplicaMoves
from chronik.replica.partition import Partition
from chronik.storage.interfaces import DiskFull, ILogStore, IPartitionLog


@dataclass(frozen=True, slots=True)
class Replication:
    """What it takes to share partitions with other brokers.

    :ivar leading: for those led here.
    :ivar fetchers: for those followed here.
    """

    leading: Leading
    fetchers: ReplicaFetchers


RaiseEpochs = Callable[[Sequence[tuple[TopicId, int]], Collection[tuple[TopicId, int]]], "Deferred[None]"]
"""Makes the leader epoch of each of these partitions one larger, durably and in the image, before it fires. Those of the second argument may lack
here what is committed: where another broker has it, this one neither leads them nor is in sync from then on.
"""


@implementer(IPartitions, IImageObserver)
class HostedPartitions:
    """The partitions hosted by this broker.

    :param broker_id: this broker.
    :param feed: the image to follow.
    :param store: opens the logs.
    :param settings: a topic's effective configuration.
    :param raise_epochs: asked at the start for every partition led here whose log was not closed properly.
    :param inspector: looks into batches that are appended here.
    :param replication: None for a broker that will never have others beside it.
    :param moves: between log directories; None where there are none.
    """

    _log = Logger()

    def __init__(
        self,
        broker_id: int,
        feed: IMetadataFeed,
        store: ILogStore,
        settings: Callable[[TopicImage], TopicSettings],
        raise_epochs: RaiseEpochs,
        inspector: BatchInspector,
        replication: Replication | None = None,
        moves: ReplicaMoves | None = None,
    ) -> None:
        self._broker_id = broker_id
        self._feed = feed
        self._store = store
        self._settings = settings
        self._raise_epochs = raise_epochs
        self._inspector = inspector
        self._replication = replication
        self._moves = moves
        if moves is not None:
            moves.attach(self)
        self._hosted: dict[tuple[TopicId, int], Hosted] = {}
        self._observers: list[ILeadershipObserver] = []
        self._started = False
        self._missing: set[tuple[TopicId, int]] = set()
        self._departures: Departures | None = None
        if replication is not None:
            self._departures = Departures(broker_id, feed, replication.leading.changes, lambda topic: settings(topic).min_insync_replicas)
        self._lag: LoopingCall | None = None

    # -- beginning and end -------------------------------------------------------------------------------------------

    @deferred
    async def start(self) -> None:
        """Open the log of every partition that the image places here, remove those of topics that were deleted, set aside others that nobody knows,
        then follow the image.

        Logs that were not closed properly get a new leader epoch before anybody reads them, so that an offset which was lost with the
        page cache and written again is never taken for what it was.
        """
        image: MetadataImage = self._feed.image
        self._remove_strays(image)
        here = [(topic, number) for topic in image.topics.values() for number in self._placed_here(topic)]
        found = {(topic_id, topic_partition.partition) for topic_partition, topic_id in self._store.known()}
        self._missing = {(topic.topic_id, number) for topic, number in here} - found
        opening = [self._open(topic, number, existing=True) for topic, number in here]
        await DeferredList(opening, consumeErrors=True)
        await self._raise_unclean([(key, hosted, hosted.log) for key, hosted in self._hosted.items() if hosted.log is not None])
        self._started = True
        if self._replication is not None:
            self._lag = LoopingCall(self.remove_lagging)
            self._lag.clock = self._replication.leading.clock
            self._lag.start(self._replication.leading.lag_seconds / 2, now=False)
        self._feed.observe(self)
        for key in [key for key in self._hosted if self._feed.image.topic_by_id(key[0]) is None]:
            self._drop(key)  # deleted while the logs were being opened
        self._follow(self._feed.image, tuple(self._feed.image.topics))

    def stop(self) -> None:
        """Take no more requests and follow no more; the store closes the logs."""
        self._started = False
        self._feed.unobserve(self)
        if self._moves is not None:
            self._moves.stop()
        if self._lag is not None and self._lag.running:
            self._lag.stop()
        for hosted in self._hosted.values():
            if hosted.partition is not None:
                hosted.partition.resign()
            self._leave_leader(hosted)

    def observe(self, observer: ILeadershipObserver) -> None:
        """Tell ``observer`` of every partition led here, those of now first."""
        self._observers.append(observer)
        for hosted in self._hosted.values():
            if hosted.partition is not None:
                observer.partition_led(hosted.partition)

    def remove_lagging(self) -> None:
        """Let replicas of partitions led here count no more that are behind for too long, nor this broker where it lacks the log, which is there
        again once a full disk has room; called now and then.
        """
        for partition in self._partitions():
            partition.remove_lagging()
        for hosted in tuple(self._hosted.values()):
            if hosted.error is not None:
                self._leave(hosted)
                self._look_for_room(hosted)

    def _remove_strays(self, image: MetadataImage) -> None:
        """Logs of topics that nobody knows are set aside; those that other brokers keep now are deleted."""
        for topic_partition, topic_id in self._store.known():
            topic = image.topic_by_id(topic_id)
            if topic_id in image.deleted:
                self._delete(topic_partition, topic_id)
            elif topic is None or topic_partition.partition >= len(topic.partitions):
                self._store.set_aside(topic_partition, topic_id).addErrback(self._deletion_failed, topic_partition)
            elif self._broker_id not in topic.partitions[topic_partition.partition].replicas:
                self._delete(topic_partition, topic_id)
        if self._moves is not None:
            self._moves.remove_strays(image, self._broker_id)

    @deferred
    async def _raise_unclean(self, logs: Sequence[tuple[tuple[TopicId, int], Hosted, IPartitionLog]]) -> None:
        """Nobody may take what these have for what they had, nor count on it where it may be less."""
        led = [(key, hosted, log) for key, hosted, log in logs if not log.clean and self._is_leader(key)]
        untrusted = [key for key, _, log in logs if self._is_shared(key) and (key in self._missing or (not log.clean and log.config.write_caching))]
        if not led and not untrusted:
            return
        await self._raise_epochs([key for key, _, _ in led], untrusted)
        await DeferredList([self._raise_epoch(key, hosted, log) for key, hosted, log in led], consumeErrors=True)

    def _is_shared(self, key: tuple[TopicId, int]) -> bool:
        topic: TopicImage | None = self._feed.image.topic_by_id(key[0])
        return topic is not None and is_shared(topic, key[1], self._broker_id)

    @deferred
    async def _raise_epoch(self, key: tuple[TopicId, int], hosted: Hosted, log: IPartitionLog) -> None:
        """Before its first read or append, if it is still led here; one that cannot be raised is not served."""
        state = self._state(key)
        if state is None or state.leader != self._broker_id:
            return
        try:
            await log.raise_epoch(state.leader_epoch)
        except KafkaError as error:
            hosted.log = None
            self._refuse(hosted, error)

    def _state(self, key: tuple[TopicId, int]) -> PartitionState | None:
        topic: TopicImage | None = self._feed.image.topic_by_id(key[0])
        return topic.partitions[key[1]] if topic is not None and key[1] < len(topic.partitions) else None

    def _is_leader(self, key: tuple[TopicId, int]) -> bool:
        state = self._state(key)
        return state is not None and state.leader == self._broker_id

    # -- following the image (IImageObserver) ------------------------------------------------------------------------

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Open what is new here, follow what changed, delete what is gone."""
        for topic in delta.deleted:
            for number in range(len(topic.partitions)):
                self._drop((topic.topic_id, number))
        self._follow(image, delta.changed if not delta.configs else tuple(image.topics))

    def _follow(self, image: MetadataImage, names: Iterable[str]) -> None:
        for name in names:
            topic = image.topics.get(name)
            if topic is None:
                continue
            for number, state in enumerate(topic.partitions):
                key = topic.topic_id, number
                if self._broker_id not in state.replicas:
                    self._drop(key)
                elif key not in self._hosted:
                    self._open(topic, number)
                elif self._hosted[key].error is not None:
                    self._leave(self._hosted[key])
                else:
                    self._assume(self._hosted[key])

    def _drop(self, key: tuple[TopicId, int]) -> None:
        hosted = self._hosted.pop(key, None)
        if hosted is not None:
            self._retire(hosted)

    def _placed_here(self, topic: TopicImage) -> list[int]:
        return [number for number, state in enumerate(topic.partitions) if self._broker_id in state.replicas]

    # -- leading and following ---------------------------------------------------------------------------------------

    def _assume(self, hosted: Hosted) -> None:
        """Do what the image says of a partition whose log is open: lead it, follow its leader, or wait for one."""
        topic: TopicImage | None = self._feed.image.topic_by_id(hosted.topic_id)
        if topic is None or hosted.log is None or hosted.busy or hosted.moving or not self._started or not self._is_here(hosted):
            return
        state = topic.partitions[hosted.topic_partition.partition]
        settings = self._settings(topic)
        hosted.log.configure(settings.log_config)
        if state.leader != self._broker_id:
            self._resign(hosted)
            self._follow_leader(hosted, state)
        elif hosted.partition is not None:
            hosted.partition.update(state, settings.min_insync_replicas)
        elif self._leave_leader(hosted):
            self._lead(hosted, state, settings.min_insync_replicas)

    def _is_here(self, hosted: Hosted) -> bool:
        return self._hosted.get((hosted.topic_id, hosted.topic_partition.partition)) is hosted

    def _lead(self, hosted: Hosted, state: PartitionState, min_insync_replicas: int) -> None:
        assert hosted.log is not None
        leading = self._replication.leading if self._replication is not None else None
        hosted.partition = Partition(
            hosted.log, state, self._inspector, min_insync_replicas, leading, hosted.high_watermark, self._disk_failed
        )
        for observer in self._observers:
            observer.partition_led(hosted.partition)

    def _resign(self, hosted: Hosted) -> None:
        partition, hosted.partition = hosted.partition, None
        if partition is not None:
            hosted.high_watermark = partition.high_watermark
            for observer in self._observers:
                observer.partition_resigned(partition)
            partition.resign()

    def _follow_leader(self, hosted: Hosted, state: PartitionState) -> None:
        follower = hosted.follower
        if follower is not None and (follower.leader, follower.leader_epoch) == (state.leader, state.leader_epoch):
            return
        if self._leave_leader(hosted) and state.leader != NO_LEADER and hosted.log is not None and self._replication is not None:
            hosted.follower = Follower(hosted.log, state.leader, state.leader_epoch, hosted.high_watermark, self._follower_failed)
            self._replication.fetchers.add(hosted.follower)

    def _leave_leader(self, hosted: Hosted) -> bool:
        """Follow no more; whether its log is at rest. If not, it is led or followed once it is."""
        follower, hosted.follower = hosted.follower, None
        if follower is None or self._replication is None:
            return True
        self._replication.fetchers.remove(follower)

        def at_rest() -> None:
            hosted.busy, hosted.high_watermark = False, follower.high_watermark

        hosted.busy = True
        follower.when_idle(at_rest)
        if hosted.busy:
            follower.when_idle(lambda: self._assume(hosted))
        return not hosted.busy

    # -- moving to another directory (IMovingHost) -------------------------------------------------------------------

    def log_of(self, key: tuple[TopicId, int]) -> IPartitionLog | None:
        """The open log of a partition; see :class:`~chronik.replica.moves.IMovingHost`."""
        hosted = self._hosted.get(key)
        if hosted is not None and hosted.error is not None:
            raise hosted.error
        return hosted.log if hosted is not None else None

    def suspend(self, key: tuple[TopicId, int]) -> Deferred[None] | None:
        """Neither lead nor follow a partition. Not while who is in sync is being changed: whoever leads next under the same epoch must know of that.

        See :class:`~chronik.replica.moves.IMovingHost`.
        """
        hosted = self._hosted.get(key)
        if hosted is None or hosted.log is None or hosted.busy or hosted.moving or not self._started:
            return None
        if hosted.partition is not None and hosted.partition.is_changing:
            return None
        hosted.moving = True
        self._resign(hosted)
        follower, idle = hosted.follower, Deferred[None]()
        if self._leave_leader(hosted) or follower is None:
            idle.callback(None)
        else:
            follower.when_idle(lambda: idle.callback(None))
        return idle

    def resume(self, key: tuple[TopicId, int], log: IPartitionLog) -> None:
        """Go on over this log; see :class:`~chronik.replica.moves.IMovingHost`."""
        hosted = self._hosted.get(key)
        if hosted is not None and hosted.moving:
            hosted.moving, hosted.log = False, log
            self._assume(hosted)

    def give_up(self, key: tuple[TopicId, int], error: KafkaError) -> None:
        """Its log is lost until the next start; see :class:`~chronik.replica.moves.IMovingHost`."""
        hosted = self._hosted.get(key)
        if hosted is not None and hosted.moving:
            hosted.moving, hosted.log, hosted.error = False, None, error
            self._leave(hosted)

    # -- opening and deleting ----------------------------------------------------------------------------------------

    @deferred
    async def _open(self, topic: TopicImage, number: int, existing: bool = False) -> None:
        key = (topic.topic_id, number)
        hosted = self._hosted[key] = Hosted(TopicPartition(topic.name, number), topic.topic_id, existing)
        await self._open_log(hosted, topic)

    async def _open_log(self, hosted: Hosted, topic: TopicImage) -> None:
        """Open the log of a partition, or note why that cannot be."""
        key, settings = (topic.topic_id, hosted.topic_partition.partition), self._settings(topic)
        try:
            log: IPartitionLog = await self._store.open(hosted.topic_partition, topic.topic_id, settings.log_config, hosted.existing)
        except Exception as error:  # noqa: BLE001  whatever keeps one log shut must not keep the others
            self._refuse(hosted, error)
            return
        if hosted.trying:
            try:
                await self._raise_unclean([(key, hosted, log)])
            except Exception as error:  # noqa: BLE001  the next look for room tries again
                self._log.warn("{partition} takes no requests yet: {error}", partition=hosted.topic_partition, error=error)
                return
        if self._hosted.get(key) is hosted:  # else deleted meanwhile, and its log is next
            hosted.log, hosted.error = log, None
            self._assume(hosted)
            self._settle(hosted)
            if self._moves is not None:
                self._moves.opened(key, log)

    @deferred
    async def _try_again(self, hosted: Hosted, topic: TopicImage) -> None:
        """There was no room to open a log, and somebody asks for it: there may be some by now."""
        hosted.trying = True
        try:
            await self._open_log(hosted, topic)
        finally:
            hosted.trying = False

    def _look_for_room(self, hosted: Hosted) -> None:
        """Try again where it was room that a log lacked. Of one that others lead no client asks here."""
        topic: TopicImage | None = self._feed.image.topic_by_id(hosted.topic_id)
        if topic is not None and isinstance(hosted.error, DiskFull) and not hosted.trying:
            self._try_again(hosted, topic)

    def _disk_failed(self, partition: Partition, error: KafkaError) -> None:
        """The disk of a partition failed: it is not served any more, and whoever keeps state in it is told."""
        hosted = self._hosted.get((partition.topic_id, partition.topic_partition.partition))
        if hosted is not None and hosted.partition is partition:
            hosted.log, hosted.partition, hosted.error = None, None, error
            for observer in self._observers:
                observer.partition_resigned(partition)
            self._leave(hosted)

    def _follower_failed(self, follower: Follower, reason: BaseException) -> None:
        """The same for one that is followed here."""
        hosted = self._hosted.get((follower.topic_id, follower.topic_partition.partition))
        if hosted is not None and hosted.follower is follower:
            hosted.log, hosted.follower = None, None
            hosted.error = KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"the disk of {hosted.topic_partition} failed: {reason}")
            self._leave(hosted)

    def _leave(self, hosted: Hosted) -> None:
        """Let others take the place of this broker, which has not the log, where there are any."""
        if self._moves is not None:
            self._moves.forget((hosted.topic_id, hosted.topic_partition.partition))
        if self._departures is not None:
            self._departures.leave(hosted.topic_partition, hosted.topic_id)

    def _refuse(self, hosted: Hosted, error: Exception) -> None:
        known = error if isinstance(error, KafkaError) else KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{hosted.topic_partition}: {error}")
        if hosted.error is None or hosted.error.message != known.message:
            what = "the log of {partition} cannot be opened, it takes no requests: {error}"
            self._log.error(what, partition=hosted.topic_partition, error=error)
        hosted.error = known
        self._settle(hosted)
        if self._started:
            self._leave(hosted)

    def _settle(self, hosted: Hosted) -> None:
        waiting, hosted.waiting = hosted.waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def _retire(self, hosted: Hosted) -> None:
        if self._moves is not None:
            self._moves.forget((hosted.topic_id, hosted.topic_partition.partition))
        if hosted.partition is not None:
            hosted.partition.deleted(hosted.partition.log)
        self._resign(hosted)
        self._leave_leader(hosted)
        # Also while it is still being opened: the store does one after the other, and a topic of the same name may be next.
        self._delete(hosted.topic_partition, hosted.topic_id)
        self._settle(hosted)

    def _delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> None:
        self._store.delete(topic_partition, topic_id).addErrback(self._deletion_failed, topic_partition)

    def _deletion_failed(self, failure: Failure, topic_partition: TopicPartition) -> None:
        self._log.error(
            "the log of {partition} could not be removed, the next start tries again: {error}", partition=topic_partition, error=failure.value
        )

    # -- finding (IPartitions) ---------------------------------------------------------------------------------------

    def get(self, topic: str, partition: int) -> IPartition:
        """A partition led here; see :meth:`IPartitions.get`."""
        found: TopicImage | None = self._feed.image.topics.get(topic)
        if found is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"there is no topic {topic!r}")
        return self._led(found, partition)

    def get_by_id(self, topic_id: TopicId, partition: int) -> IPartition:
        """A partition led here, by its topic's id; see :meth:`IPartitions.get_by_id`."""
        found: TopicImage | None = self._feed.image.topic_by_id(topic_id)
        if found is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, f"no topic has the id {topic_id_text(topic_id)}")
        return self._led(found, partition)

    def _led(self, topic: TopicImage, number: int) -> IPartition:
        hosted = self._hosted.get((topic.topic_id, number))
        if hosted is None:
            if not 0 <= number < len(topic.partitions):
                count = len(topic.partitions)
                raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{topic.name} has {count} partition(s), {number} is none of them")
            raise KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, f"{topic.name}-{number} is led by another broker")
        if hosted.partition is None:
            self._look_for_room(hosted)
        if hosted.partition is None:
            opened = "is being moved to another directory" if hosted.moving else "is led by another broker, or by none now"
            why = "is being opened, try again" if hosted.log is None else opened
            raise hosted.error or KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, f"{hosted.topic_partition} {why}")
        return hosted.partition

    def hosted(self) -> Iterable[IPartition]:
        """All that are led here now."""
        return self._partitions()

    def _partitions(self) -> list[Partition]:
        return [hosted.partition for hosted in self._hosted.values() if hosted.partition is not None]

    @deferred
    async def ready(self, topic_id: TopicId) -> None:
        """Fires once every partition of the topic that is placed here can be used, or cannot be opened."""
        topic: TopicImage | None = self._feed.image.topic_by_id(topic_id)
        for number in range(0 if topic is None else len(topic.partitions)):
            hosted = self._hosted.get((topic_id, number))
            if hosted is not None and hosted.log is None and hosted.error is None:
                waiter: Deferred[None] = Deferred()
                hosted.waiting.append(waiter)
                await waiter
