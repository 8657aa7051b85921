"""Moves among everything else that happens: appends, deletions, topics that go and come, leaders that change, disks that fail, power that is cut."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import KafkaError
from chronik.metadata.image import ImageDelta, PartitionState, TopicImage
from chronik.model import TopicId, TopicPartition
from chronik.record.batch import whole_batches
from chronik.record.records import decode_records
from chronik.replica.host import HostedPartitions
from chronik.replica.moves import ReplicaMoves
from chronik.storage.config import LogConfig
from chronik.storage.interfaces import AppendResult
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.logs import NOW, make_store
from chronik.testing.records import batch_of
from tests.lengths import length, report, seed
from tests.replica.fakes import FakeFeed, image_of, make_inspector
from tests.replica.machine import Settings, ShuffledPools, end, finish

RUNS = length(60, 10_000)

PARTITIONS = 2

DIRECTORIES = ("/a", "/b", "/c")

SMALL = LogConfig(segment_bytes=600, index_interval_bytes=100, file_delete_delay_ms=0)


@dataclass
class Promises:
    """What was acknowledged of one partition of one topic.

    :ivar records: values by offset.
    :ivar deleted: an administrator had what is below deleted, or asked for it.
    """

    records: dict[int, bytes] = field(default_factory=dict)
    deleted: int = 0


class Chaos:
    """One run; a seed decides everything."""

    def __init__(self, number: int) -> None:
        self.random = Random(number)
        self.disk = MemoryFileSystem(self.random)
        for directory in DIRECTORIES:
            self.disk.make_directory(directory)
        self.disk.sync_file_system("/")
        self.disk.mounts = DIRECTORIES
        self.topics = self.epoch = self.value = 0
        self.promises: dict[tuple[TopicId, int], Promises] = {}
        self.leaders = [1] * PARTITIONS
        self.deleted: frozenset[TopicId] = frozenset()
        self.life = self.acknowledged = self.moves_over = 0
        self.topic_id = self.new_topic()
        self.begin()

    # -- the broker ---------------------------------------------------------------------------------------------------

    def new_topic(self) -> TopicId:
        """The next topic of the name."""
        self.topics += 1
        return TopicId(self.topics.to_bytes(16, "big"))

    def image(self) -> Any:
        """What the metadata say."""
        states = tuple(PartitionState(leader, self.epoch, (1, 2), (1, 2)) for leader in self.leaders)
        return replace(image_of(TopicImage("t", self.topic_id, states), revision=self.epoch + self.topics), deleted=self.deleted)

    def begin(self) -> None:
        """A broker over what is on the disks."""
        self.life += 1
        self.pools = ShuffledPools(self.random)
        self.clock = Clock()
        self.clock.advance(NOW / 1000)
        self.feed = FakeFeed(self.image())
        self.store = make_store(self.disk, self.clock, *DIRECTORIES, pools=self.pools, checkpoint_ms=2_000)
        self.moves = ReplicaMoves(self.store, self.feed, self.clock)
        self.host = HostedPartitions(1, self.feed, self.store, lambda topic: Settings(SMALL), self.raised, make_inspector(), None, self.moves)
        self.finish(self.store.start())
        self.finish(self.host.start())

    def raised(self, partitions: Sequence[tuple[TopicId, int]], untrusted: Collection[tuple[TopicId, int]]) -> Deferred[None]:
        """The controller's part in a start after a crash."""
        self.epoch += 1
        self.feed.image = self.image()
        return succeed(None)

    def finish(self, waiting: Deferred[Any]) -> Any:
        """What a Deferred answers."""
        return finish(waiting, self.step)

    def step(self) -> None:
        """Let something happen."""
        if self.random.random() < 0.1:
            self.clock.advance(self.random.choice((0.001, 0.06, 1.0)))
        elif not self.pools.step():
            self.clock.advance(0)

    def ask(self, call: Any) -> Deferred[Any]:
        """Something that may be refused; what becomes of it in another life of the broker is of no interest."""
        life = self.life

        def refused(failure: Failure) -> None:
            if life == self.life:
                failure.trap(KafkaError)

        return maybeDeferred(call).addErrback(refused)

    # -- what happens -------------------------------------------------------------------------------------------------

    def send(self) -> None:
        """A record; its place is noted once it is acknowledged."""
        life, key = self.life, (self.topic_id, self.random.randrange(PARTITIONS))
        self.value += 1
        value = b"%d" % self.value + b"." * self.random.randrange(90)

        def acknowledged(result: AppendResult | None) -> None:
            if result is not None and life == self.life:
                self.promises.setdefault(key, Promises()).records[result.base_offset] = value
                self.acknowledged += 1

        self.ask(lambda: self.host.get("t", key[1]).append(batch_of(value), -1)).addCallback(acknowledged)

    def move(self) -> None:
        """Somebody has a partition moved."""
        number, directory = self.random.randrange(PARTITIONS), self.random.choice(DIRECTORIES)
        self.ask(lambda: self.moves.move("t", number, directory))

    def delete_records(self) -> None:
        """The oldest records go."""
        key = self.topic_id, self.random.randrange(PARTITIONS)
        promises = self.promises.setdefault(key, Promises())
        offset = self.random.choice([promises.deleted, *promises.records])

        def delete() -> Deferred[int]:
            partition = self.host.get("t", key[1])
            promises.deleted = max(promises.deleted, offset)
            return partition.delete_records(offset)

        self.ask(delete)

    def delete_topic(self) -> None:
        """The topic goes, and another one of its name comes."""
        before = self.feed.image.topics["t"]
        if self.random.random() < 0.5:
            self.deleted |= {self.topic_id}
        self.topic_id = self.new_topic()
        self.leaders = [1] * PARTITIONS
        self.feed.become(self.image(), ImageDelta(deleted=(before,), changed={"t"}))

    def elect(self) -> None:
        """Another broker leads a partition for a while."""
        number = self.random.randrange(PARTITIONS)
        self.leaders[number] = 3 - self.leaders[number]
        self.epoch += 1
        self.feed.become(self.image(), ImageDelta(changed={"t"}))

    def break_disk(self) -> None:
        """One of the disks dies, or is full, until the next start."""
        directory = self.random.choice(DIRECTORIES)
        if self.random.random() < 0.5:
            self.disk.faults.die(directory)
        else:
            self.disk.faults.fill(directory)

    def restart(self) -> None:
        """The power is cut; the disks are put right, or not yet."""
        faults = self.disk.faults
        self.disk = self.disk.crashed(self.random)
        self.life += 1
        end(self.host, self.pools, self.clock)
        if faults._faults and self.random.random() < 0.3:
            self.disk.faults.die(self.random.choice(DIRECTORIES[1:]))
        self.begin()

    def run(self) -> None:
        """All of that, in any order; then everything is put right."""
        often = [self.send] * 30 + [self.step] * 90 + [self.move] * 4 + [self.delete_records]
        for _ in range(self.random.randrange(2, 5)):
            for _ in range(self.random.randrange(50, 400)):
                self.random.choice(often)()
                if self.random.random() < 0.004:
                    self.random.choice((self.delete_topic, self.elect, self.elect, self.break_disk))()
            self.restart()
        self.disk.faults.heal()
        self.leaders = [1] * PARTITIONS
        self.epoch += 1
        self.disk = self.disk.crashed(self.random)
        end(self.host, self.pools, self.clock)
        self.begin()


class ChaosTests(SynchronousTestCase):
    """Many seeds."""

    def test_by_seeds(self) -> None:
        """Everything that was acknowledged, and that nobody deleted, is there when all is over, in one place."""
        first, acknowledged = seed(0), 0
        for number in range(first, first + RUNS):
            chaos = Chaos(number)
            chaos.run()
            for partition in range(PARTITIONS):
                self.check(chaos, partition, f"CHRONIK_TEST_SEED={number}, partition {partition}")
            acknowledged += chaos.acknowledged
        self.assertGreater(acknowledged, RUNS * 20)
        report(f"{RUNS} runs, {acknowledged} acknowledgements, none lost")

    def check(self, chaos: Chaos, partition: int, what: str) -> None:
        """What is there of a partition."""
        name = TopicPartition("t", partition)
        log = chaos.host.log_of((chaos.topic_id, partition))
        assert log is not None, what
        promises = chaos.promises.get((chaos.topic_id, partition), Promises())
        found, offset = {}, log.start_offset
        while offset < log.end_offset:
            held = chaos.finish(log.read(offset, 1 << 20, log.end_offset, True))
            batches = list(whole_batches(held.read(0, held.size)))
            held.close()
            found.update({record.offset: record.value for _, data in batches for record in decode_records(data)})
            self.assertTrue(batches, what)
            offset = batches[-1][0].last_offset + 1
        self.assertLessEqual(log.start_offset, promises.deleted, what)
        lost = {at: value for at, value in promises.records.items() if at >= log.start_offset and found.get(at) != value}
        self.assertEqual({}, lost, what)
        self.assertEqual([chaos.store.directory_of(name, chaos.topic_id)], [d for d in DIRECTORIES if chaos.disk.exists(f"{d}/{name}")], what)
