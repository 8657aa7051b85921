"""The storage plugin in ``contrib`` is installed as its users would, found, and serves a broker's logs."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
from contextlib import closing
from hashlib import sha256
from typing import Any

from confluent_kafka import TopicPartition

from tests.integration.clients import admin, consume, consumer, create, end_offset, producer, take, unused_name
from tests.integration.harness import Broker, eventually
from tests.integration.test_crash import LoadTestCase, broker_killed, count, everything_killed, killed_while_starting, whole_search
from tests.integration.test_sync import TracedTestCase
from tests.lengths import seed
from tests.plugins.installation import PROBE, InstallationTestCase

SETTINGS = {"log.store": "sqlite", "plugin.storage.sqlite.wal.bytes": "1048576"}


class SqliteTestCase(InstallationTestCase):
    """Brokers whose logs are in SQLite."""

    distribution = "chronik-storage-sqlite"

    def new_broker(self, **settings: str) -> Broker:
        """A broker, not started."""
        broker = Broker({**SETTINGS, **settings}, environ=self.installed.environ)
        self.addCleanup(broker.close)
        return broker

    def rows(self, broker: Broker, statement: str) -> list[Any]:
        """What is in the broker's database."""
        with closing(sqlite3.connect(f"file:{broker.data}/chronik-log.sqlite3?mode=ro", uri=True)) as connection:
            return connection.execute(statement).fetchall()


class InstallationTests(SqliteTestCase):
    """The distribution."""

    def test_installed_plugin(self) -> None:
        """The finder finds it beside the built-in ones, it explains itself, and its own tests pass against what was installed."""
        summary, text, names = json.loads(self.run_python("-c", PROBE, "storage", "sqlite").splitlines()[0])
        self.assertIn("SQLite", summary)
        self.assertIn("plugin.storage.sqlite.OPTION", text)
        self.assertEqual(["memory", "segment", "sqlite"], names)
        self.run_own_tests()

    def test_unknown_option(self) -> None:
        """A broker with an option that nobody knows does not start, and says in one line which it is."""
        broker = self.new_broker(**{"plugin.storage.sqlite.speed": "11"})
        done = subprocess.run(
            broker.command(), env=self.installed.environ, cwd=broker.directory, capture_output=True, text=True, timeout=30, check=False
        )
        self.assertNotEqual(0, done.returncode)
        lines = [line for line in done.stderr.splitlines() if "storage:sqlite" in line]
        self.assertEqual(["chronik: storage:sqlite has no option speed; its options are cache.bytes, page.bytes, wal.bytes"], lines)


class BrokerTests(SqliteTestCase, LoadTestCase, TracedTestCase):
    """A broker over it, under real clients."""

    def test_everything(self) -> None:
        """Records are produced, consumed by a group, found by search and by time, deleted, and are the same after a restart."""
        broker = self.new_broker().start()
        topic = create(broker, "orders", 3, internal_segment_bytes=20_000)
        values = [json.dumps({"text": f"word{n % 10}", "id": sha256(b"%d" % n).hexdigest()}).encode() for n in range(5_000)]
        client = producer(broker, enable_idempotence=True, compression_type="zstd", batch_size=8_192, linger_ms=2)
        for n, value in enumerate(values):
            client.produce(topic, value, b"%d" % n, partition=n % 3, timestamp=1_700_000_000_000 + n)
        self.assertEqual(0, client.flush(60))
        group = unused_name("group")
        seen = self.by_group(broker, topic, group, 2_000)
        whole_search(self, broker, topic)
        self.assertEqual(500, count(broker, topic, "text:word3"))
        self.assertEqual(0, broker.stop())
        broker.start()
        self.assertEqual(sorted(values), sorted(seen + self.by_group(broker, topic, group, 3_000)))
        whole_search(self, broker, topic)
        self.assertEqual(500, count(broker, topic, "text:word3"))
        seeking = consumer(broker)
        (found,) = seeking.offsets_for_times([TopicPartition(topic, 0, 1_700_000_003_000)], 30)
        seeking.close()
        self.assertEqual(1_000, found.offset)
        self.assertEqual([(3,)], self.rows(broker, f"SELECT count(*) FROM logs WHERE topic = '{topic}'"))
        self.assertGreater(self.rows(broker, "SELECT count(*) FROM extents WHERE end_offset IS NOT NULL")[0][0], 0)
        self.assertEqual([("ok",)], self.rows(broker, "PRAGMA integrity_check"))

    def by_group(self, broker: Broker, topic: str, group: str, records: int) -> list[bytes]:
        """Take some records as a member of a group, and commit that."""
        client = consumer(broker, group)
        client.subscribe([topic])
        taken = take(client, records)
        client.commit(asynchronous=False)
        client.close()
        return [value for message in taken if (value := message.value()) is not None]

    def test_killed_under_load(self) -> None:
        """Kills of the broker, of one that is starting, and of everything: nothing acknowledged is lost, doubled or reordered; search has all."""
        broker = self.new_broker().start()
        self.under_load(broker, [broker_killed, everything_killed, killed_while_starting, broker_killed], random.Random(seed(5)))
        broker.stop()
        self.assertEqual([("ok",)], self.rows(broker, "PRAGMA integrity_check"))

    def test_synced_before_answered(self) -> None:
        """Under strace, every answer follows a sync of the write-ahead log that was begun after its record was written."""
        found = self.traced(-1, 50, SETTINGS, "chronik-log.sqlite3-wal", self.installed.environ)
        self.assertEqual([], found.early)
        self.assertGreaterEqual(found.syncs, 50)

    def test_deleted_topic(self) -> None:
        """A deleted topic's rows go, and a new one of the name begins empty."""
        broker = self.new_broker(**{"log.segment.delete.delay.ms": "0"}).start()
        topic = create(broker, "short")
        client = producer(broker)
        for n in range(100):
            client.produce(topic, bytes(10_000))
        self.assertEqual(0, client.flush(60))
        self.assertEqual(100, end_offset(broker, topic))
        self.delete(broker, topic)
        create(broker, "short")
        self.assertEqual(0, end_offset(broker, topic))
        eventually(lambda: self.rows(broker, "SELECT count(*) FROM logs WHERE topic IS NULL") == [(0,)], what="the end of the removed log")
        client.produce(topic, b"new")
        self.assertEqual(0, client.flush(60))
        self.assertEqual([b"new"], [message.value() for message in consume(broker, topic, 1)])

    def delete(self, broker: Broker, topic: str) -> None:
        """Delete a topic."""
        client = admin(broker)
        client.delete_topics([topic])[topic].result(30)
