"""Groups move with the partitions that hold their state."""

from __future__ import annotations

from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from chronik.errors import ErrorCode
from chronik.model import OFFSETS_TOPIC
from chronik.protocol import messages as m
from tests.cluster.brokers import LocalCluster


class CoordinatorTest(SynchronousTestCase):
    """Three brokers, each of which keeps every group's state."""

    def setUp(self) -> None:
        """With a topic, and the one that groups are kept in."""
        self.cluster = LocalCluster(self, 3, {"offsets.topic.replication.factor": "3", "offsets.topic.num.partitions": "3"})
        self.cluster.create("t")
        self.ask(next(iter(self.cluster.brokers)), m.FindCoordinatorRequest(coordinator_keys=("g",)), 4)
        self.cluster.advance(1.0)

    def ask(self, broker_id: int, request: Any, version: int) -> Any:
        """A broker's answer."""
        answer = self.cluster.brokers[broker_id].send(request, version)
        self.cluster.advance(1.0)
        return self.successResultOf(answer)

    def coordinator(self) -> int:
        """Who coordinates the group, as every broker says."""
        found = {self.ask(i, m.FindCoordinatorRequest(coordinator_keys=("g",)), 4).coordinators[0].node_id for i in self.cluster.brokers}
        (coordinator,) = found
        assert isinstance(coordinator, int)
        return coordinator

    def commit(self, broker_id: int, offset: int) -> ErrorCode:
        """Commit an offset of the group."""
        part = m.OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=offset)
        topic = m.OffsetCommitRequest.OffsetCommitRequestTopic(name="t", partitions=(part,))
        answer = self.ask(broker_id, m.OffsetCommitRequest(group_id="g", topics=(topic,)), 8)
        return ErrorCode(answer.topics[0].partitions[0].error_code)

    def committed(self, broker_id: int) -> int | ErrorCode:
        """The offset of the group, or why it is not told."""
        topic = m.OffsetFetchRequest.OffsetFetchRequestTopics(name="t", partition_indexes=(0,))
        group = m.OffsetFetchRequest.OffsetFetchRequestGroup(group_id="g", topics=(topic,))
        answer = self.ask(broker_id, m.OffsetFetchRequest(groups=(group,)), 8).groups[0]
        if answer.error_code:
            return ErrorCode(answer.error_code)
        offset: int = answer.topics[0].partitions[0].committed_offset
        return offset

    def test_one_coordinator(self) -> None:
        """The leader of the group's partition coordinates it, and nobody else does."""
        coordinator = self.coordinator()
        self.assertEqual(ErrorCode.NONE, self.commit(coordinator, 5))
        others = [broker_id for broker_id in self.cluster.brokers if broker_id != coordinator]
        self.assertEqual([ErrorCode.NOT_COORDINATOR] * 2, [self.commit(other, 6) for other in others])
        self.assertEqual([ErrorCode.NOT_COORDINATOR] * 2, [self.committed(other) for other in others])

    def test_coordinator_dies(self) -> None:
        """Another one has what was committed, and goes on with it; the one before follows when it is back."""
        before = self.coordinator()
        self.commit(before, 5)
        disk = self.cluster.kill(before, Random(1))
        self.cluster.advance(5.0)
        after = self.coordinator()
        self.assertNotEqual(before, after)
        self.assertEqual(5, self.committed(after))
        self.assertEqual(ErrorCode.NONE, self.commit(after, 7))
        self.cluster.start(before, disk)
        self.cluster.advance(5.0)
        self.assertEqual(after, self.coordinator())
        self.assertEqual(ErrorCode.NOT_COORDINATOR, self.committed(before))
        self.assertEqual(7, self.committed(after))

    def test_state_that_is_not_committed(self) -> None:
        """A coordinator whose followers do not hear it acknowledges no commit; the one that takes its place does not have it."""
        before = self.coordinator()
        self.commit(before, 5)
        others = [broker_id for broker_id in self.cluster.brokers if broker_id != before]
        self.cluster.cut = {frozenset((before, other)) for other in others}
        part = m.OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=9)
        topic = m.OffsetCommitRequest.OffsetCommitRequestTopic(name="t", partitions=(part,))
        lost = self.cluster.brokers[before].send(m.OffsetCommitRequest(group_id="g", topics=(topic,)), 8)
        self.cluster.advance(6.0)
        self.assertNotEqual(ErrorCode.NONE, self.successResultOf(lost).topics[0].partitions[0].error_code)
        self.cluster.cut = set()
        self.cluster.advance(6.0)
        self.assertEqual(5, self.committed(self.coordinator()))
        self.assertEqual({1, 2, 3}, set(self.cluster.any().feed.image.topics[OFFSETS_TOPIC].partitions[0].isr))
