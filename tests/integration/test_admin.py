"""Topics, configurations and offsets as administrators and consumers see them."""

from __future__ import annotations

import contextlib
import struct
import time
import warnings
from typing import Any

import kafka
from confluent_kafka import OFFSET_END, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from kafka.admin import ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePatternFilter
from kafka.admin import NewTopic as PythonNewTopic
from kafka.admin import ResourceType as PythonResourceType
from kafka.errors import SecurityDisabledError

from tests.integration import wire
from tests.integration.access import ANYBODY
from tests.integration.clients import SECONDS, admin, consume, consumer, create, end_offset, produce, producer, take, unused_name
from tests.integration.harness import BrokerTestCase, eventually, running


@contextlib.contextmanager
def refused(case: BrokerTestCase, code: int) -> Any:
    """What is inside is refused by the broker with an error code."""
    with case.assertRaises(KafkaException) as raised:
        yield
    error = raised.exception.args[0]
    case.assertEqual(code, error.code(), str(error))


class TopicTests(BrokerTestCase):
    """Create, describe, grow, delete."""

    def test_create_and_describe(self) -> None:
        """A topic has the partitions and the configuration it was created with, and an id of its own."""
        self.sends("CreateTopics", "Metadata", "DescribeConfigs")
        topic = create(self.broker, unused_name("made"), 3, retention_ms=123_456)
        client = admin(self.broker)
        found = client.describe_topics(TopicCollection([topic]))[topic].result(SECONDS)
        self.assertEqual([0, 1, 2], [p.id for p in found.partitions])
        self.assertEqual({1}, {p.leader.id for p in found.partitions})
        self.assertFalse(found.is_internal)
        self.assertNotIn(str(found.topic_id), ("", "AAAAAAAAAAAAAAAAAAAAAA"))
        self.assertEqual("123456", self.configuration(topic)["retention.ms"].value)

    def test_refused_creations(self) -> None:
        """What cannot be created is refused with Kafka's code, and does not come into being."""
        client = admin(self.broker)
        there = create(self.broker, unused_name("there"))
        for new, code in (
            (NewTopic(there, 1, 1), KafkaError.TOPIC_ALREADY_EXISTS),
            (NewTopic("no/name", 1, 1), KafkaError.TOPIC_EXCEPTION),
            (NewTopic("x" * 250, 1, 1), KafkaError.TOPIC_EXCEPTION),
            (NewTopic("factor", 1, 3), KafkaError.INVALID_REPLICATION_FACTOR),
            (NewTopic("key", 1, 1, config={"no.such.key": "1"}), KafkaError.INVALID_CONFIG),
            (NewTopic("value", 1, 1, config={"retention.ms": "long"}), KafkaError.INVALID_CONFIG),
        ):
            with refused(self, code):
                client.create_topics([new])[new.topic].result(SECONDS)
        self.assertFalse({"factor", "key", "value"} & set(client.list_topics(timeout=SECONDS).topics))

    def test_validate_only(self) -> None:
        """A creation that is only tried out leaves nothing."""
        client, topic = admin(self.broker), unused_name("tried")
        client.create_topics([NewTopic(topic, 2, 1)], validate_only=True)[topic].result(SECONDS)
        self.assertNotIn(topic, client.list_topics(timeout=SECONDS).topics)

    def test_delete_and_create_again(self) -> None:
        """A new topic of a deleted one's name is empty, has another id and other partitions, and its files are its own; three times over."""
        self.sends("CreateTopics", "DeleteTopics")
        client, topic, ids = admin(self.broker), unused_name("again"), set()
        for partitions in (1, 3, 2):
            create(self.broker, topic, partitions, file_delete_delay_ms=500)
            self.assertEqual(0, end_offset(self.broker, topic))
            value = b"%d" % partitions
            produce(self.broker, topic, [value] * 50)
            got = consume(self.broker, topic, 50, range(partitions))
            self.assertEqual({value}, {m.value() for m in got})
            ids.add(str(client.describe_topics(TopicCollection([topic]))[topic].result(SECONDS).topic_id))
            client.delete_topics([topic])[topic].result(SECONDS)
            eventually(lambda: topic not in client.list_topics(timeout=SECONDS).topics, what="the deletion")
        self.assertEqual(3, len(ids))
        eventually(lambda: not list(self.broker.data.glob(f"{topic}-*")), 30, "the files' end")

    def test_delete_while_in_use(self) -> None:
        """Deleting a topic under a producer and a consumer ends neither's connection to other topics."""
        topic, other = create(self.broker, unused_name("busy")), create(self.broker, unused_name("other"))
        client = producer(self.broker, message_timeout_ms=2_000)
        reader = consumer(self.broker)
        reader.assign([TopicPartition(topic, 0, 0), TopicPartition(other, 0, 0)])
        client.produce(topic, b"1")
        client.flush(SECONDS)
        take(reader, 1)
        administrator = admin(self.broker)
        administrator.delete_topics([topic])[topic].result(SECONDS)
        client.produce(other, b"2")
        self.assertEqual(0, client.flush(SECONDS))

        def came() -> bool:
            return any(m.error() is None and m.value() == b"2" for m in reader.consume(10, 0.1))

        eventually(came, what="the other topic's record")
        reader.close()

    def test_create_partitions(self) -> None:
        """A topic grows; records reach the new partitions; fewer are refused."""
        self.sends("CreatePartitions")
        topic, client = create(self.broker, unused_name("grows")), admin(self.broker)
        produce(self.broker, topic, [b"old"])
        client.create_partitions([NewPartitions(topic, 4)])[topic].result(SECONDS)
        sender = producer(self.broker)
        eventually(lambda: len(sender.list_topics(topic, SECONDS).topics[topic].partitions) == 4, what="four partitions")
        sender.produce(topic, b"new", partition=3)
        self.assertEqual(0, sender.flush(SECONDS))
        self.assertEqual([b"old"], [m.value() for m in consume(self.broker, topic, 1)])
        self.assertEqual([b"new"], [m.value() for m in consume(self.broker, topic, 1, [3])])
        for count in (2, 4):
            with refused(self, KafkaError.INVALID_PARTITIONS):
                client.create_partitions([NewPartitions(topic, count)])[topic].result(SECONDS)

    def test_unknown_topics(self) -> None:
        """Metadata of a topic that is not there says so; a consumer's question alone creates none where creation is off."""
        client = admin(self.broker)
        with refused(self, KafkaError.UNKNOWN_TOPIC_OR_PART):
            client.describe_topics(TopicCollection(["nowhere"]))["nowhere"].result(SECONDS)
        with refused(self, KafkaError.UNKNOWN_TOPIC_OR_PART):
            client.delete_topics(["nowhere"])["nowhere"].result(SECONDS)
        with running({"auto.create.topics.enable": "false"}) as broker:
            with self.assertRaises(AssertionError) as raised:
                produce(broker, "absent", [b"v"], message_timeout_ms=1_500)
            self.assertIn("1 failed", str(raised.exception))
            self.assertNotIn("absent", admin(broker).list_topics(timeout=SECONDS).topics)

    def test_cluster(self) -> None:
        """The cluster is described: its id, as HTTP tells it, and its one broker and controller."""
        client = admin(self.broker)
        cluster = client.describe_cluster(request_timeout=SECONDS).result()
        self.assertEqual(self.broker.http("/")[1]["cluster_uuid"], cluster.cluster_id)
        self.assertEqual([(1, self.broker.port)], [(node.id, node.port) for node in cluster.nodes])
        self.assertEqual(1, cluster.controller.id)

    def configuration(self, topic: str) -> dict[str, ConfigEntry]:
        """A topic's configuration."""
        client, resource = admin(self.broker), ConfigResource(ResourceType.TOPIC, topic)
        found: dict[str, ConfigEntry] = client.describe_configs([resource])[resource].result(SECONDS)
        return found

    def test_alter_configs(self) -> None:
        """A key that is set is effective and told as the topic's own; one that is deleted is the default again; a bad one is refused whole."""
        self.sends("DescribeConfigs", "IncrementalAlterConfigs")
        topic, client = create(self.broker, unused_name("altered")), admin(self.broker)
        default = self.configuration(topic)["max.message.bytes"]
        self.assertTrue(default.is_default)

        def alter(*entries: tuple[str, str | None, AlterConfigOpType]) -> None:
            changes = [ConfigEntry(name, value, incremental_operation=operation) for name, value, operation in entries]
            resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=changes)
            client.incremental_alter_configs([resource])[resource].result(SECONDS)

        alter(("max.message.bytes", "2000", AlterConfigOpType.SET), ("cleanup.policy", "compact", AlterConfigOpType.APPEND))
        now = self.configuration(topic)
        self.assertEqual("2000", now["max.message.bytes"].value)
        self.assertFalse(now["max.message.bytes"].is_default)
        self.assertEqual({"compact", "delete"}, set(str(now["cleanup.policy"].value).split(",")))
        with refused(self, KafkaError.INVALID_CONFIG):
            alter(("max.message.bytes", "3000", AlterConfigOpType.SET), ("retention.ms", "soon", AlterConfigOpType.SET))
        self.assertEqual("2000", self.configuration(topic)["max.message.bytes"].value)
        alter(("max.message.bytes", None, AlterConfigOpType.DELETE), ("cleanup.policy", "compact", AlterConfigOpType.SUBTRACT))
        self.assertEqual(default.value, self.configuration(topic)["max.message.bytes"].value)

    def test_replace_configs(self) -> None:
        """The older question sets what it names and forgets the rest."""
        self.sends("AlterConfigs")
        topic, client = create(self.broker, unused_name("replaced"), retention_ms=5_000), admin(self.broker)
        resource = ConfigResource(ResourceType.TOPIC, topic, set_config={"max.message.bytes": "2000"})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            client.alter_configs([resource])[resource].result(SECONDS)
        now = self.configuration(topic)
        self.assertEqual("2000", now["max.message.bytes"].value)
        self.assertTrue(now["retention.ms"].is_default)

    def test_altered_limit_counts_at_once(self) -> None:
        """A smaller limit refuses the next record, a larger one lets it pass."""
        topic, client = create(self.broker, unused_name("limited")), admin(self.broker)
        for limit, passes in (("1000", False), ("100000", True)):
            entry = ConfigEntry("max.message.bytes", limit, incremental_operation=AlterConfigOpType.SET)
            resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
            client.incremental_alter_configs([resource])[resource].result(SECONDS)
            if passes:
                produce(self.broker, topic, [bytes(5_000)])
            else:
                with self.assertRaises(AssertionError) as raised:
                    produce(self.broker, topic, [bytes(5_000)])
                self.assertIn("MSG_SIZE_TOO_LARGE", str(raised.exception))

    def test_broker_configuration(self) -> None:
        """The broker tells every key it has, with what was set on its command line."""
        client, resource = admin(self.broker), ConfigResource(ResourceType.BROKER, "1")
        found = client.describe_configs([resource])[resource].result(SECONDS)
        self.assertEqual(self.broker.access.settings(self.broker.port)["listeners"], found["listeners"].value)
        self.assertFalse(found["listeners"].is_default)
        self.assertTrue(found["default.replication.factor"].is_default)

    def test_kafka_python(self) -> None:
        """kafka-python's administrator creates, lists, describes and deletes."""
        self.sends("ApiVersions", "CreateTopics", "DeleteTopics", "DescribeCluster", "DescribeTopicPartitions", "Metadata")
        client, topic = kafka.KafkaAdminClient(**self.broker.python), unused_name("python")
        try:
            client.create_topics([PythonNewTopic(topic, 2, 1)])
            self.assertIn(topic, client.list_topics())
            self.assertEqual(2, len(client.describe_topics([topic])[0]["partitions"]))
            self.assertEqual([1], [broker["broker_id"] for broker in client.describe_cluster()["brokers"]])
            paged = client.describe_topic_partitions([topic], response_partition_limit=1)
            self.assertEqual([[0]], [[partition["partition_index"] for partition in described["partitions"]] for described in paged["topics"]])
            self.assertEqual({"topic_name": topic, "partition_index": 1}, paged["next_cursor"])
            client.delete_topics([topic])
            self.assertNotIn(topic, client.list_topics())
        finally:
            client.close()


class OpenTests(BrokerTestCase):
    """A broker that asks nobody who they are, and has no authorizer."""

    access = ANYBODY

    def test_acls(self) -> None:
        """Without an authorizer there are no rules to describe, and that is what is said, to a client and to the oldest version."""
        self.sends("DescribeAcls")
        everything = ResourcePatternFilter(PythonResourceType.ANY, None, ACLResourcePatternType.ANY)
        client = kafka.KafkaAdminClient(**self.broker.python)
        try:
            with self.assertRaises(SecurityDisabledError):
                client.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, everything))
        finally:
            client.close()
        request = struct.pack(
            ">bhbhhbb", 1, -1, 1, -1, -1, 1, 1
        )  # any type, no name, any pattern, no principal, no host, any operation, any permission
        answer = wire.call(self.broker, wire.frame(29, 1, request))
        self.assertEqual(KafkaError.SECURITY_DISABLED, struct.unpack_from(">h", answer, 8)[0])


class OffsetTests(BrokerTestCase):
    """Where to read."""

    def timed(self) -> str:
        """A topic whose records have times 1,000, 2,000, … 10,000."""
        topic = create(self.broker, unused_name("timed"))
        client = producer(self.broker)
        for n in range(1, 11):
            client.produce(topic, b"%d" % n, timestamp=n * 1_000)
            client.flush(SECONDS)
        return topic

    def test_seek_by_time(self) -> None:
        """The first record at or after a time is found; after the last, the end."""
        self.sends("ListOffsets", "Fetch")
        topic = self.timed()
        client = consumer(self.broker)
        for asked, offset in ((1, 0), (1_000, 0), (1_001, 1), (5_500, 5), (10_000, 9), (10_001, OFFSET_END)):
            found = client.offsets_for_times([TopicPartition(topic, 0, asked)], SECONDS)[0]
            self.assertEqual(offset, found.offset, f"at {asked}")
        client.assign([TopicPartition(topic, 0, 5)])
        self.assertEqual([b"6", b"7"], [m.value() for m in take(client, 2)])
        client.close()

    def test_list_offsets(self) -> None:
        """Earliest, latest, largest time and by time, by the administrator's question."""
        self.sends("ListOffsets")
        topic, client = self.timed(), admin(self.broker)
        place = TopicPartition(topic, 0)
        for spec, offset in (
            (OffsetSpec.earliest(), 0),
            (OffsetSpec.latest(), 10),
            (OffsetSpec.max_timestamp(), 9),
            (OffsetSpec.for_timestamp(3_500), 3),
        ):
            self.assertEqual(offset, client.list_offsets({place: spec})[place].result(SECONDS).offset)

    def test_out_of_range(self) -> None:
        """A consumer beyond the log is told, or set where it asked to be set."""
        topic = self.timed()
        for policy, expected in (("earliest", b"1"), ("error", None)):
            client = consumer(self.broker, auto_offset_reset=policy)
            client.assign([TopicPartition(topic, 0, 5_000)])
            message = eventually(lambda: client.poll(0.1), what="a message")  # noqa: B023  awaited here
            if expected is None:
                self.assertEqual(KafkaError._AUTO_OFFSET_RESET, message.error().code())
            else:
                self.assertEqual(expected, message.value())
            client.close()

    def test_read_committed(self) -> None:
        """A consumer of committed records alone reads all that there is without transactions, and waits for more."""
        topic = self.timed()
        client = consumer(self.broker, isolation_level="read_committed")
        client.assign([TopicPartition(topic, 0, 0)])
        self.assertEqual(10, len(take(client, 10)))
        produce(self.broker, topic, [b"11"])
        self.assertEqual([b"11"], [m.value() for m in take(client, 1)])
        client.close()

    def test_long_poll(self) -> None:
        """A consumer that waits is answered when a record comes, long before its wait is over."""
        topic = create(self.broker, unused_name("waits"))
        client = consumer(self.broker, fetch_wait_max_ms=20_000, fetch_error_backoff_ms=10)
        client.assign([TopicPartition(topic, 0, 0)])
        self.assertIsNone(client.poll(0.5))
        produce(self.broker, topic, [b"v"])
        began = time.monotonic()
        self.assertEqual(b"v", take(client, 1)[0].value())
        self.assertLess(time.monotonic() - began, 15)
        client.close()

    def test_many_clients_at_once(self) -> None:
        """Twenty producers and ten consumers on one topic: every record once a consumer, in each producer's order."""
        topic = create(self.broker, unused_name("crowd"), 4)
        senders = [producer(self.broker, enable_idempotence=True) for _ in range(20)]
        readers = [consumer(self.broker) for _ in range(10)]
        for reader in readers:
            reader.assign([TopicPartition(topic, partition, 0) for partition in range(4)])
        for n in range(50):
            for number, sender in enumerate(senders):
                sender.produce(topic, b"%d" % n, b"%d" % number, partition=number % 4)
        for sender in senders:
            self.assertEqual(0, sender.flush(SECONDS))
        for reader in readers:
            got = take(reader, 1_000)
            for number in range(20):
                self.assertEqual([b"%d" % n for n in range(50)], [m.value() for m in got if m.key() == b"%d" % number])
            reader.close()
