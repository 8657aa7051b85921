"""A broker on a simulated machine, a client beside, and the data that such a broker leaves."""

from __future__ import annotations

import functools
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, formatEvent
from twisted.python.failure import Failure

from chronik.errors import ErrorCode
from chronik.protocol import messages as m
from chronik.record.batch import BadBatch, check_crc, whole_batches
from chronik.record.build import NewRecord, build_batch
from chronik.record.records import decode_records
from chronik.storage.memory import MemoryFileSystem
from chronik.testing.simulation.brokers import PORT, SimulatedBroker
from chronik.testing.simulation.client import Broker, ClusterClient, Unavailable
from chronik.testing.simulation.ledger import Ledger
from chronik.testing.simulation.network import Network
from chronik.testing.simulation.reactor import SimulatedReactor
from chronik.testing.simulation.timeline import Timeline

SETTINGS: Final = {"offsets.topic.num.partitions": "1", "log.flush.offset.checkpoint.interval.ms": "500", "search.backend": "none"}

START_SECONDS: Final = 120.0
EVENTS_MAX: Final = 200_000
"""A start with what is looked at afterwards takes some thousand events; one that takes so many hangs."""

GROUP: Final = "readers"
COMMITTED: Final = 123
STARTS_AT: Final = 40
"""From which offset on ``plain-0`` may be read."""

PLAIN: Final = "plain"
TOPICS: Final = {PLAIN: 1, "single": 2, "__consumer_offsets": 1}

Partition = tuple[str, int]


class Refused(Exception):
    """A partition answers with an error."""

    def __init__(self, code: int) -> None:
        super().__init__(ErrorCode(code).name)
        self.code = code


class Scene:
    """One machine, the broker on it, and a client beside.

    :param file_system: what the broker finds; an empty one if None.
    :ivar said: what it complained of when it gave up.
    :ivar logged: what it logged as a warning or worse.
    :ivar failures: what it logged with a traceback.
    """

    def __init__(self, seed: str, file_system: MemoryFileSystem | None = None) -> None:
        self._timeline = Timeline()
        network = Network(self._timeline, Random(f"{seed}/network"))
        self.said: list[str] = []
        self.logged: list[str] = []
        self.failures: list[str] = []
        self.broker = SimulatedBroker(1, self._timeline, network, seed, SETTINGS, None, 1, self._ended, scratch="")
        if file_system is not None:
            self.broker.disk.file_system = file_system
        reactor = SimulatedReactor(self._timeline, network.host("10.0.1.1"))
        bootstrap = [Broker(self.broker.address, PORT)]
        self.client = ClusterClient(reactor, Random(seed), "me", bootstrap, Ledger())

    def _ended(self, broker: SimulatedBroker, why: str) -> None:
        self.said.append(why)

    @property
    def disk(self) -> MemoryFileSystem:
        """As it is now."""
        return self.broker.disk.file_system

    def observe(self, event: LogEvent) -> None:
        """Something was logged."""
        if "log_failure" in event:
            self.failures.append(f"{formatEvent(event)}: {event['log_failure'].getBriefTraceback()}")
        if event["log_level"].name in ("warn", "error", "critical"):
            self.logged.append(formatEvent(event))

    def start(self) -> bool:
        """Whether it serves in the end; else it ended.

        :raises AssertionError: neither.
        """
        self.broker.start()
        self._until(lambda: self.broker.phase in ("serving", "down"), "a start")
        return self.broker.phase == "serving"

    def stop(self) -> None:
        """As a service manager does."""
        self.client.close()
        self.broker.stop()
        self._until(lambda: self.broker.phase == "down", "a stop")

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Let time pass until it is done; its result."""
        found: list[Any] = []
        Deferred.fromCoroutine(work).addBoth(found.append)
        self._until(lambda: bool(found), "an answer")
        if isinstance(found[0], Failure):
            found[0].raiseException()
        return found[0]

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        until = self._timeline.now + seconds
        self._timeline.run(lambda: self._timeline.now >= until, until)

    def _until(self, done: Any, what: str) -> None:
        events_max = self._timeline.events + EVENTS_MAX
        ended = self._timeline.run(lambda: done() or self._timeline.events > events_max, self._timeline.now + START_SECONDS)
        if not ended or not done():
            raise AssertionError(f"{what} does not end")

    # -- requests -----------------------------------------------------------------------------------------------------

    async def produce(self, topic: str, partition: int, values: list[bytes], producer_id: int = -1, sequence: int = -1) -> int:
        """Produce one batch; its base offset.

        :raises Refused: the broker answers with an error.
        """
        leader, _, topic_id = await self.client.leader(topic, partition)
        epoch = -1 if producer_id < 0 else 0
        records = [NewRecord(None, value, 1_700_000_000_000) for value in values]
        batch = build_batch(records, producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence)
        part = m.ProduceRequest.PartitionProduceData(index=partition, records=batch)
        asked = m.ProduceRequest.TopicProduceData(name=topic, topic_id=topic_id, partition_data=(part,))
        response = await self.client.ask(leader, m.ProduceRequest(acks=-1, timeout_ms=3000, topic_data=(asked,)))
        (answer,) = response.responses[0].partition_responses
        if answer.error_code:
            raise Refused(answer.error_code)
        return int(answer.base_offset)

    async def _start_of(self, topic: str, partition: int) -> int:
        leader, _, _ = await self.client.leader(topic, partition)
        part = m.ListOffsetsRequest.ListOffsetsPartition(partition_index=partition, timestamp=-2)
        asked = m.ListOffsetsRequest.ListOffsetsTopic(name=topic, partitions=(part,))
        response = await self.client.ask(leader, m.ListOffsetsRequest(topics=(asked,)))
        (answer,) = response.topics[0].partitions
        if answer.error_code:
            raise Refused(answer.error_code)
        return int(answer.offset)

    async def read(self, topic: str, partition: int) -> list[tuple[int, bytes]]:
        """Offsets and values of a whole partition.

        :raises Refused: the broker answers with an error.
        :raises BadBatch: as a client notices by its CRC.
        """
        leader, _, topic_id = await self.client.leader(topic, partition)
        offset = await self._start_of(topic, partition)
        found: list[tuple[int, bytes]] = []
        while True:
            part = m.FetchRequest.FetchPartition(partition=partition, fetch_offset=offset, partition_max_bytes=1 << 20)
            asked = m.FetchRequest.FetchTopic(topic=topic, topic_id=topic_id, partitions=(part,))
            response = await self.client.ask(leader, m.FetchRequest(max_bytes=1 << 20, max_wait_ms=10, topics=(asked,)))
            (answer,) = response.responses[0].partitions
            if answer.error_code:
                raise Refused(answer.error_code)
            if offset >= answer.high_watermark:
                return found
            before = offset
            for header, batch in whole_batches(bytes(answer.records or b"")):
                check_crc(header, batch)
                for record in decode_records(batch):
                    if record.offset > offset:
                        raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"offset {record.offset} comes where {offset} should")
                    if record.offset == offset:
                        found.append((offset, bytes(record.value or b"")))
                        offset += 1
            if offset == before:
                raise BadBatch(ErrorCode.CORRUPT_MESSAGE, f"nothing comes at {offset}, below {answer.high_watermark}")

    async def committed(self) -> int:
        """What the group committed.

        :raises Refused: the broker answers with an error.
        """
        _, _, topic_id = await self.client.leader(PLAIN, 0)
        topic = m.OffsetFetchRequest.OffsetFetchRequestTopics(name=PLAIN, topic_id=topic_id, partition_indexes=(0,))
        asked = m.OffsetFetchRequest.OffsetFetchRequestGroup(group_id=GROUP, topics=(topic,))
        for _ in range(100):
            response = await self.client.ask_coordinator(GROUP, m.OffsetFetchRequest(groups=(asked,)))
            group = response.groups[0]
            code = group.error_code or group.topics[0].partitions[0].error_code
            if code not in (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NOT_COORDINATOR):
                break
            await self.client.backoff()
        if code:
            raise Refused(code)
        return int(group.topics[0].partitions[0].committed_offset)


@dataclass
class Template:
    """What a broker left.

    :ivar how: it ended: ``stopped``, ``killed``, or ``cut`` off its power.
    :ivar records: offsets and values by partition, as acknowledged.
    """

    how: str
    disk: MemoryFileSystem
    records: Mapping[Partition, list[tuple[int, bytes]]]

    def copy(self) -> MemoryFileSystem:
        """Another disk with the same on it."""
        return self.disk.crashed(Random(0))


@functools.cache
def template(how: str) -> Template:
    """Data of several segments and epochs, a producer's state, a group's offset, a start that was advanced, and a topic that is being deleted."""
    scene = Scene(f"template {how}")
    assert scene.start(), scene.said
    scene.do(_fill(scene, 0))
    scene.broker.kill()
    assert scene.start(), scene.said
    scene.do(_fill(scene, 20))
    scene.do(_rest(scene))
    scene.pass_time(2.0)
    if how == "cut":
        # Behind the recovery points, which were noted by now.
        for number in range(400, 404):
            scene.do(_until_served(scene, PLAIN, 0, [b"%d" % number], 7, number))
    records = {(name, p): scene.do(scene.read(name, p)) for name in (PLAIN, "single") for p in range(TOPICS[name])}
    {"stopped": scene.stop, "killed": scene.broker.kill, "cut": scene.broker.cut_power}[how]()
    disk = scene.disk
    disk.on_step = None
    disk.sync_file_system("/")
    return Template(how, disk, records)


async def _fill(scene: Scene, first: int) -> None:
    """Twenty batches of ten, and some single records."""
    await scene.client.refresh([])
    if not first:
        small = m.CreateTopicsRequest.CreatableTopicConfig
        configs = tuple(small(name=name, value=value) for name, value in (("internal.segment.bytes", "2048"), ("index.interval.bytes", "256")))
        topic = m.CreateTopicsRequest.CreatableTopic
        topics = (
            topic(name=PLAIN, num_partitions=1, replication_factor=1, configs=configs),
            topic(name="single", num_partitions=2, replication_factor=1),
            topic(name="doomed", num_partitions=1, replication_factor=1),
        )
        response = await scene.client.ask_controller(m.CreateTopicsRequest(topics=topics, timeout_ms=3000))
        assert not any(each.error_code for each in response.topics), response
    for number in range(first, first + 20):
        await _until_served(scene, PLAIN, 0, [b"%d %d " % (number, n) + b"x" * 30 for n in range(10)], 7, number * 10)
        if number % 4 == 0:
            for partition in (0, 1):
                await _until_served(scene, "single", partition, [b"%d" % number])


async def _until_served(scene: Scene, topic: str, partition: int, values: list[bytes], *producer: int) -> None:
    for _ in range(100):
        try:
            await scene.produce(topic, partition, values, *producer)
            return
        except (Refused, Unavailable):
            await scene.client.backoff()
    raise AssertionError(f"{topic}-{partition} is not served")


async def _rest(scene: Scene) -> None:
    client = scene.client
    part = m.OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=COMMITTED, committed_metadata="")
    leader, _, topic_id = await client.leader(PLAIN, 0)
    topic = m.OffsetCommitRequest.OffsetCommitRequestTopic(name=PLAIN, topic_id=topic_id, partitions=(part,))
    for _ in range(100):
        response = await client.ask_coordinator(GROUP, m.OffsetCommitRequest(group_id=GROUP, topics=(topic,)))
        if not response.topics[0].partitions[0].error_code:
            break
        await client.backoff()
    before = m.DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=STARTS_AT)
    advanced = m.DeleteRecordsRequest.DeleteRecordsTopic(name=PLAIN, partitions=(before,))
    await client.ask(leader, m.DeleteRecordsRequest(topics=(advanced,), timeout_ms=3000))
    doomed = m.DeleteTopicsRequest.DeleteTopicState(name="doomed")
    await client.ask_controller(m.DeleteTopicsRequest(topics=(doomed,), topic_names=("doomed",), timeout_ms=3000))
