"""Metadata: each version's shape, each error, topics created on the way, and endpoints as the client can reach them."""

from __future__ import annotations

from typing import Any

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import BrokerImage, Endpoint, PartitionState
from chronik.metadata.interfaces import Put
from chronik.model import ZERO_TOPIC_ID
from chronik.protocol.messages import MetadataRequest, MetadataResponse
from chronik.security.interfaces import Operation
from chronik.server.handlers.admin.metadata import APIS
from chronik.server.handlers.operations import NOT_ASKED
from tests.server.admin.fixture import AdminCase, deny

(API,) = APIS
Topic = MetadataRequest.MetadataRequestTopic


class MetadataCase(AdminCase):
    """With a topic of two partitions."""

    def setUp(self) -> None:
        """Create it."""
        super().setUp()
        self.codes(self.controller.create_topics([NewTopic("orders", 2)]))
        self.orders = self.image.topics["orders"]

    def metadata(self, version: int, *names: str, **fields: Any) -> MetadataResponse:
        """Ask for topics by name."""
        response: MetadataResponse = self.ask(API, version, MetadataRequest(topics=tuple(Topic(name=name) for name in names), **fields))
        return response

    def topic_codes(self, response: MetadataResponse) -> dict[str | None, ErrorCode]:
        """The error code of each topic."""
        return {topic.name: ErrorCode(topic.error_code) for topic in response.topics}


class ShapeTests(MetadataCase):
    """Versions."""

    def test_every_version(self) -> None:
        """Each version tells the topic with what that version has room for."""
        for version in self.every_version(API):
            response = self.metadata(version, "orders")
            (topic,) = response.topics
            self.assertEqual([topic.error_code, topic.name, topic.is_internal], [0, "orders", False])
            self.assertEqual(
                [(p.partition_index, p.leader_id, p.replica_nodes, p.isr_nodes) for p in topic.partitions], [(0, 1, (1,), (1,)), (1, 1, (1,), (1,))]
            )
            self.assertEqual([p.leader_epoch for p in topic.partitions], [0, 0] if version >= 7 else [-1, -1])
            self.assertEqual(topic.topic_id, self.orders.topic_id if version >= 10 else ZERO_TOPIC_ID)
            self.assertEqual([(b.node_id, b.host, b.port) for b in response.brokers], [(1, "192.168.1.5", 9092)])
            self.assertEqual(response.controller_id, 1 if version >= 1 else -1)
            self.assertEqual(response.cluster_id, self.image.cluster_id if version >= 2 else None)

    def test_all_topics(self) -> None:
        """Null means every topic, and in version 0 an empty list does; later an empty list means none."""
        for version in self.every_version(API):
            request = MetadataRequest(topics=() if version == 0 else None)
            self.assertEqual([topic.name for topic in self.ask(API, version, request).topics], ["orders"])
            if version:
                response = self.metadata(version)
                self.assertEqual([len(response.topics), len(response.brokers)], [0, 1])

    def test_by_id(self) -> None:
        """From version 12 on topics may be asked for by id."""
        for version in (12, 13):
            request = MetadataRequest(topics=(Topic(topic_id=self.orders.topic_id, name=None), Topic(topic_id=b"X" * 16, name=None)))
            found, unknown = self.ask(API, version, request).topics
            self.assertEqual([found.name, found.error_code, len(found.partitions)], ["orders", 0, 2])
            self.assertEqual([unknown.name, unknown.error_code, unknown.topic_id], [None, ErrorCode.UNKNOWN_TOPIC_ID, b"X" * 16])

    def test_id_too_early(self) -> None:
        """Versions 10 and 11 have ids in their shape but do not take them, nor null names."""
        for version in (10, 11):
            for topic in (Topic(topic_id=self.orders.topic_id, name="orders"), Topic(name=None)):
                (answer,) = self.ask(API, version, MetadataRequest(topics=(topic,))).topics
                self.assertEqual(answer.error_code, ErrorCode.INVALID_REQUEST)

    def test_asked_twice(self) -> None:
        """A topic named twice is told once."""
        self.assertEqual(len(self.metadata(9, "orders", "orders").topics), 1)

    def test_internal_topic(self) -> None:
        """The broker's own topics are marked."""
        self.codes(self.controller.create_topics([NewTopic("__consumer_offsets", 1)]))
        for version in range(1, 14):
            (topic,) = self.metadata(version, "__consumer_offsets").topics
            self.assertTrue(topic.is_internal)

    def test_refused_as_a_whole(self) -> None:
        """A failure of everything is told at each topic, and from version 13 on at the top."""
        error = KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR)
        for version in self.every_version(API):
            request = MetadataRequest(topics=(Topic(name="orders"),))
            response = MetadataResponse.decode(API.refusal(request, version, error).encode(version), version, 0)[0]
            self.assertEqual(response.topics[0].error_code, ErrorCode.UNKNOWN_SERVER_ERROR)
            self.assertEqual(response.error_code, ErrorCode.UNKNOWN_SERVER_ERROR if version >= 13 else 0)


class CreationTests(MetadataCase):
    """Topics that do not exist."""

    def test_created_on_the_way(self) -> None:
        """A topic that a client asks for is created, waited for, and told at once; before version 4 clients always want that."""
        for version in self.every_version(API):
            (topic,) = self.metadata(version, f"new{version}").topics
            self.assertEqual([topic.error_code, len(topic.partitions)], [0, 3])
            self.assertEqual(self.partitions.asked[-1], self.image.topics[f"new{version}"].topic_id)

    def test_waits_until_usable(self) -> None:
        """The answer comes when the new topic's partitions can be used."""
        self.partitions.pending = []
        answer = self.begin(API, 9, MetadataRequest(topics=(Topic(name="new"),)))
        self.assertNoResult(answer)
        self.partitions.pending[0].callback(None)
        self.assertEqual(self.topic_codes(self.successResultOf(answer)), {"new": ErrorCode.NONE})

    def test_not_wanted(self) -> None:
        """Neither a client that does not want it nor a broker that forbids it creates a topic."""
        response = self.metadata(9, "new", allow_auto_topic_creation=False)
        self.assertEqual(self.topic_codes(response), {"new": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION})
        self.settings["auto.create.topics.enable"] = "false"
        self.assertEqual(self.topic_codes(self.metadata(9, "new")), {"new": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION})
        self.assertEqual(list(self.image.topics), ["orders"])

    def test_all_topics_creates_none(self) -> None:
        """Asking for all topics creates nothing."""
        self.ask(API, 9, MetadataRequest(topics=None))
        self.assertEqual(list(self.image.topics), ["orders"])

    def test_bad_names(self) -> None:
        """Names that no topic can have are told so, whether or not creation is wanted."""
        for allow in (True, False):
            response = self.metadata(9, "a b", "", "x" * 250, allow_auto_topic_creation=allow)
            self.assertEqual(set(self.topic_codes(response).values()), {ErrorCode.INVALID_TOPIC_EXCEPTION})

    def test_internal_topics_are_not_created(self) -> None:
        """The coordinators create their topics themselves, with the configuration they need."""
        self.assertEqual(self.topic_codes(self.metadata(9, "__consumer_offsets")), {"__consumer_offsets": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION})

    def test_at_once(self) -> None:
        """Two clients that ask for the same new topic both get it."""
        request = MetadataRequest(topics=(Topic(name="new"),))
        self.store.hold_watches()
        first, second = self.begin(API, 9, request), self.begin(API, 9, request)
        self.store.release_watches()
        for answer in (first, second):
            self.assertEqual(self.topic_codes(self.successResultOf(answer)), {"new": ErrorCode.NONE})
        self.assertEqual(self.partitions.asked, [self.image.topics["new"].topic_id] * 2)

    def test_creation_fails(self) -> None:
        """Why a topic could not be created is told."""
        self.store.read_only = True
        self.assertEqual(self.topic_codes(self.metadata(9, "new")), {"new": ErrorCode.KAFKA_STORAGE_ERROR})


class PermissionTests(MetadataCase):
    """What is told to whom."""

    def test_describe_denied(self) -> None:
        """Of a topic one may not describe, not even its existence is told; in the list of all it is left out."""
        self.denied = deny("DESCRIBE TOPIC")
        for version in self.every_version(API):
            response = self.metadata(version, "orders", "none")
            self.assertEqual(self.topic_codes(response), dict.fromkeys(("orders", "none"), ErrorCode.TOPIC_AUTHORIZATION_FAILED))
            self.assertEqual({topic.topic_id for topic in response.topics}, {ZERO_TOPIC_ID})
            self.assertEqual(self.ask(API, version, MetadataRequest(topics=() if version == 0 else None)).topics, ())

    def test_describe_denied_by_id(self) -> None:
        """By id, neither the name is told nor that there is one."""
        self.denied = deny("DESCRIBE TOPIC")
        (topic,) = self.ask(API, 12, MetadataRequest(topics=(Topic(topic_id=self.orders.topic_id, name=None),))).topics
        self.assertEqual([topic.error_code, topic.name], [ErrorCode.UNKNOWN_TOPIC_ID, None])

    def test_create_denied(self) -> None:
        """Creation needs CREATE on the cluster or on the topic."""
        self.denied = deny("CREATE CLUSTER")
        self.assertEqual(self.topic_codes(self.metadata(9, "one")), {"one": ErrorCode.NONE})
        self.denied = deny("CREATE TOPIC")
        self.assertEqual(self.topic_codes(self.metadata(9, "two")), {"two": ErrorCode.NONE})
        self.denied = deny("CREATE")
        self.assertEqual(self.topic_codes(self.metadata(9, "three")), {"three": ErrorCode.TOPIC_AUTHORIZATION_FAILED})
        self.assertNotIn("three", self.image.topics)

    def test_authorized_operations(self) -> None:
        """From version 8 on what may be done is told when asked for; of the cluster in versions 8 to 10 only."""
        self.denied = deny("DELETE TOPIC")
        for version in range(8, 14):
            fields = {"include_topic_authorized_operations": True}
            if version <= 10:
                fields["include_cluster_authorized_operations"] = True
            response = self.metadata(version, "orders", **fields)
            operations = response.topics[0].topic_authorized_operations
            self.assertEqual(
                [operations >> Operation.READ & 1, operations >> Operation.DELETE & 1, operations >> Operation.CLUSTER_ACTION & 1], [1, 0, 0]
            )
            self.assertEqual(response.cluster_authorized_operations > 0, version <= 10)
            silent = self.metadata(version, "orders")
            self.assertEqual([silent.topics[0].topic_authorized_operations, silent.cluster_authorized_operations], [NOT_ASKED, NOT_ASKED])

    def test_cluster_operations_denied(self) -> None:
        """Whoever may not describe the cluster may do nothing to it."""
        self.denied = deny("DESCRIBE CLUSTER")
        self.assertEqual(self.metadata(9, include_cluster_authorized_operations=True).cluster_authorized_operations, 0)


class ReachabilityTests(MetadataCase):
    """Brokers and leaders through the client's listener."""

    def register(self, broker: BrokerImage) -> None:
        """Register another broker."""
        self.successResultOf(self.store.commit([], [Put(keys.broker_key(broker.broker_id), keys.encode_broker(broker))]))

    def lead(self, leader: int, *replicas: int) -> None:
        """Place partition 0."""
        state = PartitionState(leader, 3, replicas, replicas)
        self.successResultOf(self.store.commit([], [Put(keys.partition_key(self.orders.topic_id, 0), keys.encode_partition(state))]))

    def test_listeners(self) -> None:
        """Only brokers on the client's listener are told, with what they advertise there, and alive ones only."""
        self.register(BrokerImage(2, 1, {"PLAINTEXT": Endpoint("b2.example", 19092), "OTHER": Endpoint("x", 1)}, "r2"))
        self.register(BrokerImage(3, 1, {"OTHER": Endpoint("b3.example", 1)}))
        self.register(BrokerImage(4, 1, {"PLAINTEXT": Endpoint("b4.example", 1)}, None, fenced=True))
        brokers = self.metadata(9).brokers
        self.assertEqual([(b.node_id, b.host, b.port, b.rack) for b in brokers], [(1, "192.168.1.5", 9092, None), (2, "b2.example", 19092, "r2")])

    def test_leader_without_the_listener(self) -> None:
        """A leader that the client cannot reach is told as such, in the words of its version."""
        self.register(BrokerImage(3, 1, {"OTHER": Endpoint("b3.example", 1)}))
        self.lead(3, 3, 1)
        for version in self.every_version(API):
            partition = self.metadata(version, "orders").topics[0].partitions[0]
            code = ErrorCode.LISTENER_NOT_FOUND if version >= 6 else ErrorCode.LEADER_NOT_AVAILABLE
            self.assertEqual([partition.error_code, partition.leader_id], [code, -1])
            self.assertEqual(partition.replica_nodes, (3, 1) if version else (1,))
            self.assertEqual(partition.offline_replicas, (3,) if version >= 5 else ())

    def test_no_leader(self) -> None:
        """Without a leader there is LEADER_NOT_AVAILABLE."""
        self.lead(-1, 9)
        for version in self.every_version(API):
            partition = self.metadata(version, "orders").topics[0].partitions[0]
            self.assertEqual([partition.error_code, partition.leader_id], [ErrorCode.LEADER_NOT_AVAILABLE, -1])

    def test_offline_follower(self) -> None:
        """A follower that is gone is an error in version 0 only."""
        self.lead(1, 1, 9)
        codes = [self.metadata(version, "orders").topics[0].partitions[0].error_code for version in self.every_version(API)]
        self.assertEqual(codes, [ErrorCode.REPLICA_NOT_AVAILABLE, *[0] * 13])
