"""A broker of two log directories, one of whose disks dies, fills up or lies, as clients and operators see it."""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from chronik.cluster.interfaces import NewTopic
from chronik.coordinator.group.service import GroupCoordinator
from chronik.coordinator.state import ReplicatedStateLog
from chronik.errors import ErrorCode, KafkaError
from chronik.http.checks import broker_check
from chronik.http.disk_metrics import disk_families
from chronik.model import OFFSETS_TOPIC
from chronik.protocol.messages import (
    CreateTopicsRequest,
    DescribeLogDirsRequest,
    FetchRequest,
    ListOffsetsRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
    ProduceRequest,
)
from chronik.storage.disks import DiskPolicy
from chronik.testing.filesystem import MemoryFileSystem
from chronik.testing.records import batch_of
from tests.server.memory_broker import MemoryBroker


class DiskCase(SynchronousTestCase):
    """A broker with the topic ``t`` of four partitions and a group's offsets, over ``/a`` and ``/b``."""

    def setUp(self) -> None:
        """Start it."""
        self.lost: list[str] = []
        self.broker = MemoryBroker(directories=("/a", "/b"), all_offline=self.lost.append, policy=DiskPolicy(scrub_interval_ms=0))
        self.broker.start(self)
        self.faults = self.broker.disk.faults
        self.create("t", 4)

    def create(self, name: str, partitions: int = 1) -> None:
        """A topic."""
        self.successResultOf(self.broker.controller.create_topics([NewTopic(name, partitions=partitions)]))

    def place(self, number: int, name: str = "t") -> str:
        """The directory of a partition."""
        return next(d for d in ("/a", "/b") if self.broker.disk.exists(f"{d}/{name}-{number}"))

    def placed(self, directory: str) -> list[int]:
        """The partitions of ``t`` in a directory."""
        return [n for n in range(4) if self.place(n) == directory]

    def produce(self, number: int, value: bytes = b"v", name: str = "t") -> ErrorCode:
        """One record; how it is answered."""
        part = ProduceRequest.PartitionProduceData(index=number, records=batch_of(value))
        data = ProduceRequest.TopicProduceData(name=name, partition_data=(part,))
        answer = self.successResultOf(self.broker.send(ProduceRequest(acks=-1, timeout_ms=1_000, topic_data=(data,)), 9))
        return ErrorCode(answer.responses[0].partition_responses[0].error_code)

    def fetch(self, number: int, offset: int = 0, name: str = "t") -> tuple[ErrorCode, int]:
        """What a Fetch is answered: the error, and how many bytes."""
        part = FetchRequest.FetchPartition(partition=number, fetch_offset=offset, partition_max_bytes=100_000)
        request = FetchRequest(max_bytes=100_000, max_wait_ms=0, topics=(FetchRequest.FetchTopic(topic=name, partitions=(part,)),))
        found = self.successResultOf(self.broker.send(request, 11)).responses[0].partitions[0]
        return ErrorCode(found.error_code), len(found.records or b"")

    def list_offset(self, number: int) -> ErrorCode:
        """How ListOffsets is answered."""
        part = ListOffsetsRequest.ListOffsetsPartition(partition_index=number, timestamp=-1)
        request = ListOffsetsRequest(topics=(ListOffsetsRequest.ListOffsetsTopic(name="t", partitions=(part,)),))
        return ErrorCode(self.successResultOf(self.broker.send(request, 7)).topics[0].partitions[0].error_code)

    def health(self) -> dict[str, Any]:
        """``/health/broker``."""
        check = broker_check(self.broker._services(), SimpleNamespace(factories=()), SimpleNamespace(longest_seconds=0.0))  # type: ignore[arg-type]
        answer: dict[str, Any] = json.loads(json.dumps(check()))
        return answer

    def metric(self, name: str, **labels: str) -> float:
        """One sample of the disks' metrics."""
        (family,) = [family for family in disk_families(self.broker._services().logs)() if family.name == name]
        (value,) = [sample.value for sample in family.samples if labels.items() <= sample.labels.items()]
        return value

    def log_dirs(self) -> dict[str, Any]:
        """What DescribeLogDirs tells of each directory."""
        answer = self.successResultOf(self.broker.send(DescribeLogDirsRequest(topics=None), 4))
        return {result.log_dir: result for result in answer.results}


class OfflineTests(DiskCase):
    """The disk under ``/a`` dies."""

    def setUp(self) -> None:
        """A record everywhere; then it dies, which the next write finds out."""
        super().setUp()
        for number in range(4):
            self.assertEqual(ErrorCode.NONE, self.produce(number))
        self.gone, self.left = self.placed("/a"), self.placed("/b")
        self.assertEqual((2, 2), (len(self.gone), len(self.left)))
        self.faults.die("/a")
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.produce(self.gone[0]))

    def test_partitions(self) -> None:
        """Every request to its partitions is told of the disk, also those that nobody wrote to; the others are served as before."""
        for number in self.gone:
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.produce(number))
            self.assertEqual((ErrorCode.KAFKA_STORAGE_ERROR, 0), self.fetch(number))
            self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.list_offset(number))
        for number in self.left:
            self.assertEqual(ErrorCode.NONE, self.produce(number))
            self.assertEqual(ErrorCode.NONE, self.fetch(number, 1)[0])
            self.assertEqual(ErrorCode.NONE, self.list_offset(number))

    def test_told(self) -> None:
        """Health says which directory and why, a metric that it is offline, DescribeLogDirs the error, and the sizes of the other one."""
        health = self.health()
        self.assertEqual("red", health["status"])
        self.assertEqual(["offline", "ok"], [directory["state"] for directory in health["log_dirs"]])
        self.assertIn("Input/output error", health["log_dirs"][0]["reason"])
        self.assertEqual([f"t-{n}" for n in self.gone], [name for name in health["partitions_not_served"] if name.startswith("t-")])
        self.assertEqual((1, 0), tuple(self.metric("chronik_log_dir_state", dir=d, state="offline") for d in ("/a", "/b")))
        told = self.log_dirs()
        self.assertEqual((ErrorCode.KAFKA_STORAGE_ERROR, (), -1), (told["/a"].error_code, told["/a"].topics, told["/a"].total_bytes))
        self.assertEqual(ErrorCode.NONE, told["/b"].error_code)
        (topic,) = [topic for topic in told["/b"].topics if topic.name == "t"]
        sizes = {part.partition_index: part.partition_size for part in topic.partitions}
        self.assertEqual({n: self.broker.disk.size(f"/b/t-{n}/{0:020d}.log") for n in self.left}, sizes)

    def test_new_topics(self) -> None:
        """They go to the directory that is left; a topic that lost partitions can be deleted and made anew."""
        self.create("u", 3)
        self.assertEqual({"/b"}, {self.place(n, "u") for n in range(3)})
        for number in range(3):
            self.assertEqual(ErrorCode.NONE, self.produce(number, name="u"))
        self.successResultOf(self.broker.controller.delete_topics(["t"]))
        self.create("t", 2)
        self.assertEqual([ErrorCode.NONE] * 2, [self.produce(number) for number in range(2)])

    def test_last_directory(self) -> None:
        """When the other one goes too, the broker is told to end."""
        self.faults.die("/b")
        self.produce(self.left[0])
        self.assertEqual(1, len(self.lost))

    def test_waiting_fetch(self) -> None:
        """A Fetch that waits for more of a partition is answered when its disk fails."""
        self.faults.heal()
        part = FetchRequest.FetchPartition(partition=self.left[0], fetch_offset=1, partition_max_bytes=1_000)
        request = FetchRequest(max_bytes=1_000, max_wait_ms=30_000, min_bytes=1, topics=(FetchRequest.FetchTopic(topic="t", partitions=(part,)),))
        waiting = self.broker.send(request, 11)
        self.assertNoResult(waiting)
        self.faults.die("/b")
        self.produce(self.left[1])
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.successResultOf(waiting).responses[0].partitions[0].error_code)


class GroupTests(DiskCase):
    """The disk under a partition of groups dies."""

    def test_unloaded(self) -> None:
        """Its groups are not answered for any more: what a coordinator would say now might not be what the log says."""
        self.create(OFFSETS_TOPIC, 1)
        groups: GroupCoordinator = self.broker.groups
        self.broker.clock.pump([0.1] * 5)
        topic = OffsetFetchRequest.OffsetFetchRequestTopic(name="t", partition_indexes=(0,))
        request = OffsetFetchRequest(group_id="g", topics=(topic,))
        self.assertEqual(ErrorCode.NONE, self.successResultOf(self.broker.send(request, 5)).error_code)
        directory = self.place(0, OFFSETS_TOPIC)
        self.faults.die(directory)
        for number in self.placed(directory):
            self.produce(number)
        self.assertEqual(ErrorCode.NOT_COORDINATOR, self.successResultOf(self.broker.send(request, 5)).error_code)
        self.assertRaises(KafkaError, groups.describe, "g")


    def test_damaged_state(self) -> None:
        """A commit whose bits changed on disk is left out, told, and never taken for what it is not; those behind it count."""
        self.create(OFFSETS_TOPIC, 1)
        self.broker.clock.pump([0.1] * 5)
        for number, offset in ((0, 5), (1, 6)):
            part = OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=number, committed_offset=offset)
            topic = OffsetCommitRequest.OffsetCommitRequestTopic(name="t", partitions=(part,))
            answer = self.successResultOf(self.broker.send(OffsetCommitRequest(group_id="g", topics=(topic,)), 7))
            self.assertEqual(ErrorCode.NONE, answer.topics[0].partitions[0].error_code)
        path = f"{self.place(0, OFFSETS_TOPIC)}/{OFFSETS_TOPIC}-0/{0:020d}.log"
        self.faults.flip(path, self.broker.disk.read_whole(path).index(b"\x00\x00\x00\x05") + 3)
        with capturedLogs() as logged:
            self.broker.groups.load(ReplicatedStateLog(self.broker.partitions.get(OFFSETS_TOPIC, 0), self.broker.clock))
            self.broker.clock.pump([0.1] * 5)
        self.assertEqual([6], [committed.offset for committed in self.broker.groups.offsets("g").values()])
        self.assertEqual(1, sum("is damaged" in (formatEvent(event) or "") for event in logged))


class DamageTests(DiskCase):
    """A bit of a closed segment changes on disk."""

    def test_fetch(self) -> None:
        """A Fetch of what is damaged is refused as corrupt, before and behind it is served; health and a metric tell the file."""
        change = {"internal.segment.bytes": "220"}
        self.successResultOf(self.broker.controller.create_topics([NewTopic("d", partitions=1, configs=change)]))
        for n in range(8):
            self.assertEqual(ErrorCode.NONE, self.produce(0, b"%d" % n, name="d"))
        path = f"{self.place(0, 'd')}/d-0/{3:020d}.log"
        self.faults.flip(path, 62)
        self.broker.clock.pump([1] * 70)
        codes = [self.fetch(0, offset, "d")[0] for offset in range(8)]
        self.assertEqual([ErrorCode.NONE] * 3 + [ErrorCode.CORRUPT_MESSAGE] * 3 + [ErrorCode.NONE] * 2, codes)
        health = self.health()
        self.assertEqual("yellow", health["status"])
        (damaged,) = [line for directory in health["log_dirs"] for line in directory.get("damaged", ())]
        self.assertIn(f"{path} is damaged at byte 0", damaged)
        directory = path.split("/d-0")[0]
        self.assertEqual(1, self.metric("chronik_log_dir_damaged_segments", dir=directory))
        self.assertEqual(ErrorCode.NONE, self.produce(0, b"8", name="d"))


class FullTests(DiskCase):
    """Disks without room."""

    def test_produce(self) -> None:
        """Refused while a disk is full, read meanwhile, taken again once it is not; health is yellow until then."""
        number = self.placed("/a")[0]
        self.assertEqual(ErrorCode.NONE, self.produce(number))
        size = self.fetch(number)[1]
        self.faults.fill("/a")
        self.assertEqual([ErrorCode.KAFKA_STORAGE_ERROR] * 3, [self.produce(number) for _ in range(3)])
        self.assertEqual((ErrorCode.NONE, size), self.fetch(number))
        self.assertEqual(ErrorCode.NONE, self.produce(self.placed("/b")[0]))
        health = self.health()
        self.assertEqual(("yellow", ["full", "ok"]), (health["status"], [directory["state"] for directory in health["log_dirs"]]))
        self.assertIn("No space left", health["log_dirs"][0]["reason"])
        self.faults.heal()
        self.assertEqual(ErrorCode.NONE, self.produce(number))
        self.assertEqual((ErrorCode.NONE, 2 * size), self.fetch(number))
        self.broker.clock.pump([1] * 12)
        self.assertEqual("green", self.health()["status"])

    def test_new_topic(self) -> None:
        """A topic whose log finds no room anywhere is served as soon as there is some and somebody asks."""
        for directory in ("/a", "/b"):
            self.faults.fill(directory)
        self.create("u")
        self.assertEqual([ErrorCode.KAFKA_STORAGE_ERROR] * 2, [self.produce(0, name="u") for _ in range(2)])
        self.assertIn("u-0", self.health()["partitions_not_served"])
        self.faults.heal()
        self.assertEqual(ErrorCode.NONE, self.produce(0, name="u"))
        self.assertEqual([], self.health()["partitions_not_served"])

    def test_free_space(self) -> None:
        """DescribeLogDirs and the metrics tell the real sizes."""
        self.faults.limit("/a", 1_000_000)
        used = sum(self.broker.disk.size(f"/a/{n}") for n in self.files("/a"))
        self.assertEqual((1_000_000, 1_000_000 - used), (self.log_dirs()["/a"].total_bytes, self.log_dirs()["/a"].usable_bytes))
        self.broker.clock.pump([1] * 12)
        self.assertEqual(1_000_000, self.metric("chronik_log_dir_total_bytes", dir="/a"))
        self.assertLess(self.metric("chronik_log_dir_usable_bytes", dir="/a"), 1_000_000)

    def files(self, directory: str) -> Sequence[str]:
        """Paths below a directory."""
        disk = self.broker.disk
        found: list[str] = []
        for name in disk.list(directory):
            inside = [f"{name}/{more}" for more in disk.list(f"{directory}/{name}")] if disk.is_directory(f"{directory}/{name}") else [name]
            found += inside
        return found


class MetadataTests(SynchronousTestCase):
    """The metadata store's own disk has no room."""

    def test_create_topic(self) -> None:
        """A topic cannot be created, and can once there is room; what there is is served all the while."""
        broker = MemoryBroker(file_metadata=True)
        broker.start(self)
        topic = CreateTopicsRequest.CreatableTopic(name="t", num_partitions=1, replication_factor=1)

        def create() -> ErrorCode:
            answer = self.successResultOf(broker.send(CreateTopicsRequest(topics=(topic,), timeout_ms=1_000), 5))
            return ErrorCode(answer.topics[0].error_code)

        broker.disk.faults.fail("write", "/data/.metadata", errno.ENOSPC)
        self.assertEqual([ErrorCode.KAFKA_STORAGE_ERROR] * 2, [create(), create()])
        broker.disk.faults.heal()
        self.assertEqual(ErrorCode.NONE, create())


class DeletionTests(SynchronousTestCase):
    """A topic is deleted, and the broker dies in the middle of it."""

    def test_any_moment(self) -> None:
        """Whenever the machine stops, the topic is there with all its records, or a moment after the next start nothing is left of it."""
        broker = MemoryBroker(file_metadata=True)
        broker.start(self)
        self.successResultOf(broker.controller.create_topics([NewTopic("t", partitions=3), NewTopic("other", partitions=1)]))
        for name, number in (("t", 0), ("t", 1), ("t", 2), ("other", 0)):
            self.successResultOf(broker.partitions.get(name, number).append(batch_of(b"v"), -1))
        broker.clock.pump([1] * 61)
        images = [broker.disk.crashed(Random(0))]
        broker.disk.on_step = lambda operation, path: images.extend(broker.disk.crashed(Random(seed)) for seed in range(4))
        self.successResultOf(broker.controller.delete_topics(["t"]))
        broker.clock.pump([1] * 70)
        broker.disk.on_step = None
        images.append(broker.disk.crashed(Random(0)))
        there = [self.is_there(image) for image in images]
        self.assertEqual((True, False), (there[0], there[-1]))
        self.assertGreater(len(images), 50)

    def is_there(self, disk: MemoryFileSystem) -> bool:
        """Whether the topic is there after a start."""
        broker = MemoryBroker(file_metadata=True, disk=disk)
        broker.start(self)
        broker.clock.pump([1] * 3)
        self.assertEqual(1, broker.partitions.get("other", 0).end_offset)
        left = [name for name in disk.list("/data") if name.startswith("t-") or name.endswith(("-delete", "-stray"))]
        if "t" in broker.feed.image.topics:
            self.assertEqual(["t-0", "t-1", "t-2"], left)
            self.assertEqual([1] * 3, [broker.partitions.get("t", number).end_offset for number in range(3)])
            return True
        self.assertEqual([], left)
        self.assertNotIn(b"t 0", disk.read_whole("/data/recovery-point-offset-checkpoint"))
        return False
