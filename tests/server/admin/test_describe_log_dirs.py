"""DescribeLogDirs: every version's shape, what is chosen, and errors of one directory and of the whole."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition
from chronik.protocol.messages import DescribeLogDirsRequest
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.handlers.admin import describe_log_dirs
from chronik.storage.interfaces import DirectoryUsage, LogUsage
from tests.server.core import Core

(API,) = describe_log_dirs.APIS

USED = DirectoryUsage(
    "/a",
    1000,
    400,
    (LogUsage(TopicPartition("t", 0), 70), LogUsage(TopicPartition("t", 1), 80, 3, True), LogUsage(TopicPartition("u", 0), 9)),
)
BROKEN = DirectoryUsage("/b", error=KafkaError(ErrorCode.KAFKA_STORAGE_ERROR, "gone"))


def everything(response: Any) -> dict[str, dict[tuple[str, int], tuple[int, int, bool]]]:
    """Size, lag and whether it is a future log, by partition, by directory."""
    return {
        d.log_dir: {(t.name, p.partition_index): (p.partition_size, p.offset_lag, p.is_future_key) for t in d.topics for p in t.partitions}
        for d in response.results
    }


class DescribeLogDirsTests(SynchronousTestCase):
    """A broker of two directories, of which one is broken."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core(describe_log_dirs.APIS)
        self.core.store.used = [USED, BROKEN]

    def test_every_version(self) -> None:
        """All partitions with their sizes; the room on the disk from version 4 on."""
        for version in range(1, 6):
            response = self.core.ask(DescribeLogDirsRequest(topics=None), version)
            self.assertEqual(0, response.error_code)
            self.assertEqual({"/a": {("t", 0): (70, 0, False), ("t", 1): (80, 3, True), ("u", 0): (9, 0, False)}, "/b": {}}, everything(response))
            first, second = response.results
            self.assertEqual((0, ErrorCode.KAFKA_STORAGE_ERROR), (first.error_code, second.error_code))
            self.assertEqual((1000, 400) if version >= 4 else (-1, -1), (first.total_bytes, first.usable_bytes))
            self.assertEqual((-1, -1), (second.total_bytes, second.usable_bytes))
            self.assertFalse(first.is_cordoned)

    def test_some(self) -> None:
        """Only what is asked for; a directory that has nothing of it is told as empty."""
        topic = DescribeLogDirsRequest.DescribableLogDirTopic
        response = self.core.ask(DescribeLogDirsRequest(topics=(topic(topic="t", partitions=(1, 7)), topic(topic="x", partitions=(0,)))), 4)
        self.assertEqual({"/a": {("t", 1): (80, 3, True)}, "/b": {}}, everything(response))
        self.assertEqual({"/a": {}, "/b": {}}, everything(self.core.ask(DescribeLogDirsRequest(topics=()), 4)))

    def test_authorization(self) -> None:
        """DESCRIBE on the cluster is needed; before version 3 there is no place to say so."""
        self.core.authorizer.refused.add(Action(Operation.DESCRIBE, ResourceType.CLUSTER, CLUSTER_NAME))
        for version in range(1, 6):
            response = self.core.ask(DescribeLogDirsRequest(topics=None), version)
            self.assertEqual(((), ErrorCode.CLUSTER_AUTHORIZATION_FAILED if version >= 3 else 0), (response.results, response.error_code))
