"""Which partitions are searched, and what the search process is told of them.

The feed follows the metadata image (topics, their ``search.mode``) and watches the log of each searched partition. What moved is told in bundles,
so that a busy partition costs the broker one set entry a commit.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from chronik.errors import KafkaError
from chronik.metadata.image import ImageDelta, MetadataImage, TopicImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed
from chronik.model import UNSEARCHED_TOPICS, TopicId, topic_id_text
from chronik.search.broker_interfaces import NO_BACKEND, CommittedLog, CommittedLogs, SearchConfig
from chronik.search.feed_messages import (
    AskedPartition,
    AskedTopic,
    Committed,
    ExtentEvent,
    PartitionFeed,
    committed_head,
    deleted_head,
    extent_head,
    fed_head,
    partition_head,
    truncated_head,
)
from chronik.search.wire import Head
from chronik.storage.interfaces import Extent, IExtentObserver, IPartitionLog

if TYPE_CHECKING:
    from twisted.python.failure import Failure

HINT_INTERVAL_S: Final = 0.02
"""How long commits are gathered before the process is told: a small part of how fresh search is to be."""

INDEX_DIRECTORY: Final = ".search"
"""Below each log directory."""

MODES: Final = ("off", "text", "json")


class SearchOff(Exception):
    """Search is off for a topic."""


@implementer(IExtentObserver)
class PartitionWatch:
    """Watches one searched partition for the feed."""

    def __init__(self, feed: SearchFeed, number: int, topic: TopicImage, partition: CommittedLog, mode: str, fast: bool) -> None:
        self._feed = feed
        self.number = number
        self.topic = topic
        self.partition = partition
        self.mode = mode
        self.fast = fast
        self.log = partition.log

    def follow(self, partition: CommittedLog) -> None:
        """It is led anew, perhaps over another log, in another directory, with the same records."""
        self.stop()
        self.partition, self.log = partition, partition.log
        self.start()

    def start(self) -> None:
        """Begin watching."""
        self.log.watch(self)
        self.partition.add_listener(self)

    def stop(self) -> None:
        """Stop watching."""
        self.log.unwatch(self)
        self.partition.remove_listener(self)

    def now(self) -> Committed:
        """How far the partition may be read."""
        partition = self.partition
        stable = min(partition.last_stable_offset, partition.high_watermark)
        return Committed(self.number, partition.start_offset, max(stable, partition.start_offset), partition.high_watermark)

    def committed(self, partition: object) -> None:
        """More may be read."""
        self._feed.moved(self)

    def extent_opened(self, log: IPartitionLog, extent: Extent) -> None:
        """See :class:`IExtentObserver`."""
        self._tell("opened", extent)

    def extent_sealed(self, log: IPartitionLog, extent: Extent) -> None:
        """See :class:`IExtentObserver`."""
        self._tell("sealed", extent)

    def extent_rewritten(self, log: IPartitionLog, extent: Extent) -> None:
        """See :class:`IExtentObserver`."""
        self._tell("rewritten", extent)

    def truncated(self, log: IPartitionLog, offset: int, leader_epoch: int) -> None:
        """See :class:`IExtentObserver`."""
        self._feed.tell(truncated_head(self.number, offset))

    def start_advanced(self, log: IPartitionLog, offset: int) -> None:
        """See :class:`IExtentObserver`."""
        self._feed.moved(self)

    def flushed(self, log: IPartitionLog) -> None:
        """Not committed yet: :meth:`committed` tells."""

    def failed(self, log: IPartitionLog, reason: BaseException) -> None:
        """What is indexed is found on; its records cannot be shown until the broker starts with that disk again."""

    def deleted(self, log: IPartitionLog) -> None:
        """The image's change says so too, whichever comes first."""
        self._feed.forget(self)

    def _tell(self, event: str, extent: Extent) -> None:
        self._feed.tell(extent_head(ExtentEvent(self.number, event, extent.base_offset, extent.end_offset, extent.generation)))


@implementer(IImageObserver)
class SearchFeed:
    """The partitions that are searched.

    :param send: takes a head to the search process; does nothing while there is none.
    :param directories: the log directories; an index lives below one of them.
    :param offline: those of them that cannot be used now; what would be there goes elsewhere meanwhile.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        logs: CommittedLogs,
        metadata: IMetadataFeed,
        config: SearchConfig,
        directories: Sequence[str],
        send: Callable[[Head], None],
        offline: Callable[[], AbstractSet[str]] = frozenset,
    ) -> None:
        self._clock = clock
        self._logs = logs
        self._metadata = metadata
        self._config = config
        self._directories = tuple(directories)
        self._send = send
        self._offline = offline
        self._numbers: dict[tuple[TopicId, int], int] = {}
        self._watches: dict[TopicId, dict[int, PartitionWatch]] = {}
        self._by_number: dict[int, PartitionWatch] = {}
        self._moved: dict[PartitionWatch, None] = {}
        self._telling: IDelayedCall | None = None
        self._attached = False

    def start(self) -> None:
        """Follow the image from now on."""
        self._metadata.observe(self)
        self._topics_changed(self._metadata.image.topics.values())

    def stop(self) -> None:
        """Stop following."""
        self._metadata.unobserve(self)
        for watch in list(self._by_number.values()):
            watch.stop()
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    def attach(self) -> None:
        """A process has started that knows nothing yet: tell it everything."""
        self._attached = True
        for watch in self._by_number.values():
            self._send(self._partition_head(watch))
        self._send(fed_head([f"{d}/{INDEX_DIRECTORY}" for d in self._usable()]))

    def detach(self) -> None:
        """The process is gone."""
        self._attached = False
        self._moved.clear()

    def image_changed(self, image: MetadataImage, delta: ImageDelta) -> None:
        """See :class:`IImageObserver`."""
        for topic in delta.deleted:
            for watch in list(self._watches.get(topic.topic_id, {}).values()):
                self.forget(watch)
        everything = any(resource.startswith("broker/") for resource in delta.configs)
        names: Iterable[str] = image.topics if everything else delta.changed
        self._topics_changed(image.topics[name] for name in names if name in image.topics)

    def partition_led(self, topic_id: TopicId, partition: CommittedLog) -> None:
        """A partition is led here from now on. One that is searched already is watched where it is now; another one may not have been led yet when
        the image changed.
        """
        watch = self._watches.get(topic_id, {}).get(partition.topic_partition.partition)
        topic: TopicImage | None = self._metadata.image.topics.get(partition.topic_partition.topic)
        if watch is None and topic is not None and topic.topic_id == topic_id:
            self._sync(topic)
        elif watch is not None and watch.partition is not partition:
            watch.follow(partition)
            self.tell(self._partition_head(watch))

    def moved(self, watch: PartitionWatch) -> None:
        """A partition can be read further; told with others a moment later."""
        if self._attached and watch.number in self._by_number:
            self._moved[watch] = None
            if self._telling is None:
                self._telling = self._clock.callLater(HINT_INTERVAL_S, self._tell_moved)

    def tell(self, head: Head) -> None:
        """Pass something on at once."""
        if self._attached:
            self._send(head)

    def forget(self, watch: PartitionWatch) -> None:
        """A partition is not searched any more."""
        if self._by_number.pop(watch.number, None) is None:
            return
        watch.stop()
        self._moved.pop(watch, None)
        watches = self._watches[watch.topic.topic_id]
        del watches[watch.partition.topic_partition.partition]
        if not watches:
            del self._watches[watch.topic.topic_id]
        self.tell(deleted_head(watch.number))

    def resume(self, number: int, epoch: int, offset: int) -> None:
        """The process's index of a partition ends with this record: say up to where the log agrees (KIP-101)."""
        watch = self._by_number.get(number)
        if watch is None:
            return
        agreed_epoch, end = watch.log.end_offset_for_epoch(epoch)
        agreed = 0 if agreed_epoch < 0 else min(end, offset + 1, watch.log.end_offset)
        self.tell(truncated_head(number, agreed))

    def searches(self, name: str) -> bool:
        """Whether there is a topic of this name and its search is not off."""
        topic = self._metadata.image.topics.get(name)
        return topic is not None and self._settings(topic)[0] != "off"

    def asked(self, names: Sequence[str]) -> list[AskedTopic]:
        """The partitions of these topics as they are now.

        :raises KeyError: no topic of this name.
        :raises SearchOff: search is off for it.
        """
        topics = []
        for name in names:
            topic = self._metadata.image.topics.get(name)
            if topic is None:
                raise KeyError(name)
            if self._settings(topic)[0] == "off":
                raise SearchOff(name)
            watches = self._watches.get(topic.topic_id, {})
            missing = tuple((n, self._why_not(topic, n)) for n in range(len(topic.partitions)) if n not in watches)
            topics.append(AskedTopic(name, tuple(AskedPartition(n, w.now()) for n, w in sorted(watches.items())), missing))
        return topics

    def watches(self) -> Iterable[PartitionWatch]:
        """Every searched partition."""
        return self._by_number.values()

    def watch(self, number: int) -> PartitionWatch | None:
        """The searched partition of this number."""
        return self._by_number.get(number)

    def _topics_changed(self, topics: Iterable[TopicImage]) -> None:
        for topic in topics:
            if topic.name not in UNSEARCHED_TOPICS:
                ready = self._logs.ready(topic.topic_id)
                ready.addCallback(self._hosted, topic)
                ready.addErrback(self._not_ready, topic.name)

    def _hosted(self, _: None, topic: TopicImage) -> None:
        self._sync(topic)

    def _not_ready(self, failure: Failure, topic: str) -> None:
        self._log.failure("partitions of {topic} are not searched", failure, topic=topic)

    def _sync(self, topic: TopicImage) -> None:
        """Make what is watched of a topic what the image says of it now."""
        current = self._metadata.image.topics.get(topic.name)
        if current is None or current.topic_id != topic.topic_id:
            return
        mode, fast = self._settings(current)
        watches = self._watches.get(topic.topic_id, {})
        for number in range(len(current.partitions)):
            watch = watches.get(number)
            if mode == "off" or not self._is_here(current, number):
                # Its log may have gone already, and another one than is watched: logs that are followed change their places, too.
                if watch is not None:
                    self.forget(watch)
            elif watch is None:
                self._add(current, number, mode, fast)
            elif (watch.mode, watch.fast) != (mode, fast):
                watch.topic, watch.mode, watch.fast = current, mode, fast
                self.tell(self._partition_head(watch))

    def _is_here(self, topic: TopicImage, number: int) -> bool:
        """Whether this broker has a replica; one that does not know its own id has all."""
        return self._config.broker_id < 0 or self._config.broker_id in topic.partitions[number].replicas

    def _why_not(self, topic: TopicImage, number: int) -> str:
        """Why a partition is not searched here."""
        if not self._is_here(topic, number):
            return "it is kept by other brokers"
        try:
            self._logs.get_by_id(topic.topic_id, number)
        except KafkaError as error:
            return str(error)
        return "it is being opened"

    def _add(self, topic: TopicImage, number: int, mode: str, fast: bool) -> None:
        try:
            partition = self._logs.get_by_id(topic.topic_id, number)
        except KafkaError as error:
            self._log.debug("{topic}-{partition} is not searched here: {error}", topic=topic.name, partition=number, error=error)
            return
        feed = self._numbers.setdefault((topic.topic_id, number), len(self._numbers))
        watch = PartitionWatch(self, feed, topic, partition, mode, fast)
        self._watches.setdefault(topic.topic_id, {})[number] = watch
        self._by_number[feed] = watch
        watch.start()
        self.tell(self._partition_head(watch))

    def _settings(self, topic: TopicImage) -> tuple[str, bool]:
        configs = self._metadata.image.configs
        defaults = {**configs.get("broker/", {}), **configs.get(f"broker/{self._config.broker_id}", {})}
        mode = topic.configs.get("search.mode", defaults.get("search.mode", self._config.mode))
        fast = topic.configs.get("search.fast", defaults.get("search.fast", str(self._config.fast)))
        searched = mode in MODES and topic.name not in UNSEARCHED_TOPICS and self._config.backend != NO_BACKEND
        return (mode if searched else "off"), fast.lower() == "true"

    def _partition_head(self, watch: PartitionWatch) -> Head:
        number = watch.partition.topic_partition.partition
        text = topic_id_text(watch.topic.topic_id)
        root = self._root(zlib.crc32(f"{text}/{number}".encode()))
        extents = tuple((e.base_offset, e.end_offset, e.generation) for e in watch.log.extents())
        path = f"{root}/{INDEX_DIRECTORY}/{text}/{number}"
        feed = PartitionFeed(watch.number, watch.topic.name, watch.topic.topic_id, number, watch.mode, watch.fast, path, extents, watch.now())
        return partition_head(feed)

    def _root(self, number: int) -> str:
        """A directory for an index: always the same, as long as that can be used."""
        root, usable = self._directories[number % len(self._directories)], self._usable()
        return root if root in usable or not usable else usable[number % len(usable)]

    def _usable(self) -> Sequence[str]:
        offline = self._offline()
        return [directory for directory in self._directories if directory not in offline]

    def _tell_moved(self) -> None:
        self._telling = None
        moved, self._moved = self._moved, {}
        if moved and self._attached:
            self._send(committed_head([w.now() for w in moved]))
