"""The audit topic, over a broker in memory."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from chronik.audit.interfaces import AuditRecord, IAuditWriter
from chronik.audit.topic import AuditTopic, TopicPlan
from chronik.errors import ErrorCode, KafkaError
from chronik.model import AUDIT_TOPIC, INTERNAL_TOPICS, IsolationLevel
from chronik.network.channel import ChannelError
from chronik.network.interfaces import IBrokerChannels
from chronik.record.records import decode_records
from tests.server.memory_broker import MemoryBroker


def records(*numbers: int) -> list[AuditRecord]:
    """Lines with these numbers."""
    return [AuditRecord(1_000 + number, "User:alice", json.dumps({"number": number}).encode()) for number in numbers]


@implementer(IBrokerChannels)
class NoChannels:
    """Nobody is there."""

    def connect(self, broker_id: int) -> Deferred[Any]:
        """It is not."""
        return fail(ChannelError(f"broker {broker_id} is not there"))


class AuditTopicTests(SynchronousTestCase):
    """:class:`AuditTopic`."""

    def setUp(self) -> None:
        """A broker that has no such topic yet."""
        self.broker = MemoryBroker()
        self.broker.start(self)
        self.writer = self.make(TopicPlan(2, 1, {"retention.ms": "5000", "search.mode": "json"}))

    def make(self, plan: TopicPlan, broker_id: int | None = None) -> AuditTopic:
        """A writer of a broker."""
        broker = self.broker
        number = broker.broker_id if broker_id is None else broker_id
        return AuditTopic(number, broker.feed, broker.partitions, broker.controller, plan, NoChannels())

    def read(self, number: int = 0) -> list[Any]:
        """What the topic holds."""
        partition = self.broker.partitions.get(AUDIT_TOPIC, number)
        result = self.successResultOf(partition.read(0, 1 << 20, IsolationLevel.READ_UNCOMMITTED, True))
        data = result.records.read(0, result.records.size)
        result.records.close()
        found = []
        while data:
            size = 12 + int.from_bytes(data[8:12], "big")
            found += [(record.key, json.loads(record.value), record.timestamp) for record in decode_records(data[:size])]
            data = data[size:]
        return found

    def test_created(self) -> None:
        """The first write creates it, as it was planned; each record is a message of its time, with whoever did it as key."""
        verifyObject(IAuditWriter, self.writer)
        self.successResultOf(self.writer.write(records(1, 2)))
        self.successResultOf(self.writer.write(records(3)))
        topic = self.broker.feed.image.topics[AUDIT_TOPIC]
        self.assertEqual((2, {"retention.ms": "5000", "search.mode": "json"}), (len(topic.partitions), dict(topic.configs)))
        expected = [(b"User:alice", {"number": number}, 1_000 + number) for number in (1, 2, 3)]
        self.assertEqual(expected, self.read())
        self.successResultOf(self.writer.close())

    def test_internal(self) -> None:
        """Clients neither write it nor, with the others of the broker's own, create it by accident."""
        self.assertIn(AUDIT_TOPIC, INTERNAL_TOPICS)

    def test_cannot_be_created(self) -> None:
        """A write fails, and says why, where the topic cannot be had; it can be made again."""
        error = self.failureResultOf(self.make(TopicPlan(1, 3)).write(records(1)), KafkaError).value
        self.assertEqual(ErrorCode.INVALID_REPLICATION_FACTOR, error.code)
        self.successResultOf(self.writer.write(records(1)))

    def test_led_elsewhere(self) -> None:
        """A broker that leads none of its partitions fails where it does not reach who does."""
        self.successResultOf(self.writer.write(records(1)))
        self.failureResultOf(self.make(TopicPlan(), 7).write(records(2)), ChannelError)
        self.assertEqual(1, len(self.read()))
