"""OffsetForLeaderEpoch: every version, each error, and who may ask."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode, KafkaError
from chronik.protocol.messages import OffsetForLeaderEpochRequest
from chronik.security.interfaces import CLUSTER_NAME, Action, Operation, ResourceType
from chronik.server.handlers import offset_for_leader_epoch
from tests.server.core import Core

(API,) = offset_for_leader_epoch.APIS


def request(topic: str = "t", number: int = 0, epoch: int = 2, current: int = -1) -> OffsetForLeaderEpochRequest:
    """Where one epoch of one partition ended."""
    part = OffsetForLeaderEpochRequest.OffsetForLeaderPartition(partition=number, current_leader_epoch=current, leader_epoch=epoch)
    return OffsetForLeaderEpochRequest(replica_id=-1, topics=(OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic=topic, partitions=(part,)),))


class OffsetForLeaderEpochTests(SynchronousTestCase):
    """A broker of one partition, led under epoch 3."""

    def setUp(self) -> None:
        """Fresh for each test."""
        self.core = Core(offset_for_leader_epoch.APIS)

    def one(self, wanted: OffsetForLeaderEpochRequest, version: int = 4) -> tuple[int, int, int]:
        """Error, epoch and end offset of the one partition."""
        (topic,) = self.core.ask(wanted, version).topics
        (part,) = topic.partitions
        self.assertEqual((wanted.topics[0].topic, wanted.topics[0].partitions[0].partition), (topic.topic, part.partition))
        return part.error_code, part.leader_epoch, part.end_offset

    def test_every_version(self) -> None:
        """What the log says, in each version's shape."""
        self.core.log.end_offset_for_epoch = lambda epoch: (epoch - 1, 4)  # type: ignore[method-assign]
        for version in range(2, 5):
            self.assertEqual((0, 1, 4), self.one(request(), version))

    def test_unknown_epoch(self) -> None:
        """An epoch the log knows nothing of is no error."""
        self.core.log.end_offset_for_epoch = lambda epoch: (-1, -1)  # type: ignore[method-assign]
        self.assertEqual((0, -1, -1), self.one(request()))

    def test_errors(self) -> None:
        """Each has its code and no offset."""
        for wanted, code in (
            (request("none"), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
            (request(number=1), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
            (request(current=2), ErrorCode.FENCED_LEADER_EPOCH),
            (request(current=4), ErrorCode.UNKNOWN_LEADER_EPOCH),
        ):
            self.assertEqual((code, -1, -1), self.one(wanted))
        self.assertEqual((0, 2, 5), self.one(request(current=3)))
        self.core.partitions.error = KafkaError(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        self.assertEqual((ErrorCode.NOT_LEADER_OR_FOLLOWER, -1, -1), self.one(request()))

    def test_authorization(self) -> None:
        """DESCRIBE on the topic, or CLUSTER_ACTION, which brokers have."""
        topic = Action(Operation.DESCRIBE, ResourceType.TOPIC, "t")
        cluster = Action(Operation.CLUSTER_ACTION, ResourceType.CLUSTER, CLUSTER_NAME)
        for refused, code in (({topic}, 0), ({cluster}, 0), ({topic, cluster}, ErrorCode.TOPIC_AUTHORIZATION_FAILED)):
            self.core.authorizer.refused = refused
            self.assertEqual(code, self.one(request())[0])

    def test_refusal(self) -> None:
        """A request that fails as a whole says so for each partition."""
        answer = API.refusal(request(), 4, KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR))
        self.assertEqual(-1, type(answer).decode(answer.encode(4), 4, 0)[0].topics[0].partitions[0].error_code)
