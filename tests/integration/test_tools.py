"""What tools ask a broker, by kafka-python's administrator: directories, producers, quorum, elections, reassignments, features."""

from __future__ import annotations

import os

import confluent_kafka
from confluent_kafka import ElectionType, KafkaError
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import BrokerResponseError

from tests.integration.clients import SECONDS, admin, create, produce, unused_name
from tests.integration.harness import BrokerTestCase


class ToolCase(BrokerTestCase):
    """An administrator."""

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.admin = KafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        self.addCleanup(self.admin.close)


class DirectoryTests(ToolCase):
    """DescribeLogDirs."""

    def test_sizes(self) -> None:
        """Sizes are those of the files, and the file system's room is real."""
        topic = create(self.broker, unused_name("sized"))
        produce(self.broker, topic, [os.urandom(100_000)])
        (answer,) = self.admin.describe_log_dirs({topic: [0]})
        (found,) = answer["log_dirs"]
        self.assertEqual(str(self.broker.data), found["log_dir"])
        (partition,) = found["topics"][0]["partitions"]
        (segment,) = (self.broker.data / f"{topic}-0").glob("*.log")
        self.assertEqual((segment.stat().st_size, 0, False), (partition["partition_size"], partition["offset_lag"], partition["is_future_key"]))
        status = os.statvfs(self.broker.data)
        self.assertEqual(status.f_blocks * status.f_frsize, found["total_bytes"])
        self.assertTrue(0 < found["usable_bytes"] < found["total_bytes"])


class ClusterTests(ToolCase):
    """What is told of the cluster, and what may be changed of it."""

    def test_producers(self) -> None:
        """An idempotent producer is known to the partition it wrote to."""
        topic = create(self.broker, unused_name("produced"))
        produce(self.broker, topic, [b"a", b"b", b"c"], enable_idempotence=True)
        partition = TopicPartition(topic, 0)
        (found,) = self.admin.describe_producers([partition])[partition].active_producers
        self.assertEqual((0, 2), (found.producer_epoch, found.last_sequence))
        self.assertGreater(found.last_timestamp, 0)

    def test_quorum(self) -> None:
        """This broker keeps the metadata; its offset grows with each change."""
        (before,) = self.admin.describe_metadata_quorum()["topics"][0]["partitions"]
        self.assertEqual((1, [1], []), (before["leader_id"], [v["replica_id"] for v in before["current_voters"]], before["observers"]))
        create(self.broker, unused_name("quorum"))
        (after,) = self.admin.describe_metadata_quorum()["topics"][0]["partitions"]
        self.assertGreater(after["high_watermark"], before["high_watermark"])

    def test_config_resources(self) -> None:
        """Topics and brokers are listed."""
        topic = create(self.broker, unused_name("listed"))
        found = self.admin.list_config_resources()
        self.assertIn(topic, found["topic"])
        self.assertEqual(["1"], found["broker"])

    def test_elections_and_reassignments(self) -> None:
        """On one broker everything is where it should be: nothing to elect, nothing to move, nothing under way."""
        topic = create(self.broker, unused_name("placed"))
        partition = TopicPartition(topic, 0)
        client = admin(self.broker)  # kept until the answer is there: it ends with its last reference
        answer = client.elect_leaders(ElectionType.PREFERRED, [confluent_kafka.TopicPartition(topic, 0)]).result(SECONDS)
        self.assertEqual([KafkaError.ELECTION_NOT_NEEDED], [error.code() for error in answer.values()])
        outcomes = self.admin.alter_partition_reassignments({partition: [1]})
        self.assertEqual({partition: None}, outcomes)
        outcomes = self.admin.alter_partition_reassignments({partition: [2]})
        self.assertEqual(39, outcomes[partition].errno)
        outcomes = self.admin.alter_partition_reassignments({partition: None})
        self.assertEqual(85, outcomes[partition].errno)
        self.assertEqual({}, self.admin.list_partition_reassignments())

    def test_features(self) -> None:
        """The level of the metadata is told, and may be set to what it is."""
        found = self.admin.describe_features()["metadata.version"]
        self.assertEqual(((7, 30), (30, 30)), (tuple(found["supported"]), tuple(found["finalized"])))
        self.admin.update_features({"metadata.version": 30})
        with self.assertRaises(BrokerResponseError):
            self.admin.update_features({"metadata.version": 31})
