"""Consumer groups as real clients use them: sharing, moving, committing, going on, being looked at and deleted."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import aiokafka
import kafka
from aiokafka import AIOKafkaConsumer
from confluent_kafka import OFFSET_INVALID, Consumer, ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from kafka import KafkaConsumer

from tests.integration.clients import SECONDS, admin, consumer, create, produce, take, unused_name
from tests.integration.harness import Broker, BrokerTestCase, eventually, running

VALUES = [b"%d" % n for n in range(60)]


def values(messages: list[Any]) -> list[bytes]:
    """Their values, sorted by number."""
    return sorted((message.value() for message in messages), key=int)


def drive(consumers: list[Consumer], until: Callable[[], Any], what: str, taken: list[Any] | None = None) -> None:
    """Poll all consumers, as their applications would, until something holds."""

    def polled() -> Any:
        for client in consumers:
            for message in client.consume(1_000, 0.02):
                if message.error() is not None:
                    raise AssertionError(str(message.error()))
                if taken is not None:
                    taken.append(message)
        return until()

    eventually(polled, what=what)


def shares(consumers: list[Consumer]) -> list[list[int]]:
    """Which partitions each has."""
    return [sorted(p.partition for p in client.assignment()) for client in consumers]


class GroupTests(BrokerTestCase):
    """confluent-kafka's consumers on one broker."""

    settings = MappingProxyType({"group.min.session.timeout.ms": "500"})

    def member(self, group: str, topic: str, **config: Any) -> Consumer:
        """A consumer that joins a group, and leaves it after the test."""
        client = consumer(self.broker, group, session_timeout_ms=6_000, heartbeat_interval_ms=300, **config)
        client.subscribe([topic])
        self.addCleanup(client.close)
        return client

    def test_range(self) -> None:
        """Two members share partitions by ranges."""
        self.sends("FindCoordinator", "JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup")
        self.rebalance("range")

    def test_round_robin(self) -> None:
        """Two members share partitions in turns."""
        self.rebalance("roundrobin")

    def test_cooperative(self) -> None:
        """Two members share partitions, and go on reading what stays with them."""
        self.sends("JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup")
        self.rebalance("cooperative-sticky")

    def rebalance(self, strategy: str) -> None:
        """Two members share what one had alone; when one leaves, the other has all again, and nothing is missed."""
        topic, group = create(self.broker, unused_name("shared"), 4), unused_name("group")
        produce(self.broker, topic, VALUES)
        first = self.member(group, topic, partition_assignment_strategy=strategy)
        taken: list[Any] = []
        drive([first], lambda: shares([first]) == [[0, 1, 2, 3]], "one member having all", taken)
        second = self.member(group, topic, partition_assignment_strategy=strategy)
        both = [first, second]
        drive(both, lambda: [len(share) for share in shares(both)] == [2, 2], f"{strategy}: both having half", taken)
        self.assertEqual([0, 1, 2, 3], sorted(partition for share in shares(both) for partition in share))
        drive(both, lambda: len({m.value() for m in taken}) == len(VALUES), "all records", taken)
        second.unsubscribe()
        drive([first], lambda: shares([first]) == [[0, 1, 2, 3]], f"{strategy}: the one that stayed having all")

    def test_goes_on_from_the_commit(self) -> None:
        """A group's next consumer begins where the last one committed; seeking back reads again."""
        self.sends("OffsetCommit", "OffsetFetch", "LeaveGroup")
        topic, group = create(self.broker, unused_name("resume")), unused_name("group")
        produce(self.broker, topic, VALUES)
        first = consumer(self.broker, group)
        first.subscribe([topic])
        self.assertEqual(VALUES[:20], [m.value() for m in take(first, 20)])
        first.commit(offsets=[TopicPartition(topic, 0, 20, "a note")], asynchronous=False)
        first.close()
        second = self.member(group, topic)
        self.assertEqual(VALUES[20:], [m.value() for m in take(second, 40)])
        committed = second.committed([TopicPartition(topic, 0)], SECONDS)[0]
        self.assertEqual((20, "a note"), (committed.offset, committed.metadata))
        second.seek(TopicPartition(topic, 0, 5))
        self.assertEqual(VALUES[5:15], [m.value() for m in take(second, 10)])

    def test_automatic_commits(self) -> None:
        """What a consumer commits by itself, as it closes, counts."""
        topic, group = create(self.broker, unused_name("automatic")), unused_name("group")
        produce(self.broker, topic, VALUES)
        first = consumer(self.broker, group, enable_auto_commit=True)
        first.subscribe([topic])
        take(first, 60)
        first.close()
        produce(self.broker, topic, [b"next"])
        self.assertEqual([b"next"], [m.value() for m in take(self.member(group, topic), 1)])

    def test_commit_without_membership(self) -> None:
        """A consumer that assigns itself partitions commits to a group, whose offsets are its own."""
        self.sends("OffsetCommit", "OffsetFetch", "ListGroups")
        topic, group = create(self.broker, unused_name("assigned"), 2), unused_name("group")
        client = consumer(self.broker, group)
        assign(client, topic, 0)
        client.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
        found = client.committed([TopicPartition(topic, 0), TopicPartition(topic, 1)], SECONDS)
        client.close()
        self.assertEqual([3, OFFSET_INVALID], [p.offset for p in found])
        self.assertIn(group, self.groups())

    def test_static_member(self) -> None:
        """A static member that comes back within its session has its partitions at once, and the others keep theirs."""
        self.sends("JoinGroup", "SyncGroup")
        topic, group = create(self.broker, unused_name("static"), 2), unused_name("group")
        stays = self.member(group, topic, group_instance_id="stays")
        leaves = consumer(self.broker, group, group_instance_id="leaves", session_timeout_ms=30_000, heartbeat_interval_ms=300)
        leaves.subscribe([topic])
        drive([stays, leaves], lambda: sorted(map(len, shares([stays, leaves]))) == [1, 1], "each having one")
        had = shares([stays, leaves])
        leaves.close()
        back = self.member(group, topic, group_instance_id="leaves")
        drive([stays, back], lambda: shares([stays, back]) == had, "the same shares as before")

    def test_dead_member(self) -> None:
        """A member that stops without a word loses its partitions after its session timeout."""
        topic, group = create(self.broker, unused_name("dead"), 2), unused_name("group")
        stays = self.member(group, topic)
        dies = subprocess.Popen(
            ["kcat", *self.broker.kcat, "-G", group, "-X", "session.timeout.ms=3000", "-X", "heartbeat.interval.ms=300", topic],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            drive([stays], lambda: len(shares([stays])[0]) == 1, "both having one")
        finally:
            dies.kill()
            dies.wait()
        drive([stays], lambda: shares([stays]) == [[0, 1]], "the living one having both")

    def groups(self) -> set[str]:
        """Ids of all groups."""
        client = admin(self.broker)
        return {group.group_id for group in client.list_consumer_groups(request_timeout=SECONDS).result().valid}

    def test_describe_list_delete(self) -> None:
        """A group is listed and described while it lives, cannot be deleted then, and can once it is empty."""
        self.sends("DescribeGroups", "ListGroups", "DeleteGroups")
        topic, group = create(self.broker, unused_name("looked-at"), 2), unused_name("group")
        client = admin(self.broker)
        member = consumer(self.broker, group, client_id="me")
        member.subscribe([topic])
        drive([member], lambda: len(member.assignment()) == 2, "the member's assignment")
        self.assertIn(group, self.groups())
        described = client.describe_consumer_groups([group])[group].result(SECONDS)
        self.assertEqual(ConsumerGroupState.STABLE, described.state)
        self.assertEqual("range", described.partition_assignor)
        self.assertEqual("me", described.members[0].client_id)
        self.assertEqual({0, 1}, {p.partition for p in described.members[0].assignment.topic_partitions})
        with self.assertRaises(KafkaException) as raised:
            client.delete_consumer_groups([group])[group].result(SECONDS)
        self.assertEqual(KafkaError.NON_EMPTY_GROUP, raised.exception.args[0].code())
        member.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
        member.close()
        client.delete_consumer_groups([group])[group].result(SECONDS)
        self.assertNotIn(group, self.groups())
        with self.assertRaises(KafkaException) as raised:
            client.delete_consumer_groups([group])[group].result(SECONDS)
        self.assertEqual(KafkaError.GROUP_ID_NOT_FOUND, raised.exception.args[0].code())

    def test_offsets_of_a_group(self) -> None:
        """An administrator reads, sets and deletes the offsets of a group that has no members."""
        self.sends("OffsetCommit", "OffsetFetch", "OffsetDelete")
        topic, group = create(self.broker, unused_name("set"), 2), unused_name("group")
        client = admin(self.broker)
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 4), TopicPartition(topic, 1, 6)])
        client.alter_consumer_group_offsets([wanted])[group].result(SECONDS)
        listed = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(SECONDS)
        self.assertEqual({(0, 4), (1, 6)}, {(p.partition, p.offset) for p in listed.topic_partitions})
        python = kafka.KafkaAdminClient(**self.broker.python)
        try:
            python.delete_group_offsets(group, [kafka.TopicPartition(topic, 0)])
        finally:
            python.close()
        listed = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(SECONDS)
        self.assertEqual({(1, 6)}, {(p.partition, p.offset) for p in listed.topic_partitions})

    def test_offsets_of_a_deleted_topic(self) -> None:
        """With a topic go the offsets of groups in it: a new topic of the name begins at the beginning."""
        topic, group = create(self.broker, unused_name("gone")), unused_name("group")
        client = consumer(self.broker, group)
        assign(client, topic, 0)
        client.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
        administrator = admin(self.broker)
        administrator.delete_topics([topic])[topic].result(SECONDS)
        create(self.broker, topic)
        eventually(lambda: client.committed([TopicPartition(topic, 0)], SECONDS)[0].offset == OFFSET_INVALID, what="no offset of the old topic")
        client.close()


class OtherClientsTests(BrokerTestCase):
    """kafka-python and aiokafka."""

    def test_kafka_python(self) -> None:
        """kafka-python's members share partitions, commit, and the next goes on."""
        self.sends("FindCoordinator", "JoinGroup", "SyncGroup", "LeaveGroup", "OffsetCommit", "OffsetFetch")
        topic, group = create(self.broker, unused_name("python"), 2), unused_name("group")
        produce(self.broker, topic, VALUES)
        clients = [self.python(topic, group) for _ in range(2)]
        taken: list[bytes] = []

        def shared() -> bool:
            for client in clients:
                for batch in client.poll(300).values():
                    taken.extend(record.value for record in batch)
            return [len(client.assignment()) for client in clients] == [1, 1] and len(set(taken)) == len(VALUES)

        eventually(shared, what="two members that read all")
        for client in clients:
            client.commit()
            client.close(autocommit=False)
        produce(self.broker, topic, [b"60"])
        last = self.python(topic, group)
        eventually(lambda: last.poll(500), what="the next record")
        last.close()
        self.assertEqual(set(VALUES), set(taken))

    def python(self, topic: str, group: str) -> KafkaConsumer:
        """A consumer of kafka-python that knows the topic's partitions before it joins.

        Without them it would lead the group to an assignment of nothing, learn of them, and join again. The answers to a join that it began for
        that reason are lost on it (3.0.12) when they come between two polls: it never takes its assignment, sends no heartbeats, and is out a
        session later.
        """
        client = KafkaConsumer(
            topic,
            **self.broker.python,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            heartbeat_interval_ms=300,
        )
        client.partitions_for_topic(topic)
        return client

    def test_aiokafka(self) -> None:
        """aiokafka's members share partitions, commit, and the next goes on."""
        self.sends("FindCoordinator", "JoinGroup", "SyncGroup", "LeaveGroup", "OffsetCommit", "OffsetFetch")
        topic, group = create(self.broker, unused_name("aio"), 2), unused_name("group")
        produce(self.broker, topic, VALUES)

        def member() -> AIOKafkaConsumer:
            return AIOKafkaConsumer(
                topic,
                **self.broker.aiokafka,
                group_id=group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                heartbeat_interval_ms=300,
            )

        async def share() -> set[bytes]:
            members = [member(), member()]
            taken: set[bytes] = set()
            await asyncio.gather(*(client.start() for client in members))
            try:
                while [len(client.assignment()) for client in members] != [1, 1] or len(taken) < len(VALUES):
                    for client in members:
                        for batch in (await client.getmany(timeout_ms=50)).values():
                            taken.update(record.value for record in batch)
                for client in members:
                    await client.commit()
            finally:
                for client in members:
                    await client.stop()
            return taken

        async def resume() -> list[int]:
            client = member()
            await client.start()
            try:
                return [await client.committed(aiokafka.TopicPartition(topic, partition)) for partition in (0, 1)]
            finally:
                await client.stop()

        self.assertEqual(set(VALUES), asyncio.run(asyncio.wait_for(share(), SECONDS)))
        self.assertEqual(len(VALUES), sum(asyncio.run(asyncio.wait_for(resume(), SECONDS))))

    def test_clients_of_different_kinds_in_one_group(self) -> None:
        """Members of two libraries share one group."""
        topic, group = create(self.broker, unused_name("mixed"), 2), unused_name("group")
        first = consumer(self.broker, group, partition_assignment_strategy="range", heartbeat_interval_ms=300)
        first.subscribe([topic])
        second = self.python(topic, group)
        try:

            def shared() -> bool:
                second.poll(300)
                return [len(first.assignment()), len(second.assignment())] == [1, 1]

            drive([first], shared, "a share each")
        finally:
            second.close()
            first.close()


class RestartTests(BrokerTestCase):
    """Groups and a broker that comes and goes."""

    def test_offsets_after_restarts(self) -> None:
        """Committed offsets are there after a clean stop and after kill -9."""
        with running() as broker:
            topic = create(broker, "t", 3)
            produce(broker, topic, VALUES)
            for number, end in enumerate((broker.stop, broker.kill), 1):
                wanted = {partition: 10 * number + partition for partition in range(3)}
                commit(broker, "g", topic, wanted)
                end()
                broker.start()
                self.assertEqual(wanted, committed(broker, "g", topic, 3))

    def test_consumers_go_on_over_a_restart(self) -> None:
        """Members of a running group live through a restart of the broker, and read what comes after it."""
        with running() as broker:
            topic = create(broker, "t", 2)
            members = [consumer(broker, "g", heartbeat_interval_ms=300, reconnect_backoff_max_ms=200, log_level=0) for _ in range(2)]
            for member in members:
                member.subscribe([topic])
            drive(members, lambda: sorted(map(len, shares(members))) == [1, 1], "a share each")
            stopping = threading.Thread(target=broker.stop)
            stopping.start()
            stopping.join(SECONDS)
            broker.start()
            produce(broker, topic, VALUES)
            seen: set[bytes] = set()

            def all_seen() -> bool:
                for member in members:
                    for message in member.consume(100, 0.02):
                        if message.error() is None:
                            seen.add(message.value())
                return len(seen) == len(VALUES)

            eventually(all_seen, what="the records after the restart")
            for member in members:
                member.close()


def assign(client: Consumer, topic: str, *partitions: int) -> None:
    """Assign partitions from an offset: librdkafka can deadlock on itself when it is closed while it still looks for one."""
    client.assign([TopicPartition(topic, partition, 0) for partition in partitions])


def commit(broker: Broker, group: str, topic: str, offsets: dict[int, int]) -> None:
    """Commit a group's offsets without being a member."""
    client = consumer(broker, group)
    assign(client, topic, *offsets)
    client.commit(offsets=[TopicPartition(topic, *pair) for pair in offsets.items()], asynchronous=False)
    client.close()


def committed(broker: Broker, group: str, topic: str, partitions: int) -> dict[int, int]:
    """A group's offsets."""
    client = consumer(broker, group)
    found = client.committed([TopicPartition(topic, partition) for partition in range(partitions)], SECONDS)
    client.close()
    return {p.partition: p.offset for p in found}
