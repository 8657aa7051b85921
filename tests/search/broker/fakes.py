"""A broker for the search service: partitions in memory, a metadata image, and Fetch served on adopted sockets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorSocket
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from chronik.errors import ErrorCode, KafkaError
from chronik.metadata.image import ImageDelta, MetadataImage, PartitionState, TopicImage
from chronik.metadata.interfaces import IImageObserver, IMetadataFeed
from chronik.model import TopicId, TopicPartition
from chronik.protocol.header import parse_request_header, response_header
from chronik.protocol.messages import FetchRequest, FetchResponse
from chronik.record.build import NewRecord, build_batch
from chronik.record.compression import Codec
from chronik.search.worker.source import Want
from chronik.storage.interfaces import Extent, IExtentObserver
from tests.search.worker.fakes import FakeLog


class FakePartition:
    """One partition: its own log, listeners, observers."""

    def __init__(self, broker: FakeBroker, topic: TopicImage, number: int) -> None:
        self._broker = broker
        self.key = topic.topic_id, number
        self.topic_partition = TopicPartition(topic.name, number)
        self.log: Any = self
        self.listeners: list[Any] = []
        self.observers: list[IExtentObserver] = []
        self.epoch_ends: dict[int, int] = {}
        broker.log.batches.setdefault(self.key, [])

    @property
    def start_offset(self) -> int:
        """First offset."""
        return self._broker.log.starts.get(self.key, 0)

    @property
    def end_offset(self) -> int:
        """One past the last record."""
        batches = self._broker.log.batches[self.key]
        return batches[-1][1] + 1 if batches else 0

    high_watermark = end_offset

    @property
    def last_stable_offset(self) -> int:
        """The end, or where an open transaction begins."""
        return self._broker.log.stables.get(self.key, self.end_offset)

    def extents(self) -> Sequence[Extent]:
        """One open extent."""
        return [Extent(0, None)]

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int]:
        """As told, else that everything is of this epoch."""
        return epoch, self.epoch_ends.get(epoch, self.end_offset)

    def watch(self, observer: IExtentObserver) -> None:
        """Tell an observer."""
        self.observers.append(observer)

    def unwatch(self, observer: IExtentObserver) -> None:
        """Stop."""
        self.observers.remove(observer)

    def add_listener(self, listener: Any) -> None:
        """Tell a listener."""
        self.listeners.append(listener)

    def remove_listener(self, listener: Any) -> None:
        """Stop."""
        self.listeners.remove(listener)

    def append(self, values: Sequence[bytes | None], codec: Codec = Codec.NONE, timestamp: int = 1_700_000_000_000, epoch: int = 0) -> None:
        """One batch, committed at once."""
        base = self.end_offset
        records = [NewRecord(b"k%d" % (base + n), v, timestamp + base + n) for n, v in enumerate(values)]
        self.append_batch(base, base + len(values) - 1, build_batch(records, codec, base_offset=base, leader_epoch=epoch))

    def append_batch(self, base: int, last: int, batch: bytes) -> None:
        """Any bytes as a batch, committed at once."""
        self._broker.log.batches[self.key].append((base, last, batch))
        self.tell()

    def tell(self) -> None:
        """Say that something was committed."""
        for listener in list(self.listeners):
            listener.committed(self)


@implementer(IMetadataFeed)
class FakeBroker:
    """Partitions and metadata."""

    def __init__(self) -> None:
        self.image = MetadataImage()
        self.log = FakeLog()
        self.partitions: dict[tuple[TopicId, int], FakePartition] = {}
        self.sessions: list[FetchSession] = []
        self._observers: list[IImageObserver] = []

    # -- metadata ------------------------------------------------------------------------------------------------------

    def observe(self, observer: IImageObserver) -> None:
        """See :class:`IMetadataFeed`."""
        self._observers.append(observer)

    def unobserve(self, observer: IImageObserver) -> None:
        """See :class:`IMetadataFeed`."""
        self._observers.remove(observer)

    def reached(self, revision: int) -> Deferred[MetadataImage]:
        """See :class:`IMetadataFeed`."""
        return succeed(self.image)

    def create(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> list[FakePartition]:
        """A new topic."""
        topic_id = TopicId(bytes([len(self.image.topics) + 1] * 16))
        state = PartitionState(0, 0, (0,), (0,))
        topic = TopicImage(name, topic_id, (state,) * partitions, configs or {})
        made = [FakePartition(self, topic, n) for n in range(partitions)]
        self.partitions.update((p.key, p) for p in made)
        self.change(topic)
        return made

    def configure(self, name: str, configs: Mapping[str, str]) -> None:
        """Set a topic's configuration."""
        self.change(replace(self.image.topics[name], configs=configs))

    def delete(self, name: str) -> None:
        """Remove a topic."""
        topics = dict(self.image.topics)
        topic = topics.pop(name)
        self.image = replace(self.image, topics=topics)
        for observer in self._observers:
            observer.image_changed(self.image, ImageDelta(deleted=(topic,)))

    def change(self, topic: TopicImage) -> None:
        """A topic is so from now on."""
        self.image = replace(self.image, topics={**self.image.topics, topic.name: topic})
        for observer in self._observers:
            observer.image_changed(self.image, ImageDelta(changed={topic.name}))

    # -- partitions ----------------------------------------------------------------------------------------------------

    def get_by_id(self, topic_id: TopicId, partition: int) -> FakePartition:
        """A partition."""
        if (topic_id, partition) not in self.partitions:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
        return self.partitions[topic_id, partition]

    def ready(self, topic_id: TopicId) -> Deferred[None]:
        """All are, always."""
        return succeed(None)

    # -- sessions ------------------------------------------------------------------------------------------------------

    def adopter(self, reactor: IReactorSocket) -> Callable[[int], None]:
        """Serves Fetch on adopted sockets."""
        factory = Factory.forProtocol(FetchSession)
        factory.broker = self  # type: ignore[attr-defined]
        return lambda descriptor: reactor.adoptStreamConnection(descriptor, socket.AF_UNIX, factory)


class FetchSession(Int32StringReceiver):
    """Serves Fetch; closes on anything else."""

    MAX_LENGTH = 1 << 24

    def connectionMade(self) -> None:
        """Remember it."""
        self.factory.broker.sessions.append(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Forget it."""
        self.factory.broker.sessions.remove(self)

    def stringReceived(self, frame: bytes) -> None:
        """A request."""
        header = parse_request_header(frame)
        if header.api_key != FetchRequest.api_key or header.api_version < 13:
            self.transport.abortConnection()
            return
        request, _ = FetchRequest.decode(frame, header.api_version, header.body_start)
        responses = tuple(self._topic(topic, request.max_bytes) for topic in request.topics)
        response = FetchResponse(responses=responses)
        start = response_header(header.api_key, header.api_version, header.correlation_id)
        self.sendString(start + response.encode(header.api_version))

    def _topic(self, topic: Any, bytes_max: int) -> Any:
        wants = [Want(topic.topic_id, p.partition, p.fetch_offset, p.partition_max_bytes) for p in topic.partitions]
        return FetchResponse.FetchableTopicResponse(topic_id=topic.topic_id, partitions=tuple(self._partition(w, bytes_max) for w in wants))

    def _partition(self, want: Want, bytes_max: int) -> Any:
        broker = self.factory.broker
        partition = broker.partitions.get((want.topic_id, want.partition))
        if partition is None:
            return FetchResponse.PartitionData(partition_index=want.partition, error_code=ErrorCode.UNKNOWN_TOPIC_ID, aborted_transactions=())
        fetched = broker.log.fetched(want, bytes_max)
        return FetchResponse.PartitionData(
            partition_index=want.partition,
            error_code=fetched.error,
            high_watermark=partition.high_watermark,
            last_stable_offset=partition.last_stable_offset,
            log_start_offset=partition.start_offset,
            aborted_transactions=tuple(FetchResponse.AbortedTransaction(producer_id=p, first_offset=o) for p, o in fetched.aborted),
            records=memoryview(fetched.records),
        )


