"""What tools ask a broker, by kafka-python's administrator: directories, producers, quorum, elections, reassignments, features."""

from __future__ import annotations

import os
import struct

import confluent_kafka
from confluent_kafka import ElectionType, KafkaError
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import BrokerResponseError

from tests.integration.clients import SECONDS, admin, create, produce, unused_name
from tests.integration.harness import BrokerTestCase
from tests.integration.wire import call, frame, string


class ToolCase(BrokerTestCase):
    """An administrator."""

    def setUp(self) -> None:
        """Connect."""
        super().setUp()
        self.admin = KafkaAdminClient(**self.broker.python)
        self.addCleanup(self.admin.close)


class DirectoryTests(ToolCase):
    """DescribeLogDirs."""

    def test_sizes(self) -> None:
        """Sizes are those of the files, and the file system's room is real."""
        self.sends("DescribeLogDirs")
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
        self.sends("DescribeProducers")
        topic = create(self.broker, unused_name("produced"))
        produce(self.broker, topic, [b"a", b"b", b"c"], enable_idempotence=True)
        partition = TopicPartition(topic, 0)
        (found,) = self.admin.describe_producers([partition])[partition].active_producers
        self.assertEqual((0, 2), (found.producer_epoch, found.last_sequence))
        self.assertGreater(found.last_timestamp, 0)

    def test_quorum(self) -> None:
        """This broker keeps the metadata; its offset grows with each change."""
        self.sends("DescribeQuorum")
        (before,) = self.admin.describe_metadata_quorum()["topics"][0]["partitions"]
        self.assertEqual((1, [1], []), (before["leader_id"], [v["replica_id"] for v in before["current_voters"]], before["observers"]))
        create(self.broker, unused_name("quorum"))
        (after,) = self.admin.describe_metadata_quorum()["topics"][0]["partitions"]
        self.assertGreater(after["high_watermark"], before["high_watermark"])

    def test_config_resources(self) -> None:
        """Topics and brokers are listed."""
        self.sends("ListConfigResources")
        topic = create(self.broker, unused_name("listed"))
        found = self.admin.list_config_resources()
        self.assertIn(topic, found["topic"])
        self.assertEqual(["1"], found["broker"])

    def test_elections_and_reassignments(self) -> None:
        """On one broker everything is where it should be: nothing to elect, nothing to move, nothing under way."""
        self.sends("ElectLeaders", "AlterPartitionReassignments", "ListPartitionReassignments")
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
        self.sends("UpdateFeatures")
        found = self.admin.describe_features()["metadata.version"]
        self.assertEqual(((7, 30), (30, 30)), (tuple(found["supported"]), tuple(found["finalized"])))
        self.admin.update_features({"metadata.version": 30})
        with self.assertRaises(BrokerResponseError):
            self.admin.update_features({"metadata.version": 31})


class LiteralTests(BrokerTestCase):
    """What the clients here send only where there are several brokers, as bytes."""

    def test_unregister_broker(self) -> None:
        """A broker that is not registered cannot be unregistered."""
        self.sends("UnregisterBroker")
        body = b"\0" + struct.pack(">i", 7) + b"\0"  # tagged fields of the header, broker id, tagged fields
        answer = call(self.broker, frame(64, 0, body))
        correlation_id, _, _, code = struct.unpack_from(">ibih", answer)  # tagged fields of the header, throttle time
        self.assertEqual((1, 102), (correlation_id, code))

    def test_offset_for_leader_epoch(self) -> None:
        """The first epoch ends where the log does."""
        self.sends("OffsetForLeaderEpoch")
        topic = create(self.broker, unused_name("epochs"))
        produce(self.broker, topic, [b"a", b"b", b"c"])
        body = struct.pack(">i", 1) + string(topic) + struct.pack(">iiii", 1, 0, -1, 0)  # one partition: 0, current epoch unknown, epoch 0
        answer = call(self.broker, frame(23, 2, body))
        start = 4 + 4 + 4 + len(string(topic)) + 4  # correlation id, throttle time, one topic, its name, one partition
        self.assertEqual((0, 0, 0, 3), struct.unpack_from(">hiiq", answer, start))  # error, partition, epoch, end offset
