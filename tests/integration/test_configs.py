"""Configuration that is changed while the broker runs, by the command, over HTTP and by clients, and counts at once."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from tests.integration.clients import SECONDS, unused_name
from tests.integration.harness import BrokerTestCase, eventually


class ConfigsTests(BrokerTestCase):
    """One broker."""

    def chronik(self, *arguments: str, status: int = 0) -> str:
        """What ``chronik configs`` prints."""
        command = [sys.executable, "-m", "chronik.cli", "configs", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=self.broker.shell, timeout=60)
        self.assertEqual(status, done.returncode, done.stderr)
        return done.stdout + done.stderr

    def topic(self, **config: str) -> str:
        """A new topic."""
        name = unused_name("t")
        admin = AdminClient(self.broker.confluent)
        for future in admin.create_topics([NewTopic(name, 1, 1, config={key.replace("_", "."): value for key, value in config.items()})]).values():
            future.result(SECONDS)
        return name

    def produce(self, topic: str, value: bytes) -> Any:
        """The error of a delivery, None if it was made."""
        errors: list[Any] = []
        producer = Producer({**self.broker.confluent, "linger.ms": 0})
        producer.produce(topic, value, on_delivery=lambda error, message: errors.append(error))
        producer.flush(SECONDS)
        (error,) = errors
        return error

    def test_topic(self) -> None:
        """A topic's key is set, counts for the next record, is told with its source, and is taken away again."""
        self.sends("IncrementalAlterConfigs", "DescribeConfigs")
        name = self.topic()
        self.assertIn("changed", self.chronik("set", "--topic", name, "max.message.bytes=200"))
        error = self.produce(name, b"x" * 1_000)
        self.assertEqual("MSG_SIZE_TOO_LARGE", error.name())
        self.assertEqual("max.message.bytes=200\ttopic\n", self.chronik("describe", "--topic", name))
        self.assertIn("retention.ms=604800000\tdefault", self.chronik("describe", "--topic", name, "--all"))
        self.chronik("delete", "--topic", name, "max.message.bytes")
        self.assertIsNone(self.produce(name, b"x" * 1_000))

    def test_default_of_topics(self) -> None:
        """A broker's default counts at once for topics that do not set the key, and not for one that does."""
        plain, own = self.topic(), self.topic(max_message_bytes="100000")
        self.chronik("set", "--all-brokers", "message.max.bytes=200")
        try:
            self.assertIsNotNone(self.produce(plain, b"x" * 1_000))
            self.assertIsNone(self.produce(own, b"x" * 1_000))
            self.assertIn("message.max.bytes=200\tall brokers", self.chronik("describe", "--broker", "1"))
            self.chronik("set", "--broker", "1", "message.max.bytes=100000")
            self.assertIsNone(self.produce(plain, b"x" * 1_000))
        finally:
            self.chronik("delete", "--all-brokers", "message.max.bytes")
            self.chronik("delete", "--broker", "1", "message.max.bytes")

    def test_search_mode(self) -> None:
        """So it does for search."""
        name = self.topic()
        self.assertIsNone(self.produce(name, b'{"word":"needle"}'))
        eventually(lambda: self.broker.http(f"/{name}/_count?q=word:needle")[1]["count"] == 1, SECONDS, "the record")
        self.chronik("set", "--broker", "1", "search.mode=off")
        try:
            eventually(lambda: self.broker.http(f"/{name}/_count?q=word:needle")[0] == 400, SECONDS, "search to be off")
        finally:
            self.chronik("delete", "--broker", "1", "search.mode")
        eventually(lambda: self.broker.http(f"/{name}/_count?q=word:needle")[1].get("count") == 1, SECONDS, "the record")

    def test_refused(self) -> None:
        """What cannot be changed is refused by name; of several keys none is changed."""
        self.assertIn("Cannot update these configs dynamically: [node.id]", self.chronik("set", "--broker", "1", "node.id=5", status=1))
        self.assertIn("INVALID_CONFIG", self.chronik("set", "--all-brokers", "log.retention.ms=5", "max.connections=many", status=1))
        self.assertIn("nothing is set at run time", self.chronik("describe", "--all-brokers"))
        self.assertIn("could be changed", self.chronik("set", "--dry-run", "--all-brokers", "log.retention.ms=5"))
        self.assertIn("nothing is set at run time", self.chronik("describe", "--all-brokers"))
        self.assertIn("not known, or not set: nothing", self.chronik("describe", "--broker", "1", "nothing", status=1))
        self.assertIn("say whose configuration", self.chronik("describe", status=1))

    def test_log_levels(self) -> None:
        """Levels count at once: what is logged at DEBUG appears when it is asked for, and no more when it is not."""
        self.chronik("set", "--loggers", "1", "chronik.cluster=OFF")
        self.topic()
        before = self.broker.log().count("Created topic")
        self.chronik("delete", "--loggers", "1", "chronik.cluster")
        self.topic()
        eventually(lambda: self.broker.log().count("Created topic") == before + 1, SECONDS, "the line")
        self.assertIn("root=INFO\tlogger", self.chronik("describe", "--loggers", "1", "root"))
        self.assertIn("not a supported log level", self.chronik("set", "--loggers", "1", "root=LOUD", status=1))

    def test_quotas(self) -> None:
        """Quotas of whoever has none of their own, set, told, taken away."""
        self.sends("AlterClientQuotas", "DescribeClientQuotas")
        self.chronik("set", "--quota-user", "bob", "--quota-client-id", "", "producer_byte_rate=5000", "consumer_byte_rate=6000")
        self.chronik("delete", "--quota-user", "bob", "--quota-client-id", "", "consumer_byte_rate")
        self.assertEqual("producer_byte_rate=5000\n", self.chronik("describe", "--quota-user", "bob", "--quota-client-id", ""))
        self.chronik("set", "--quota-user", "bob", "--quota-client-id", "", "producer_byte_rate=1048576")
        self.assertEqual("producer_byte_rate=1048576\n", self.chronik("describe", "--quota-user", "bob", "--quota-client-id", ""))
        self.assertIn("a quota is a number", self.chronik("set", "--quota-ip", "10.0.0.1", "connection_creation_rate=many", status=1))

    def test_one_place(self) -> None:
        """What a client sets HTTP tells, and the other way round."""
        name = self.topic()
        entry = ConfigEntry("retention.ms", "12345", incremental_operation=AlterConfigOpType.SET)
        admin = AdminClient(self.broker.confluent)
        (future,) = admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])]).values()
        future.result(SECONDS)
        self.assertEqual("12345", self.broker.http(f"/_chronik/configs/topics/{name}")[1]["configs"]["retention.ms"]["value"])
        self.assertEqual(200, self.broker.http(f"/_chronik/configs/topics/{name}", {"retention.ms": 54321}, "PUT")[0])
        (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
        self.assertEqual("54321", future.result(SECONDS)["retention.ms"].value)
        (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, unused_name("none"))]).values()
        self.assertRaises(KafkaException, future.result, SECONDS)
