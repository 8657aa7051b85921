"""The partitions this broker hosts: it follows the image, opens and deletes logs, and finds partitions for requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.defer import deferred
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta, MetadataImage, PartitionState, TopicImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed
from chronik.model import TopicId, TopicPartition, topic_id_text
from chronik.replica.interfaces import ILeadershipObserver, IPartition, IPartitions
from chronik.replica.partition import Partition
from chronik.storage.interfaces import DiskFull, ILogStore, IPartitionLog


class TopicSettings(Protocol):
    """What a topic's effective configuration says to this layer."""

    @property
    def log_config(self) -> Any:
        """The :class:`~chronik.storage.config.LogConfig`."""

    @property
    def min_insync_replicas(self) -> int:
        """``min.insync.replicas``."""


@dataclass(slots=True, eq=False)
class _Hosted:
    """One partition placed here.

    :ivar existing: it was when the broker started.
    :ivar trying: it could not be opened, and is tried again.
    :ivar partition: None until its log is open, and again once its disk failed; ``error`` says why.
    :ivar waiting: told when it is open, or why it is not.
    """

    topic_partition: TopicPartition
    topic_id: TopicId
    existing: bool = False
    trying: bool = False
    partition: Partition | None = None
    error: KafkaError | None = None
    waiting: list[Deferred[None]] = field(default_factory=list)


RaiseEpochs = Callable[[Sequence[tuple[TopicId, int]]], "Deferred[None]"]
"""Makes the leader epoch of each of these partitions one larger, durably and in the image, before it fires."""


@implementer(IPartitions, IImageObserver)
class HostedPartitions:
    """The partitions hosted by this broker.

    :param broker_id: this broker.
    :param feed: the image to follow.
    :param store: opens the logs.
    :param settings: a topic's effective configuration.
    :param raise_epochs: asked at the start for every partition whose log was not closed properly.
    """

    _log = Logger()

    def __init__(
        self,
        broker_id: int,
        feed: IMetadataFeed,
        store: ILogStore,
        settings: Callable[[TopicImage], TopicSettings],
        raise_epochs: RaiseEpochs,
    ) -> None:
        self._broker_id = broker_id
        self._feed = feed
        self._store = store
        self._settings = settings
        self._raise_epochs = raise_epochs
        self._hosted: dict[tuple[TopicId, int], _Hosted] = {}
        self._observers: list[ILeadershipObserver] = []

    # -- beginning and end -------------------------------------------------------------------------------------------

    @deferred
    async def start(self) -> None:
        """Open the log of every partition that the image places here, remove those of topics that were deleted, set aside others that nobody knows,
        then follow the image.

        Logs that were not closed properly get a new leader epoch before anybody reads them, so that an offset which was lost with the
        page cache and written again is never taken for what it was.
        """
        image: MetadataImage = self._feed.image
        self._set_strays_aside(image)
        opening = [self._open(topic, number, existing=True) for topic in image.topics.values() for number in self._placed_here(topic)]
        await DeferredList(opening, consumeErrors=True)
        await self._raise_unclean()
        self._feed.observe(self)
        self._follow(self._feed.image, frozenset(image.topics))
        for hosted in self._hosted.values():
            self._announce(hosted)

    def stop(self) -> None:
        """Take no more requests and follow no more; the store closes the logs."""
        self._feed.unobserve(self)
        for hosted in self._hosted.values():
            if hosted.partition is not None:
                hosted.partition.resign()

    def observe(self, observer: ILeadershipObserver) -> None:
        """Tell ``observer`` of every partition led here, those of now first."""
        self._observers.append(observer)
        for hosted in self._hosted.values():
            if hosted.partition is not None:
                observer.partition_led(hosted.partition)

    def _set_strays_aside(self, image: MetadataImage) -> None:
        for topic_partition, topic_id in self._store.known():
            topic = image.topic_by_id(topic_id)
            if topic_id in image.deleted:
                self._delete(topic_partition, topic_id)
            elif topic is None or topic_partition.partition >= len(topic.partitions):
                self._store.set_aside(topic_partition, topic_id).addErrback(self._deletion_failed, topic_partition)

    @deferred
    async def _raise_unclean(self) -> None:
        unclean = [
            (key, hosted.partition) for key, hosted in self._hosted.items() if hosted.partition is not None and not hosted.partition.log.clean
        ]
        if not unclean:
            return
        await self._raise_epochs([key for key, _ in unclean])
        for (topic_id, number), partition in unclean:
            topic = self._feed.image.topic_by_id(topic_id)
            if topic is not None:
                self._configure(partition, topic, topic.partitions[number])
        await DeferredList([self._raise_epoch(self._hosted[key], partition) for key, partition in unclean], consumeErrors=True)

    @deferred
    async def _raise_epoch(self, hosted: _Hosted, partition: Partition) -> None:
        """Before its first read or append; one that cannot be raised is not served."""
        try:
            await partition.log.raise_epoch(partition.leader_epoch)
        except KafkaError as error:
            hosted.partition = None
            self._refuse(hosted, error)
            partition.resign()

    # -- following the image (IImageObserver) ------------------------------------------------------------------------

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Open what is new here, follow what changed, delete what is gone."""
        for topic in delta.deleted:
            for number in range(len(topic.partitions)):
                hosted = self._hosted.pop((topic.topic_id, number), None)
                if hosted is not None:
                    self._retire(hosted)
        self._follow(image, delta.changed if not delta.configs else frozenset(image.topics))

    def _follow(self, image: MetadataImage, names: Iterable[str]) -> None:
        for name in names:
            topic = image.topics.get(name)
            if topic is None:
                continue
            for number in self._placed_here(topic):
                hosted = self._hosted.get((topic.topic_id, number))
                if hosted is None:
                    self._open(topic, number).addCallback(self._announce)
                elif hosted.partition is not None:
                    self._configure(hosted.partition, topic, topic.partitions[number])

    def _placed_here(self, topic: TopicImage) -> list[int]:
        return [number for number, state in enumerate(topic.partitions) if self._broker_id in state.replicas]

    def _configure(self, partition: Partition, topic: TopicImage, state: PartitionState) -> None:
        settings = self._settings(topic)
        partition.log.configure(settings.log_config)
        partition.update(state, settings.min_insync_replicas)

    def _announce(self, hosted: _Hosted) -> None:
        if hosted.partition is not None:
            for observer in self._observers:
                observer.partition_led(hosted.partition)

    # -- opening and deleting ----------------------------------------------------------------------------------------

    @deferred
    async def _open(self, topic: TopicImage, number: int, existing: bool = False) -> _Hosted:
        key = (topic.topic_id, number)
        hosted = self._hosted[key] = _Hosted(TopicPartition(topic.name, number), topic.topic_id, existing)
        await self._open_log(hosted, topic)
        return hosted

    async def _open_log(self, hosted: _Hosted, topic: TopicImage) -> None:
        """Open the log of a partition, or note why that cannot be."""
        key, settings = (topic.topic_id, hosted.topic_partition.partition), self._settings(topic)
        try:
            log: IPartitionLog = await self._store.open(hosted.topic_partition, topic.topic_id, settings.log_config, hosted.existing)
            if hosted.trying and not log.clean:
                await self._raise_epochs([key])
                await log.raise_epoch((self._feed.image.topic_by_id(topic.topic_id) or topic).partitions[key[1]].leader_epoch)
        except Exception as error:  # noqa: BLE001  whatever keeps one log shut must not keep the others
            self._refuse(hosted, error)
            return
        current = self._feed.image.topic_by_id(topic.topic_id) or topic
        if self._hosted.get(key) is not hosted:
            return  # deleted meanwhile, and its log is next
        settings = self._settings(current)
        log.configure(settings.log_config)
        hosted.partition = Partition(log, current.partitions[key[1]], settings.min_insync_replicas, self._disk_failed)
        hosted.error = None
        self._settle(hosted)

    @deferred
    async def _try_again(self, hosted: _Hosted, topic: TopicImage) -> None:
        """There was no room to open a log, and somebody asks for it: there may be some by now."""
        hosted.trying = True
        try:
            await self._open_log(hosted, topic)
        finally:
            hosted.trying = False
        self._announce(hosted)

    def _disk_failed(self, partition: Partition, error: KafkaError) -> None:
        """The disk of a partition failed: it is not served any more, and whoever keeps state in it is told."""
        hosted = self._hosted.get((partition.topic_id, partition.topic_partition.partition))
        if hosted is not None and hosted.partition is partition:
            hosted.partition, hosted.error = None, error
            for observer in self._observers:
                observer.partition_resigned(partition)

    def _refuse(self, hosted: _Hosted, error: Exception) -> None:
        known = error if isinstance(error, KafkaError) else KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, f"{hosted.topic_partition}: {error}")
        if hosted.error is None or hosted.error.message != known.message:
            what = "the log of {partition} cannot be opened, it takes no requests: {error}"
            self._log.error(what, partition=hosted.topic_partition, error=error)
        hosted.error = known
        self._settle(hosted)

    def _settle(self, hosted: _Hosted) -> None:
        waiting, hosted.waiting = hosted.waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def _retire(self, hosted: _Hosted) -> None:
        if hosted.partition is not None:
            for observer in self._observers:
                observer.partition_resigned(hosted.partition)
            hosted.partition.deleted(hosted.partition.log)
            hosted.partition.resign()
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
        if hosted.partition is None and isinstance(hosted.error, DiskFull) and not hosted.trying:
            self._try_again(hosted, topic)
        if hosted.partition is None:
            raise hosted.error or KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER, f"{hosted.topic_partition} is being opened, try again")
        return hosted.partition

    def hosted(self) -> Iterable[IPartition]:
        """All of them."""
        return [hosted.partition for hosted in self._hosted.values() if hosted.partition is not None]

    @deferred
    async def ready(self, topic_id: TopicId) -> None:
        """Fires once every partition of the topic that is placed here can be used, or cannot be opened."""
        topic: TopicImage | None = self._feed.image.topic_by_id(topic_id)
        for number in range(0 if topic is None else len(topic.partitions)):
            hosted = self._hosted.get((topic_id, number))
            if hosted is not None and hosted.partition is None and hosted.error is None:
                waiter: Deferred[None] = Deferred()
                hosted.waiting.append(waiter)
                await waiter
