"""Groups of the consumer protocol (KIP-848) with librdkafka: sharing, moving, expressions, restarts, and changing over from the classic one."""

from __future__ import annotations

import signal
from types import MappingProxyType
from typing import Any

from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupType, TopicPartition

from tests.integration.clients import SECONDS, admin, consumer, create, produce, take, unused_name
from tests.integration.harness import Broker, BrokerTestCase, running
from tests.integration.test_groups import VALUES, drive, shares

SETTINGS = MappingProxyType(
    {
        "group.min.session.timeout.ms": "500",
        "group.consumer.heartbeat.interval.ms": "300",
        "group.consumer.min.heartbeat.interval.ms": "300",
        "group.consumer.assignment.interval.ms": "100",
    }
)


def reader(broker: Broker, group: str, *topics: str, **config: Any) -> Consumer:
    """A member of the consumer protocol."""
    client = consumer(broker, group, group_protocol="consumer", **config)
    client.subscribe(list(topics))
    return client


class ConsumerGroupTests(BrokerTestCase):
    """confluent-kafka's consumers on one broker."""

    settings = SETTINGS

    def member(self, group: str, *topics: str, **config: Any) -> Consumer:
        """A member that leaves after the test."""
        client = reader(self.broker, group, *topics, **config)
        self.addCleanup(client.close)
        return client

    def test_share(self) -> None:
        """Two members share what one had alone; when one leaves, the other has all again, and nothing is missed."""
        self.sends("ConsumerGroupHeartbeat")
        for assignor in ("uniform", "range"):
            topic, group = create(self.broker, unused_name("shared"), 4), unused_name("group")
            produce(self.broker, topic, VALUES)
            taken: list[Any] = []
            first = self.member(group, topic, group_remote_assignor=assignor)
            drive([first], lambda first=first: shares([first]) == [[0, 1, 2, 3]], "one member having all", taken)
            second = self.member(group, topic, group_remote_assignor=assignor)
            both = [first, second]
            drive(both, lambda both=both: sorted(map(len, shares(both))) == [2, 2], f"{assignor}: both having half", taken)
            self.assertEqual([0, 1, 2, 3], sorted(partition for share in shares(both) for partition in share))
            drive(both, lambda taken=taken: len({m.value() for m in taken}) == len(VALUES), "all records", taken)
            second.unsubscribe()
            drive(both, lambda first=first: shares([first]) == [[0, 1, 2, 3]], f"{assignor}: the one that stayed having all")

    def test_goes_on_from_the_commit(self) -> None:
        """A group's next consumer begins where the last one committed."""
        topic, group = create(self.broker, unused_name("resume")), unused_name("group")
        produce(self.broker, topic, VALUES)
        first = reader(self.broker, group, topic)
        self.assertEqual(VALUES[:20], [m.value() for m in take(first, 20)])
        first.commit(offsets=[TopicPartition(topic, 0, 20)], asynchronous=False)
        first.close()
        self.assertEqual(VALUES[20:], [m.value() for m in take(self.member(group, topic), 40)])

    def test_expression(self) -> None:
        """Topics that match are read, those that come later too."""
        prefix, group = unused_name("match"), unused_name("group")
        one = create(self.broker, f"{prefix}-one")
        create(self.broker, f"other-{prefix}")
        client = self.member(group, f"^{prefix}-.*")
        drive([client], lambda: {p.topic for p in client.assignment()} == {one}, "the topic that matches")
        two = create(self.broker, f"{prefix}-two")
        drive([client], lambda: {p.topic for p in client.assignment()} == {one, two}, "the new topic")

    def test_static_member(self) -> None:
        """One that comes back within its session has its partitions at once, and the others keep theirs."""
        topic, group = create(self.broker, unused_name("static"), 2), unused_name("group")
        stays = self.member(group, topic, group_instance_id="stays")
        leaves = reader(self.broker, group, topic, group_instance_id="leaves")
        drive([stays, leaves], lambda: sorted(map(len, shares([stays, leaves]))) == [1, 1], "each having one")
        had = shares([stays, leaves])
        leaves.close()
        back = self.member(group, topic, group_instance_id="leaves")
        drive([stays, back], lambda: shares([stays, back]) == had, "the same shares as before")

    def test_administration(self) -> None:
        """Tools tell what kind of group it is, who is in it and with what; it is deleted when it is empty."""
        self.sends("ConsumerGroupDescribe")
        topic, group = create(self.broker, unused_name("told"), 2), unused_name("group")
        client = reader(self.broker, group, topic, client_id="teller")
        drive([client], lambda: shares([client]) == [[0, 1]], "the assignment")
        tool = admin(self.broker)
        described = tool.describe_consumer_groups([group])[group].result(SECONDS)
        self.assertEqual((ConsumerGroupState.STABLE, ConsumerGroupType.CONSUMER), (described.state, described.type))
        (member,) = described.members
        assigned = [(p.topic, p.partition) for p in member.assignment.topic_partitions]
        self.assertEqual(("teller", [(topic, 0), (topic, 1)]), (member.client_id, assigned))
        listed = {g.group_id: g.type for g in tool.list_consumer_groups(types={ConsumerGroupType.CONSUMER}).result(SECONDS).valid}
        self.assertEqual(ConsumerGroupType.CONSUMER, listed[group])
        client.close()
        tool.delete_consumer_groups([group])[group].result(SECONDS)
        self.assertNotIn(group, {g.group_id for g in tool.list_consumer_groups().result(SECONDS).valid})

    def test_change_over(self) -> None:
        """A classic group gets a member of the newer protocol and works on; when the newer ones leave it is classic again."""
        topic, group = create(self.broker, unused_name("moving"), 4), unused_name("group")
        produce(self.broker, topic, VALUES)
        taken: list[Any] = []
        old = consumer(self.broker, group, session_timeout_ms=6_000, heartbeat_interval_ms=300)
        old.subscribe([topic])
        self.addCleanup(old.close)
        drive([old], lambda: shares([old]) == [[0, 1, 2, 3]], "the classic member having all", taken)
        new = self.member(group, topic)
        both = [old, new]
        drive(both, lambda: sorted(map(len, shares(both))) == [2, 2], "both protocols having half", taken)
        self.assertEqual(ConsumerGroupType.CONSUMER, self.kind(group))
        drive(both, lambda: len({m.value() for m in taken}) == len(VALUES), "all records", taken)
        new.unsubscribe()
        drive(both, lambda: shares([old]) == [[0, 1, 2, 3]], "the classic member having all again")
        self.assertEqual(ConsumerGroupType.CLASSIC, self.kind(group))

    def kind(self, group: str) -> ConsumerGroupType:
        """Of which kind a group is."""
        tool = admin(self.broker)
        return tool.describe_consumer_groups([group])[group].result(SECONDS).type


class RestartTests(BrokerTestCase):
    """A broker that dies and comes back."""

    def test_members_go_on(self) -> None:
        """Nobody has to join again: the group is as it was, and partitions are where they were."""
        with running(SETTINGS) as broker:
            topic = create(broker, "kept", 4)
            clients = [reader(broker, "g", topic, log_level=0) for _ in range(2)]
            try:
                drive(clients, lambda: sorted(map(len, shares(clients))) == [2, 2], "both having half")
                before = shares(clients)
                members = self.members(broker)
                broker.stop(signal.SIGKILL)
                broker.start()
                produce(broker, topic, VALUES)
                taken: list[Any] = []
                drive(clients, lambda: len({m.value() for m in taken}) == len(VALUES), "all records", taken)
                self.assertEqual(before, shares(clients))
                self.assertEqual(members, self.members(broker))
            finally:
                for client in clients:
                    client.close()

    def members(self, broker: Broker) -> list[tuple[str, list[tuple[str, int]]]]:
        """The group's members and their partitions, as the broker says."""
        tool = admin(broker)
        group = tool.describe_consumer_groups(["g"])["g"].result(SECONDS)
        return sorted((m.member_id, [(p.topic, p.partition) for p in m.assignment.topic_partitions]) for m in group.members)
