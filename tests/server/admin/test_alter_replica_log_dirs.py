"""AlterReplicaLogDirs: every version's shape and errors, and moves of a broker of two directories by requests alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.protocol.messages import AlterReplicaLogDirsRequest, DescribeLogDirsRequest, FetchRequest, ProduceRequest
from chronik.replica.interfaces import IReplicaMoves
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.handlers.admin import alter_replica_log_dirs
from chronik.testing.records import batch_of
from tests.server.core import Core
from tests.server.memory_broker import MemoryBroker


def request(dirs: Mapping[str, Mapping[str, Sequence[int]]]) -> AlterReplicaLogDirsRequest:
    """Partitions by topic, by directory."""
    directory = AlterReplicaLogDirsRequest.AlterReplicaLogDir
    return AlterReplicaLogDirsRequest(
        dirs=tuple(
            directory(
                path=path,
                topics=tuple(directory.AlterReplicaLogDirTopic(name=name, partitions=tuple(numbers)) for name, numbers in topics.items()),
            )
            for path, topics in dirs.items()
        )
    )


def codes(response: Any) -> dict[tuple[str, int], int]:
    """By partition."""
    return {(topic.topic_name, part.partition_index): part.error_code for topic in response.results for part in topic.partitions}


class HandlerTests(SynchronousTestCase):
    """The handler over fakes."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core(alter_replica_log_dirs.APIS)
        verifyObject(IReplicaMoves, self.core.moves)

    def test_every_version(self) -> None:
        """Every partition has its own answer."""
        self.core.moves.refusing = {("t", 1): ErrorCode.KAFKA_STORAGE_ERROR, ("u", 0): ErrorCode.REPLICA_NOT_AVAILABLE}
        for version in (1, 2):
            response = self.core.ask(request({"/a": {"t": (0, 1)}, "/b": {"u": (0,)}}), version)
            self.assertEqual({("t", 0): 0, ("t", 1): ErrorCode.KAFKA_STORAGE_ERROR, ("u", 0): ErrorCode.REPLICA_NOT_AVAILABLE}, codes(response))
        self.assertEqual([("t", 0, "/a"), ("t", 1, "/a"), ("u", 0, "/b")] * 2, self.core.moves.asked)

    def test_named_twice(self) -> None:
        """The last one counts, as in Kafka."""
        self.assertEqual({("t", 0): 0}, codes(self.core.ask(request({"/a": {"t": (0,)}, "/b": {"t": (0,)}}), 2)))
        self.assertEqual([("t", 0, "/b")], self.core.moves.asked)

    def test_authorization(self) -> None:
        """ALTER on the cluster is needed, and nothing is begun without it."""
        self.core.authorizer.refused.add(Action(Operation.ALTER, ResourceType.CLUSTER, CLUSTER_NAME))
        for version in (1, 2):
            response = self.core.ask(request({"/a": {"t": (0, 1)}}), version)
            self.assertEqual(dict.fromkeys((("t", 0), ("t", 1)), ErrorCode.CLUSTER_AUTHORIZATION_FAILED), codes(response))
        self.assertEqual([], self.core.moves.asked)


class MoveTests(SynchronousTestCase):
    """The whole broker."""

    def setUp(self) -> None:
        """Two directories and a topic of two partitions, one in each."""
        self.broker = MemoryBroker(directories=("/a", "/b"))
        self.broker.start(self)
        self.create("t", 2)
        self.place = {n: next(d for d in ("/a", "/b") if self.broker.disk.exists(f"{d}/t-{n}")) for n in range(2)}
        self.other = {n: {"/a": "/b", "/b": "/a"}[place] for n, place in self.place.items()}

    def create(self, name: str, partitions: int) -> None:
        """A topic."""
        self.successResultOf(self.broker.controller.create_topics([NewTopic(name, partitions=partitions)]))

    def produce(self, number: int, value: bytes) -> ErrorCode:
        """One record; how it is answered."""
        part = ProduceRequest.PartitionProduceData(index=number, records=batch_of(value))
        data = ProduceRequest.TopicProduceData(name="t", partition_data=(part,))
        answer = self.successResultOf(self.broker.send(ProduceRequest(acks=-1, timeout_ms=1_000, topic_data=(data,)), 9))
        return ErrorCode(answer.responses[0].partition_responses[0].error_code)

    def fetched(self, number: int) -> int:
        """The high watermark that a Fetch is told, with an error if there is one."""
        part = FetchRequest.FetchPartition(partition=number, fetch_offset=0, partition_max_bytes=100_000)
        fetch = FetchRequest(max_bytes=100_000, max_wait_ms=0, topics=(FetchRequest.FetchTopic(topic="t", partitions=(part,)),))
        found = self.successResultOf(self.broker.send(fetch, 11)).responses[0].partitions[0]
        self.assertEqual(0, found.error_code)
        return int(found.high_watermark)

    def ask(self, path: str, name: str = "t", number: int = 0, version: int = 2) -> int:
        """How a move is answered."""
        return codes(self.successResultOf(self.broker.send(request({path: {name: (number,)}}), version)))[name, number]

    def told(self) -> dict[tuple[str, str, int], bool]:
        """Which partitions DescribeLogDirs tells where, and whether they are on their way there."""
        answer = self.successResultOf(self.broker.send(DescribeLogDirsRequest(topics=None), 4))
        return {
            (result.log_dir, topic.name, part.partition_index): part.is_future_key
            for result in answer.results
            for topic in result.topics
            for part in topic.partitions
        }

    def test_move(self) -> None:
        """A partition is elsewhere a moment later, with its records, and goes on; so is it in the next life of the broker. In both versions."""
        for version in (1, 2):
            for value in (b"a", b"b"):
                self.assertEqual(ErrorCode.NONE, self.produce(0, value))
            self.assertEqual(0, self.ask(self.other[0], version=version))
            self.broker.clock.pump([0.01] * 10)
            self.assertEqual(False, self.told()[self.other[0], "t", 0])
            self.assertNotIn((self.place[0], "t", 0), self.told())
            self.assertEqual(2 * version, self.fetched(0))
            self.place, self.other = self.other, self.place
        left = self.broker.die(None)
        again = MemoryBroker(directories=("/a", "/b"), disk=left, file_metadata=False)
        self.assertEqual({self.place[0]}, {d for d in ("/a", "/b") if again.disk.exists(f"{d}/t-0")})

    def test_refusals(self) -> None:
        """Directories that are none; partitions that nobody knows; those that are not here, whose logs are then made where it was said."""
        self.assertEqual(ErrorCode.LOG_DIR_NOT_FOUND, self.ask("/c"))
        self.assertEqual(ErrorCode.LOG_DIR_NOT_FOUND, self.ask("a"))
        self.assertEqual(ErrorCode.LOG_DIR_NOT_FOUND, self.ask("/c", "u"))
        self.assertEqual(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, self.ask("/a", "u"))
        self.assertEqual(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, self.ask("/a", number=2))
        self.assertEqual(0, self.ask(self.place[0]))
        self.assertEqual(2, len(self.told()))

    def test_offline(self) -> None:
        """Nothing is moved to, nor from, a directory that is offline."""
        self.broker.disk.faults.die("/a")
        gone = next(n for n, place in self.place.items() if place == "/a")
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.produce(gone, b"x"))
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.ask("/b", number=gone))
        self.assertEqual(ErrorCode.KAFKA_STORAGE_ERROR, self.ask("/a", number=1 - gone))
        self.assertEqual(ErrorCode.NONE, self.produce(1 - gone, b"x"))
