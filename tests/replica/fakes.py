"""A log and a store that do what tests tell them, without files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta, MetadataImage, PartitionState, TopicImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed
from chronik.model import TopicId, TopicPartition
from chronik.replica.inspection import BatchInspector
from chronik.storage.config import LogConfig
from chronik.storage.interfaces import AppendResult, DirectoryStatus, DirectoryUsage, Extent, ILogStore, IPartitionLog, OffsetAndTimestamp
from chronik.testing.pools import SynchronousWorker

TOPIC_ID = TopicId(b"i" * 16)
PARTITION = TopicPartition("t", 0)


def make_inspector() -> BatchInspector:
    """One that looks within the call, at the beginning of time."""
    return BatchInspector(Clock().seconds, SynchronousWorker)


class HeldSlice:
    """A slice of no bytes that remembers whether it was closed."""

    def __init__(self, offset: int, limit: int) -> None:
        self.base_offset = offset
        self.limit = limit
        self.size = max(0, limit - offset) * 10
        self.closed = False

    def __len__(self) -> int:
        """Its size."""
        return self.size

    def read(self, start: int, count: int) -> bytes:
        """Zeros."""
        return bytes(min(count, self.size - start))

    def file_range(self) -> None:
        """Nowhere."""

    def close(self) -> None:
        """Note it."""
        self.closed = True


@implementer(IPartitionLog)
class FakeLog:
    """A log whose writes and flushes happen when the test says so; every batch is ``b"x" * n`` and has n records."""

    def __init__(self, topic_partition: TopicPartition = PARTITION, topic_id: TopicId = TOPIC_ID, end: int = 0) -> None:
        self.topic_partition = topic_partition
        self.topic_id = topic_id
        self.config = LogConfig()
        self.start_offset = 0
        self.local_start_offset = 0
        self.end_offset = self.flushed_offset = end
        self.first_unstable_offset: int | None = None
        self.latest_epoch = 0
        self.size_bytes = 0
        self.clean = True
        self.held: list[tuple[Deferred[AppendResult], AppendResult]] | None = None
        self.epochs: list[int] = []
        self.replicated: list[bytes] = []
        self.raised: list[int] = []
        self.epoch_failure: KafkaError | None = None
        self.watermarks: list[int] = []
        self.observers: list[Any] = []
        self.found: OffsetAndTimestamp | None = None
        self.slices: list[HeldSlice] = []
        self.closed = False
        self.noting: list[Deferred[None]] | None = None

    def append(self, data: bytes | memoryview, leader_epoch: int, internal: bool = False, inspected: bool = False) -> Deferred[AppendResult]:
        """Append as many records as there are bytes."""
        if data == b"bad":
            return fail(KafkaError(ErrorCode.CORRUPT_MESSAGE, "bad"))
        base = self.end_offset
        self.end_offset += len(data)
        self.epochs.append(leader_epoch)
        result = AppendResult(base, self.end_offset - 1, -1, self.start_offset)
        if self.held is None:
            return succeed(result)
        waiting: Deferred[AppendResult] = Deferred()
        self.held.append((waiting, result))
        return waiting

    def replicate(self, data: bytes | memoryview) -> Deferred[int]:
        """Append as many records as there are bytes, held as those of :meth:`append` are."""
        self.replicated.append(bytes(data))
        return self.append(data, self.latest_epoch).addCallback(lambda result: result.last_offset + 1)

    def write(self) -> None:
        """Do what was held."""
        held, self.held = self.held or [], None
        for waiting, result in held:
            waiting.callback(result)

    def flush_to(self, offset: int) -> None:
        """What is below is durable now."""
        self.flushed_offset = offset
        for observer in tuple(self.observers):
            observer.flushed(self)

    def read(self, offset: int, max_bytes: int, limit_offset: int, at_least_one_batch: bool) -> Deferred[HeldSlice]:
        """A slice up to the limit."""
        if offset < self.start_offset:
            return fail(KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, "below the start"))
        found = HeldSlice(offset, limit_offset if max_bytes > 0 or at_least_one_batch else offset)
        self.slices.append(found)
        return succeed(found)

    def offset_for_timestamp(self, timestamp: int) -> Deferred[OffsetAndTimestamp | None]:
        """What the test says."""
        return succeed(self.found)

    def offset_of_max_timestamp(self) -> Deferred[OffsetAndTimestamp | None]:
        """What the test says."""
        return succeed(self.found)

    def end_offset_for_epoch(self, leader_epoch: int) -> tuple[int, int]:
        """One epoch for all."""
        return (leader_epoch, self.end_offset)

    def epoch_for_offset(self, offset: int) -> int:
        """One epoch for all."""
        return 0

    def active_producers(self) -> Sequence[Any]:
        """Nobody."""
        return ()

    def advance_start(self, offset: int) -> Deferred[None]:
        """Forget; durable at once, or when told."""
        self.start_offset = max(offset, self.start_offset)
        for observer in tuple(self.observers):
            observer.start_advanced(self, self.start_offset)
        if self.noting is None:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self.noting.append(waiting)
        return waiting

    def truncate(self, offset: int) -> Deferred[None]:
        """Cut."""
        self.end_offset = offset
        return succeed(None)

    def restart_at(self, offset: int) -> Deferred[None]:
        """Begin anew, at once."""
        start = self.start_offset
        self.start_offset = self.local_start_offset = self.end_offset = self.flushed_offset = offset
        for observer in tuple(self.observers):
            observer.truncated(self, start, -1)
            observer.start_advanced(self, offset)
            observer.extent_opened(self, Extent(offset, None))
        return succeed(None)

    def raise_epoch(self, leader_epoch: int) -> Deferred[None]:
        """Note it."""
        self.raised.append(leader_epoch)
        if self.epoch_failure is None:
            return succeed(None)
        for observer in tuple(self.observers):
            observer.failed(self, self.epoch_failure)
        return fail(self.epoch_failure)

    def set_high_watermark(self, offset: int) -> None:
        """Note it."""
        self.watermarks.append(offset)

    def configure(self, config: LogConfig) -> None:
        """Take it."""
        self.config = config

    def apply_retention(self, now: int) -> Deferred[int]:
        """Nothing."""
        return succeed(0)

    def flush(self) -> Deferred[int]:
        """At once."""
        self.flush_to(self.end_offset)
        return succeed(self.flushed_offset)

    def extents(self) -> Sequence[Extent]:
        """One."""
        return [Extent(0, None)]

    def watch(self, observer: Any) -> None:
        """Tell it."""
        self.observers.append(observer)

    def unwatch(self, observer: Any) -> None:
        """Do not."""
        self.observers = [known for known in self.observers if known is not observer]

    def close(self) -> Deferred[None]:
        """Note it."""
        self.closed = True
        return succeed(None)


@implementer(ILogStore)
class FakeStore:
    """Gives fake logs, at once or when told."""

    def __init__(self) -> None:
        self.logs: dict[tuple[TopicPartition, TopicId], FakeLog] = {}
        self.found: list[tuple[TopicPartition, TopicId]] = []
        self.deleted: list[tuple[TopicPartition, TopicId]] = []
        self.aside: list[tuple[TopicPartition, TopicId]] = []
        self.unclean: set[TopicPartition] = set()
        self.refusing: dict[TopicPartition, Exception] = {}
        self.held: list[Deferred[None]] | None = None
        self.moved: list[tuple[TopicPartition, TopicId, str]] = []
        self.used: list[DirectoryUsage] = []

    def start(self) -> Deferred[None]:
        """At once."""
        return succeed(None)

    def open(self, topic_partition: TopicPartition, topic_id: TopicId, config: LogConfig, existing: bool = False) -> Deferred[Any]:
        """A fake log."""
        if topic_partition in self.refusing:
            return fail(self.refusing[topic_partition])
        log = self.logs.setdefault((topic_partition, topic_id), FakeLog(topic_partition, topic_id))
        log.configure(config)
        log.clean = topic_partition not in self.unclean
        if self.held is None:
            return succeed(log)
        waiting: Deferred[None] = Deferred()
        self.held.append(waiting)
        return waiting.addCallback(lambda _: log)

    def known(self) -> Sequence[tuple[TopicPartition, TopicId]]:
        """What the test put there."""
        return self.found

    def delete(self, topic_partition: TopicPartition, topic_id: TopicId) -> Deferred[None]:
        """Note it."""
        self.deleted.append((topic_partition, topic_id))
        self.logs.pop((topic_partition, topic_id), None)
        return succeed(None)

    def set_aside(self, topic_partition: TopicPartition, topic_id: TopicId) -> Deferred[None]:
        """Note it."""
        self.aside.append((topic_partition, topic_id))
        return succeed(None)

    def directories(self) -> Sequence[str]:
        """One."""
        return ["/data"]

    def status(self) -> Sequence[DirectoryStatus]:
        """It is well."""
        return [DirectoryStatus(directory) for directory in self.directories()]

    def move(self, topic_partition: TopicPartition, topic_id: TopicId, directory: str) -> Deferred[None]:
        """Note it."""
        if directory not in self.directories():
            return fail(KafkaError(ErrorCode.LOG_DIR_NOT_FOUND, directory))
        self.moved.append((topic_partition, topic_id, directory))
        return succeed(None)

    def usage(self) -> Deferred[Sequence[DirectoryUsage]]:
        """What the test says."""
        return succeed(self.used)

    def close(self) -> Deferred[None]:
        """At once."""
        return succeed(None)


@implementer(IMetadataFeed)
class FakeFeed:
    """An image that the test changes."""

    def __init__(self, image: MetadataImage | None = None) -> None:
        self.image = image or MetadataImage()
        self.observers: list[IImageObserver] = []

    def observe(self, observer: IImageObserver) -> None:
        """Tell it."""
        self.observers.append(observer)

    def unobserve(self, observer: IImageObserver) -> None:
        """Do not."""
        self.observers = [known for known in self.observers if known is not observer]

    def reached(self, revision: int) -> Deferred[MetadataImage]:
        """At once."""
        return succeed(self.image)

    def become(self, image: MetadataImage, delta: ImageDelta) -> None:
        """Change, and tell."""
        self.image = image
        for observer in tuple(self.observers):
            observer.image_changed(image, delta)


def topic_of(name: str = "t", partitions: int = 1, topic_id: TopicId = TOPIC_ID, epoch: int = 0, leader: int = 1) -> TopicImage:
    """A topic led by one broker."""
    return TopicImage(name, topic_id, tuple(PartitionState(leader, epoch, (leader,), (leader,)) for _ in range(partitions)))


def image_of(*topics: TopicImage, revision: int = 1) -> MetadataImage:
    """An image of these topics."""
    return MetadataImage(revision, "cluster", 1, topics={t.name: t for t in topics}, names={t.topic_id: t.name for t in topics})
