"""DeleteRecords through real clients: what is deleted stays deleted, for consumers, after a crash, and for search."""

from __future__ import annotations

from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.clients import SECONDS, admin, consumer, create, produce, take, unused_name
from tests.integration.harness import Broker, BrokerTestCase, eventually, running


def delete(broker: Broker, topic: str, offset: int) -> int:
    """Delete the records of partition 0 below ``offset``; the low watermark told."""
    client = admin(broker)
    wanted = TopicPartition(topic, 0, offset)
    return int(client.delete_records([wanted], request_timeout=SECONDS, operation_timeout=SECONDS)[wanted].result(SECONDS).low_watermark)


def earliest(broker: Broker, topic: str) -> int:
    """Where partition 0 begins."""
    client = admin(broker)
    wanted = TopicPartition(topic, 0)
    return int(client.list_offsets({wanted: OffsetSpec.earliest()})[wanted].result(SECONDS).offset)


class DeletionTests(BrokerTestCase):
    """Records that are deleted."""

    def test_consumers(self) -> None:
        """A consumer that begins at the beginning begins at the new start; what is beyond is untouched."""
        self.sends("DeleteRecords")
        topic = create(self.broker, unused_name("deleted"))
        produce(self.broker, topic, [b"%d" % n for n in range(10)])
        self.assertEqual(4, delete(self.broker, topic, 4))
        self.assertEqual(4, earliest(self.broker, topic))
        client = consumer(self.broker)
        try:
            client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            self.assertEqual([(n, b"%d" % n) for n in range(4, 10)], [(m.offset(), m.value()) for m in take(client, 6)])
        finally:
            client.close()
        self.assertEqual(10, delete(self.broker, topic, -1))

    def test_refused(self) -> None:
        """What cannot be deleted is refused with Kafka's codes."""
        compacted = create(self.broker, unused_name("compacted"), cleanup_policy="compact")
        short = create(self.broker, unused_name("short"))
        for topic, offset, code in (
            (compacted, -1, KafkaError.POLICY_VIOLATION),
            (short, 1, KafkaError.OFFSET_OUT_OF_RANGE),
        ):
            with self.assertRaises(KafkaException) as raised:
                delete(self.broker, topic, offset)
            self.assertEqual(code, raised.exception.args[0].code())

    def test_search_forgets(self) -> None:
        """A deleted record is not found any more."""
        topic = create(self.broker, unused_name("searched"))
        produce(self.broker, topic, [b"needle %d" % n for n in range(6)])

        def found() -> Any:
            _, answer = self.broker.http(f"/{topic}/_search?q=needle&wait_for_offset=end")
            return answer["hits"]["total"]["value"]

        self.assertEqual(6, found())
        delete(self.broker, topic, 4)
        eventually(lambda: found() == 2, what="two hits")


class CrashTests(SynchronousTestCase):
    """The broker dies right after the answer."""

    def test_killed(self) -> None:
        """What was answered as deleted does not come back."""
        with running() as broker:
            topic = create(broker, unused_name("crashed"))
            produce(broker, topic, [b"a"] * 8)
            self.assertEqual(5, delete(broker, topic, 5))
            broker.kill()
            broker.start()
            self.assertEqual(5, earliest(broker, topic))
