"""DescribeProducers: what is told of producers, and errors."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.messages import DescribeProducersRequest
from chronik.security.interfaces import Action, Operation, ResourceType
from chronik.server.handlers.admin import describe_producers
from chronik.storage.interfaces import ProducerSummary
from tests.server.core import Core

(API,) = describe_producers.APIS


def request(name: str = "t", *numbers: int) -> DescribeProducersRequest:
    """Of a topic's partitions."""
    return DescribeProducersRequest(topics=(DescribeProducersRequest.TopicRequest(name=name, partition_indexes=numbers or (0,)),))


class DescribeProducersTests(SynchronousTestCase):
    """A broker of one partition."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core(describe_producers.APIS)

    def partitions(self, wanted: DescribeProducersRequest) -> Any:
        """The one topic's partitions."""
        (topic,) = self.core.ask(wanted, 0).topics
        return topic.partitions

    def test_producers(self) -> None:
        """All that the log remembers."""
        self.core.log.active_producers = lambda: [ProducerSummary(7, 2, 41, 1234, 5, 99), ProducerSummary(8, 0, -1, -1, -1, -1)]  # type: ignore[method-assign]
        (part,) = self.partitions(request())
        self.assertEqual((0, 0, None), (part.partition_index, part.error_code, part.error_message))
        told = [
            (p.producer_id, p.producer_epoch, p.last_sequence, p.last_timestamp, p.coordinator_epoch, p.current_txn_start_offset)
            for p in part.active_producers
        ]
        self.assertEqual([(7, 2, 41, 1234, 5, 99), (8, 0, -1, -1, -1, -1)], told)

    def test_errors(self) -> None:
        """Each partition has its own."""
        self.assertEqual([0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION], [p.error_code for p in self.partitions(request("t", 0, 1))])
        for name, code in (("none", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION), ("a b", ErrorCode.INVALID_TOPIC_EXCEPTION)):
            (part,) = self.partitions(request(name))
            self.assertEqual(code, part.error_code)
            self.assertTrue(part.error_message)
        self.core.partitions.error = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        self.assertEqual(ErrorCode.NOT_LEADER_OR_FOLLOWER, self.partitions(request())[0].error_code)

    def test_the_same_partition_again_and_again(self) -> None:
        """A partition is described once, however often it is named: a small request must not ask for a huge answer."""
        twice = DescribeProducersRequest(topics=(*request("t", 0, 7, 0).topics, *request("t", 7, 0).topics))
        self.assertEqual([0, 7], [part.partition_index for part in self.partitions(twice)])

    def test_authorization(self) -> None:
        """READ on the topic is needed."""
        self.core.authorizer.refused.add(Action(Operation.READ, ResourceType.TOPIC, "t"))
        self.assertEqual(ErrorCode.TOPIC_AUTHORIZATION_FAILED, self.partitions(request())[0].error_code)

    def test_refusal(self) -> None:
        """A request that fails as a whole says so for each partition."""
        answer: Any = API.refusal(request("t", 0, 3), 0, KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR))
        self.assertEqual([(0, -1), (3, -1)], [(p.partition_index, p.error_code) for p in answer.topics[0].partitions])
