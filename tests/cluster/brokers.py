"""Several brokers in one process, over one metadata store and one clock: each request goes straight into the other's dispatcher."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.cluster.interfaces import NewTopic
from chronik.metadata.image import PartitionState
from chronik.metadata.memory import MemoryMetadataStore
from chronik.model import IsolationLevel
from chronik.network.channel import ChannelError
from chronik.network.interfaces import IBrokerChannels
from chronik.protocol.apis import decodable_versions
from chronik.protocol.message import Message
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from chronik.replica.interfaces import IPartition
from chronik.testing.logs import make_clock
from chronik.testing.records import batch_of
from tests.server.memory_broker import MemoryBroker, Neighbours

SETTINGS = {"default.replication.factor": "3", "broker.heartbeat.interval.ms": "500"}


class LocalChannel:
    """A connection to a broker, as :class:`~chronik.network.channel.KafkaChannel` would be one.

    :param broker: gives who answers, None for nobody any more.
    """

    def __init__(self, broker: Any, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._closed = False
        self._waiting: list[Deferred[Any]] = []

    def version_of(self, api_key: int) -> int:
        """The newest."""
        return decodable_versions(api_key)[-1]

    def request(self, message: Message, version: int | None = None, seconds: float = 30.0) -> Deferred[Any]:
        """Ask; fails when the time is up, or nobody is there."""
        broker = self._broker()
        if broker is None or self._closed:
            return fail(ChannelError("nobody is there"))
        answer: Deferred[Any] = Deferred()
        timer = self._clock.callLater(seconds, self._end, answer, ChannelError("no answer"))
        self._waiting.append(answer)

        def answered(result: Any) -> None:
            if timer.active():
                timer.cancel()
            if self._broker() is None:
                result = Failure(ChannelError("it died"))
            self._end(answer, result)

        broker.send(message, self.version_of(message.api_key or 0) if version is None else version).addBoth(answered)
        return answer

    def _end(self, answer: Deferred[Any], result: Any) -> None:
        if answer in self._waiting:
            self._waiting.remove(answer)
            answer.errback(result) if isinstance(result, Exception | Failure) else answer.callback(result)

    def close(self) -> None:
        """Whoever waits is told."""
        self._closed = True
        for answer in tuple(self._waiting):
            self._end(answer, ChannelError("closed"))


@implementer(IBrokerChannels)
class LocalChannels:
    """Connections of one broker to the others."""

    def __init__(self, cluster: LocalCluster, broker_id: int) -> None:
        self._cluster = cluster
        self._broker_id = broker_id

    def connect(self, broker_id: int) -> Deferred[Any]:
        """At once, or not at all."""
        if self._cluster.reach(self._broker_id, broker_id) is None:
            return fail(ChannelError("nobody is there"))
        return succeed(LocalChannel(lambda: self._cluster.reach(self._broker_id, broker_id), self._cluster.clock))


class LocalCluster:
    """Brokers 1 to ``count``.

    :ivar brokers: those that run, by id.
    :ivar cut: pairs of brokers that do not reach each other.
    """

    def __init__(self, case: SynchronousTestCase, count: int, settings: Mapping[str, str] | None = None) -> None:
        self._case = case
        self._settings = {**SETTINGS, **(settings or {})}
        self.clock = make_clock()
        self.metadata = MemoryMetadataStore(self.clock)
        self.brokers: dict[int, MemoryBroker] = {}
        self.cut: set[frozenset[int]] = set()
        for broker_id in range(1, count + 1):
            self.start(broker_id)
        self.advance(2.0)

    def reach(self, source: int, target: int) -> MemoryBroker | None:
        """Who answers a broker that asks another one."""
        return None if frozenset((source, target)) in self.cut else self.brokers.get(target)

    def store_of(self, broker_id: int) -> Any:
        """The metadata store as a broker sees it."""
        return self.metadata

    def start(self, broker_id: int, disk: Any = None) -> MemoryBroker:
        """Start a broker."""
        neighbours = Neighbours(broker_id, self.clock, self.store_of(broker_id), LocalChannels(self, broker_id))
        broker = MemoryBroker(self._settings, neighbours=neighbours, disk=disk)
        self.brokers[broker_id] = broker
        broker.start(self._case)
        self._case.addCleanup(broker.die)
        return broker

    def kill(self, broker_id: int, random: Random | None = None) -> Any:
        """Kill a broker; its disk, as it is found afterwards."""
        return self.brokers.pop(broker_id).die(random)

    def advance(self, seconds: float) -> None:
        """Let time pass, a little at a time."""
        self.clock.pump([0.05] * int(seconds / 0.05))

    # -- what is there ------------------------------------------------------------------------------------------------

    def any(self) -> MemoryBroker:
        """A broker that runs."""
        return next(iter(self.brokers.values()))

    def controller(self) -> MemoryBroker:
        """The one that is the controller."""
        return self.brokers[self.any().feed.image.controller_id]

    def create(self, name: str = "t", partitions: int = 1, replicas: int = 3, **configs: str) -> None:
        """Create a topic."""
        wanted = NewTopic(name, partitions, replicas, configs=configs)
        (outcome,) = self._case.successResultOf(self.controller().controller.create_topics([wanted]))
        if isinstance(outcome, Exception):
            raise outcome
        self.advance(1.0)

    def state(self, name: str = "t", number: int = 0) -> PartitionState:
        """What the metadata say of a partition."""
        state: PartitionState = self.any().feed.image.topics[name].partitions[number]
        return state

    def led(self, name: str = "t", number: int = 0) -> IPartition:
        """A partition, where it is led."""
        return self.brokers[self.state(name, number).leader].partitions.get(name, number)

    def append(self, *values: bytes, acks: int = -1) -> Deferred[Any]:
        """Append a batch to the partition."""
        return self.led().append(batch_of(*values), acks)

    def values(self, partition: IPartition | None = None) -> list[bytes]:
        """What a reader gets of a partition."""
        found = self._case.successResultOf((partition or self.led()).read(0, 1 << 20, IsolationLevel.READ_UNCOMMITTED, True))
        data = found.records.read(0, found.records.size)
        found.records.close()
        return [record.value or b"" for _, batch in whole_batches(data) for record in decode_records(batch)]
