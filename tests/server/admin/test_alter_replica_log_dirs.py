"""AlterReplicaLogDirs: what is asked of the store, every version, and errors."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.model import TopicPartition
from chronik.protocol.messages import AlterReplicaLogDirsRequest
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.handlers.admin import alter_replica_log_dirs
from tests.replica.fakes import TOPIC_ID
from tests.server.core import Core


def request(*wanted: tuple[str, str, int]) -> AlterReplicaLogDirsRequest:
    """Move topic's partitions to directories."""
    topic = AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic
    return AlterReplicaLogDirsRequest(
        dirs=tuple(
            AlterReplicaLogDirsRequest.AlterReplicaLogDir(path=path, topics=(topic(name=name, partitions=(number,)),))
            for path, name, number in wanted
        )
    )


class AlterReplicaLogDirsTests(SynchronousTestCase):
    """A broker of one partition and one directory, ``/data``."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core(alter_replica_log_dirs.APIS)

    def codes(self, wanted: AlterReplicaLogDirsRequest, version: int = 2) -> dict[tuple[str, int], int]:
        """Error by partition."""
        response: Any = self.core.ask(wanted, version)
        return {(t.topic_name, p.partition_index): p.error_code for t in response.results for p in t.partitions}

    def test_every_version(self) -> None:
        """The store is told, and the answer does not wait for the move."""
        for version in (1, 2):
            self.assertEqual({("t", 0): 0}, self.codes(request(("/data", "t", 0)), version))
        self.assertEqual([(TopicPartition("t", 0), TOPIC_ID, "/data")] * 2, self.core.store.moved)

    def test_errors(self) -> None:
        """Each partition has its own; an unknown directory comes before an unknown partition."""
        wanted = request(("/data", "t", 0), ("/data", "none", 0), ("/other", "none", 1), ("/data", "t", 1))
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        self.assertEqual({("t", 0): 0, ("none", 0): unknown, ("none", 1): ErrorCode.LOG_DIR_NOT_FOUND, ("t", 1): unknown}, self.codes(wanted))
        for code, told in (
            (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.REPLICA_NOT_AVAILABLE),
            (ErrorCode.KAFKA_STORAGE_ERROR, ErrorCode.KAFKA_STORAGE_ERROR),
        ):
            self.core.partitions.error = KafkaError(code)
            self.assertEqual({("t", 0): told}, self.codes(request(("/data", "t", 0))))

    def test_twice(self) -> None:
        """A partition that is named twice goes where it was said last."""
        self.assertEqual({("t", 0): ErrorCode.LOG_DIR_NOT_FOUND}, self.codes(request(("/data", "t", 0), ("/other", "t", 0))))

    def test_authorization(self) -> None:
        """ALTER on the cluster is needed; every partition says so."""
        self.core.authorizer.refused.add(Action(Operation.ALTER, ResourceType.CLUSTER, CLUSTER_NAME))
        denied = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
        self.assertEqual({("t", 0): denied, ("u", 3): denied}, self.codes(request(("/data", "t", 0), ("/data", "u", 3))))
        self.assertEqual([], self.core.store.moved)
