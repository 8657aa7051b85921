"""DescribeCluster, InitProducerId and DescribeTopicPartitions."""

from __future__ import annotations

from typing import Any

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode, KafkaError
from chronik.metadata import keys
from chronik.metadata.image import BrokerImage, Endpoint
from chronik.metadata.interfaces import Put
from chronik.protocol.messages import DescribeClusterRequest, DescribeTopicPartitionsRequest, InitProducerIdRequest
from chronik.security.interfaces import Operation
from chronik.server.handlers.admin import describe_cluster, describe_topic_partitions, init_producer_id
from chronik.server.handlers.operations import NOT_ASKED
from tests.server.admin.fixture import AdminCase, deny

(CLUSTER,) = describe_cluster.APIS
(PRODUCER,) = init_producer_id.APIS
(PAGES,) = describe_topic_partitions.APIS
Wanted = DescribeTopicPartitionsRequest.TopicRequest
Cursor = DescribeTopicPartitionsRequest.Cursor


class DescribeClusterTests(AdminCase):
    """DescribeCluster."""

    def test_every_version(self) -> None:
        """The cluster's id, controller and brokers."""
        for version in self.every_version(CLUSTER):
            response = self.ask(CLUSTER, version, DescribeClusterRequest())
            self.assertEqual([response.error_code, response.error_message], [0, None])
            self.assertEqual([response.cluster_id, response.controller_id], [self.image.cluster_id, 1])
            self.assertEqual([(b.broker_id, b.host, b.port, b.rack) for b in response.brokers], [(1, "192.168.1.5", 9092, None)])
            self.assertEqual([response.cluster_authorized_operations, response.endpoint_type], [NOT_ASKED, 1])

    def test_fenced_brokers(self) -> None:
        """Fenced brokers are told from version 2 on, to whom asks for them."""
        fenced = BrokerImage(2, 1, {"PLAINTEXT": Endpoint("b2", 9092)}, "r", fenced=True)
        self.successResultOf(self.store.commit([], [Put(keys.broker_key(2), keys.encode_broker(fenced))]))
        self.assertEqual(len(self.ask(CLUSTER, 2, DescribeClusterRequest()).brokers), 1)
        brokers = self.ask(CLUSTER, 2, DescribeClusterRequest(include_fenced_brokers=True)).brokers
        self.assertEqual([(broker.broker_id, broker.is_fenced) for broker in brokers], [(1, False), (2, True)])

    def test_controllers_are_elsewhere(self) -> None:
        """A client that takes this for a controller is told its mistake."""
        codes = [self.ask(CLUSTER, 1, DescribeClusterRequest(endpoint_type=kind)).error_code for kind in (1, 2, 3)]
        self.assertEqual(codes, [0, ErrorCode.MISMATCHED_ENDPOINT_TYPE, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE])

    def test_authorized_operations(self) -> None:
        """What may be done to the cluster, nothing for whoever may not describe it."""
        request = DescribeClusterRequest(include_cluster_authorized_operations=True)
        for version in self.every_version(CLUSTER):
            self.denied = deny("ALTER CLUSTER")
            operations = self.ask(CLUSTER, version, request).cluster_authorized_operations
            self.assertEqual([operations >> Operation.ALTER & 1, operations >> Operation.CREATE & 1, operations & 7], [0, 1, 0])
            self.denied = deny("DESCRIBE CLUSTER")
            self.assertEqual(self.ask(CLUSTER, version, request).cluster_authorized_operations, 0)


class InitProducerIdTests(AdminCase):
    """InitProducerId."""

    def test_every_version(self) -> None:
        """Each idempotent producer gets an id of its own, epoch 0."""
        answers = [self.ask(PRODUCER, version, InitProducerIdRequest(transactional_id=None)) for version in self.every_version(PRODUCER)]
        self.assertEqual([(a.error_code, a.producer_id, a.producer_epoch) for a in answers], [(0, number, 0) for number in range(6)])

    def test_known_producer(self) -> None:
        """A producer that had an id gets another one; half an identity is refused."""
        again = self.ask(PRODUCER, 4, InitProducerIdRequest(transactional_id=None, producer_id=7, producer_epoch=3))
        self.assertEqual([again.error_code, again.producer_id], [0, 0])
        for fields in ({"producer_id": 7}, {"producer_epoch": 3}):
            answer = self.ask(PRODUCER, 4, InitProducerIdRequest(transactional_id=None, **fields))
            self.assertEqual([answer.error_code, answer.producer_id, answer.producer_epoch], [ErrorCode.INVALID_REQUEST, -1, -1])

    def test_transactions(self) -> None:
        """Transactional producers are refused, finally."""
        for version in self.every_version(PRODUCER):
            answer = self.ask(PRODUCER, version, InitProducerIdRequest(transactional_id="tx", transaction_timeout_ms=1_000))
            self.assertEqual([answer.error_code, answer.producer_id], [ErrorCode.UNSUPPORTED_VERSION, -1])
            self.assertFalse(ErrorCode(answer.error_code).retriable)
        self.assertEqual(self.ask(PRODUCER, 4, InitProducerIdRequest(transactional_id="")).error_code, ErrorCode.INVALID_REQUEST)

    def test_permissions(self) -> None:
        """IDEMPOTENT_WRITE on the cluster or WRITE on some topic is enough; a transactional id needs WRITE on itself."""
        self.codes(self.controller.create_topics([NewTopic("a"), NewTopic("b")]))
        request = InitProducerIdRequest(transactional_id=None)
        for denied, code in (
            (("IDEMPOTENT_WRITE",), ErrorCode.NONE),
            (("IDEMPOTENT_WRITE", "WRITE TOPIC a"), ErrorCode.NONE),
            (("WRITE",), ErrorCode.NONE),
            (("IDEMPOTENT_WRITE", "WRITE"), ErrorCode.CLUSTER_AUTHORIZATION_FAILED),
        ):
            self.denied = deny(*denied)
            self.assertEqual(self.ask(PRODUCER, 5, request).error_code, code)
        answer = self.ask(PRODUCER, 5, InitProducerIdRequest(transactional_id="tx"))
        self.assertEqual(answer.error_code, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)

    def test_store_fails(self) -> None:
        """Without a durable block no id is given."""
        self.store.read_only = True
        self.assertEqual(self.ask(PRODUCER, 5, InitProducerIdRequest(transactional_id=None)).error_code, ErrorCode.KAFKA_STORAGE_ERROR)


class DescribeTopicPartitionsTests(AdminCase):
    """DescribeTopicPartitions."""

    def setUp(self) -> None:
        """With three topics."""
        super().setUp()
        self.codes(self.controller.create_topics([NewTopic("a", 3), NewTopic("b", 2), NewTopic("c", 1)]))

    def page(self, *names: str, limit: int = 2_000, cursor: tuple[str, int] | None = None) -> Any:
        """One page."""
        start = Cursor(topic_name=cursor[0], partition_index=cursor[1]) if cursor else None
        topics = tuple(Wanted(name=name) for name in names)
        return self.ask(PAGES, 0, DescribeTopicPartitionsRequest(topics=topics, response_partition_limit=limit, cursor=start))

    def seen(self, response: Any) -> list[tuple[str, int]]:
        """Topics and partitions of a page."""
        return [(topic.name, partition.partition_index) for topic in response.topics for partition in topic.partitions]

    def test_described(self) -> None:
        """A topic with its id, its partitions and what may be done to it."""
        (topic,) = self.page("b").topics
        self.assertEqual([topic.error_code, topic.topic_id, topic.is_internal], [0, self.image.topics["b"].topic_id, False])
        self.assertEqual([(p.leader_id, p.leader_epoch, p.replica_nodes, p.isr_nodes) for p in topic.partitions], [(1, 0, (1,), (1,))] * 2)
        self.assertEqual(topic.topic_authorized_operations >> Operation.READ & 1, 1)

    def test_all_topics_by_pages(self) -> None:
        """Pages of any size give every partition once, in order."""
        everything = [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 1), ("c", 0)]
        for limit in range(1, 8):
            found: list[tuple[str, int]] = []
            cursor = None
            for _ in range(10):
                response = self.page(limit=limit, cursor=cursor)
                self.assertLessEqual(len(self.seen(response)), limit)
                found += self.seen(response)
                if response.next_cursor is None:
                    break
                cursor = response.next_cursor.topic_name, response.next_cursor.partition_index
            self.assertEqual(found, everything)

    def test_most_partitions(self) -> None:
        """The broker's own limit counts where it is smaller than the request's."""
        self.settings["max.request.partition.size.limit"] = "2"
        self.successResultOf(self.controller.create_topics([NewTopic("wide", 5)]))
        response = self.page("wide")
        self.assertEqual((2, 2), (len(self.seen(response)), response.next_cursor.partition_index))

    def test_missing(self) -> None:
        """Topics that do not exist, cannot exist or may not be described are told, when named."""
        self.denied = deny("DESCRIBE TOPIC c")
        codes = {topic.name: topic.error_code for topic in self.page("a", "none", "n o", "c").topics}
        unknown, bad, denied = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.INVALID_TOPIC_EXCEPTION, ErrorCode.TOPIC_AUTHORIZATION_FAILED
        self.assertEqual(codes, {"a": 0, "none": unknown, "n o": bad, "c": denied})
        self.assertEqual([topic.name for topic in self.page().topics], ["a", "b"])

    def test_bad_cursors(self) -> None:
        """A cursor on a topic that is not asked for, or on a negative partition, is refused."""
        for names, cursor in ((("a",), ("b", 0)), ((), ("a", -1))):
            request_topics = tuple(Wanted(name=name) for name in names)
            request = DescribeTopicPartitionsRequest(
                topics=request_topics, response_partition_limit=1, cursor=Cursor(topic_name=cursor[0], partition_index=cursor[1])
            )
            codes = [topic.error_code for topic in self.ask(PAGES, 0, request).topics]
            self.assertEqual(codes, [ErrorCode.INVALID_REQUEST] * len(names))

    def test_refused_as_a_whole(self) -> None:
        """A failure of everything is told at each topic."""
        answer: Any = PAGES.refusal(DescribeTopicPartitionsRequest(topics=(Wanted(name="a"),)), 0, KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR))
        self.assertEqual(type(answer).decode(answer.encode(0), 0, 0)[0].topics[0].error_code, -1)
