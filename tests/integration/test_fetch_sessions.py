"""Fetch sessions by a client that uses them: kafka-python names only what changes."""

from __future__ import annotations

import time
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from tests.integration.clients import SECONDS, create, produce, unused_name
from tests.integration.harness import BrokerTestCase

PARTITIONS = 20


class SessionTests(BrokerTestCase):
    """A consumer of many partitions of which few are busy."""

    def metric(self, name: str) -> float:
        """A number of the broker's own."""
        _, text = self.broker.http("/metrics")
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))

    def take(self, consumer: Any, count: int) -> list[tuple[int, bytes]]:
        """The next records: partition and value."""
        taken: list[tuple[int, bytes]] = []
        deadline = time.monotonic() + SECONDS
        while len(taken) < count and time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=200).values():
                taken += [(record.partition, record.value) for record in records]
        return taken

    def test_busy_and_quiet(self) -> None:
        """Records of any partition come, in order, while a session is used; it is gone when the consumer is."""
        topic = create(self.broker, unused_name("sessions"), PARTITIONS)
        consumer = KafkaConsumer(**self.broker.python, auto_offset_reset="earliest", fetch_max_wait_ms=200)
        try:
            consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
            for turn in range(10):
                values = [b"%d-%d" % (turn, n) for n in range(5)]
                acknowledged = produce(self.broker, topic, values)
                expected = sorted((message.partition(), message.value()) for message in acknowledged)
                self.assertEqual(expected, sorted(self.take(consumer, 5)))
            self.assertGreaterEqual(self.metric("chronik_fetch_sessions"), 1)
            self.assertGreaterEqual(self.metric("chronik_fetch_session_partitions"), PARTITIONS)
            consumer.pause(*[TopicPartition(topic, number) for number in range(1, PARTITIONS)])
            produce(self.broker, topic, [b"paused"] * 30)
            consumer.resume(*[TopicPartition(topic, number) for number in range(1, PARTITIONS)])
            self.assertEqual(30, len(self.take(consumer, 30)))
        finally:
            consumer.close()
