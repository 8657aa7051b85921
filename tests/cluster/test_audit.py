"""Audit records of brokers that lead no partition of the topic."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from chronik.audit.interfaces import AuditRecord
from chronik.audit.outlet import QUEUE_RECORDS_MAX, Outlet
from chronik.audit.topic import AuditTopic, TopicPlan
from chronik.model import AUDIT_TOPIC
from chronik.network.interfaces import IBrokerChannels
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from tests.cluster.brokers import LocalChannels, LocalCluster


def record(text: str) -> AuditRecord:
    """A line that says this."""
    return AuditRecord(1_000, "User:alice", json.dumps(text).encode())


@implementer(IBrokerChannels)
class CountedChannels:
    """Connections, counted and kept for the test to end."""

    def __init__(self, cluster: LocalCluster, broker_id: int) -> None:
        self._channels = LocalChannels(cluster, broker_id)
        self.made: list[Any] = []

    def connect(self, broker_id: int) -> Deferred[Any]:
        """One more."""
        connecting: Deferred[Any] = self._channels.connect(broker_id)
        return connecting.addCallback(self._note)

    def _note(self, channel: Any) -> Any:
        self.made.append(channel)
        return channel


class ForwardingTests(SynchronousTestCase):
    """Three brokers, and a topic with one partition."""

    def setUp(self) -> None:
        """Each audits."""
        self.cluster = LocalCluster(self, 3)
        self.channels: dict[int, CountedChannels] = {}
        self.outlets: dict[int, Outlet] = {}
        self.clock = Clock()
        for broker_id, broker in self.cluster.brokers.items():
            channels = self.channels[broker_id] = CountedChannels(self.cluster, broker_id)
            writer = AuditTopic(broker_id, broker.feed, broker.partitions, broker.controller, TopicPlan(1, 3), channels)
            self.outlets[broker_id] = Outlet(writer, self.clock)

    def tell(self, text: str) -> None:
        """Every broker has something to tell."""
        for broker_id, outlet in self.outlets.items():
            outlet.put(record(f"{text} of {broker_id}"))

    def advance(self, seconds: float) -> None:
        """Let time pass for brokers and audit, a little at a time."""
        for _ in range(int(seconds / 0.1)):
            self.clock.advance(0.1)
            self.cluster.advance(0.1)

    def told(self) -> set[str]:
        """What the topic holds."""
        return {json.loads(value) for value in self.cluster.values(self.cluster.led(AUDIT_TOPIC))}

    def waiting(self) -> list[int]:
        """How many records wait at each broker."""
        return [outlet.status.waiting for outlet in self.outlets.values()]

    def test_all_reach_the_topic(self) -> None:
        """Whoever leads the partition; each of the others keeps one connection for it."""
        for number in range(3):
            self.tell(str(number))
            self.advance(2.0)
        self.assertEqual({f"{number} of {broker_id}" for number in range(3) for broker_id in (1, 2, 3)}, self.told())
        leader = self.cluster.state(AUDIT_TOPIC).leader
        self.assertEqual({broker_id: int(broker_id != leader) for broker_id in self.outlets}, {i: len(c.made) for i, c in self.channels.items()})
        self.assertEqual([0, 0, 0], [outlet.status.failures for outlet in self.outlets.values()])

    def test_connection_that_ended(self) -> None:
        """One that has ended meanwhile is made anew, without a pause; a stop ends it."""
        self.tell("before")
        self.advance(2.0)
        for channels in self.channels.values():
            for channel in channels.made:
                channel.close()
        self.tell("after")
        self.advance(0.5)
        self.assertEqual(6, len(self.told()))
        self.assertEqual(4, sum(len(channels.made) for channels in self.channels.values()))
        for outlet in self.outlets.values():
            closing = outlet.close()
            self.advance(0.1)
            self.successResultOf(closing)
        self.assertTrue(all(channel._closed for channels in self.channels.values() for channel in channels.made))

    def test_leader_that_is_gone(self) -> None:
        """Records wait while nobody leads, and go to whoever leads next."""
        self.tell("before")
        self.advance(2.0)
        leader = self.cluster.state(AUDIT_TOPIC).leader
        self.cluster.kill(leader)
        del self.outlets[leader]
        self.tell("after")
        self.advance(0.3)
        self.advance(40.0)
        self.assertNotEqual(leader, self.cluster.state(AUDIT_TOPIC).leader)
        self.assertEqual(3 + 2, len(self.told()))
        self.assertEqual([0, 0], self.waiting())

    def test_whoever_is_no_broker(self) -> None:
        """A broker that may not act for the cluster is refused, and its records wait, so many as there is room for."""
        self.tell("before")
        self.advance(2.0)
        leader = self.cluster.state(AUDIT_TOPIC).leader
        refused = {Action(Operation.CLUSTER_ACTION, ResourceType.CLUSTER, CLUSTER_NAME), Action(Operation.WRITE, ResourceType.TOPIC, AUDIT_TOPIC)}
        self.cluster.brokers[leader].authorizer.refused |= refused
        other = next(broker_id for broker_id in self.outlets if broker_id != leader)
        for number in range(QUEUE_RECORDS_MAX + 5):
            self.outlets[other].put(record(str(number)))
        self.advance(1.0)
        self.assertEqual(3, len(self.told()))
        status = self.outlets[other].status
        self.assertEqual((QUEUE_RECORDS_MAX, 5), (status.waiting, status.dropped))
        self.assertGreater(status.failures, 0)
        self.flushLoggedErrors()
