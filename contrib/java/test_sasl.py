"""Logins by SASL with Kafka's own tools, which are Java's clients."""

from __future__ import annotations

from contrib.java.kafka_tools import kafka_tool, properties
from tests.integration.clients import unused_name
from tests.integration.test_sasl import MECHANISMS, SaslCase, librdkafka


class KafkaToolTests(SaslCase):
    """Kafka's own tools, which are Java's clients."""

    def tool(self, name: str, *arguments: str, mechanism: str = "SCRAM-SHA-512", input: str = "") -> str:
        """Run one; what it prints."""
        module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
        jaas = f'org.apache.kafka.common.security.{module} required username="alice" password="wonderland";'
        settings = properties(self.mktemp(), ["security.protocol=SASL_PLAINTEXT", f"sasl.mechanism={mechanism}", f"sasl.jaas.config={jaas}"])
        where = ("--bootstrap-server", self.broker.sasl_bootstrap, "--command-config", settings)
        return kafka_tool(name, *where, *arguments, stdin=input)[1]

    def test_configs(self) -> None:
        """kafka-configs makes a user, shows it, and deletes it."""
        of_bob = ("--entity-type", "users", "--entity-name", "bob")
        added = "SCRAM-SHA-256=[iterations=8192,password=builder]"
        self.assertIn("Completed", self.tool("kafka.admin.ConfigCommand", "--alter", "--add-config", added, *of_bob))
        self.assertIsNone(self.delivers(librdkafka(self.broker, "SCRAM-SHA-256", "bob", "builder")))
        self.assertIn("SCRAM-SHA-256=iterations=8192", self.tool("kafka.admin.ConfigCommand", "--describe", *of_bob, mechanism="PLAIN"))
        self.assertIn("Completed", self.tool("kafka.admin.ConfigCommand", "--alter", "--delete-config", "SCRAM-SHA-256", *of_bob))
        self.assertIn("does not exist", self.tool("kafka.admin.ConfigCommand", "--alter", "--delete-config", "SCRAM-SHA-256", *of_bob))

    def test_records(self) -> None:
        """Java's producer and consumer, by every mechanism."""
        for mechanism in MECHANISMS:
            topic = unused_name("java")
            self.tool("org.apache.kafka.tools.ConsoleProducer", "--topic", topic, mechanism=mechanism, input="one\ntwo\n")
            consumed = ("--topic", topic, "--from-beginning", "--max-messages", "2", "--timeout-ms", "30000")
            self.assertIn("one\ntwo\n", self.tool("org.apache.kafka.tools.consumer.ConsoleConsumer", *consumed, mechanism=mechanism))
