"""What tools ask a broker, by kafka-python's administrator: directories, producers, quorum, elections, reassignments, features."""

from __future__ import annotations

import os

from kafka import KafkaAdminClient

from tests.integration.clients import create, produce, unused_name
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
