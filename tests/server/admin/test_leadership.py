"""ElectLeaders, AlterPartitionReassignments and ListPartitionReassignments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chronik.cluster.interfaces import NewTopic
from chronik.errors import ErrorCode
from chronik.metadata import keys
from chronik.metadata.image import NO_LEADER
from chronik.metadata.interfaces import Put
from chronik.protocol.messages import (
    AlterPartitionReassignmentsRequest,
    ElectLeadersRequest,
    ListPartitionReassignmentsRequest,
)
from chronik.server.handlers.admin import elect_leaders, reassignments
from tests.server.admin.fixture import AdminCase, deny

(ELECT,) = elect_leaders.APIS
ALTER, LIST = reassignments.APIS


class LeadershipCase(AdminCase):
    """A topic of two partitions kept by two brokers; the second partition is not led by its preferred leader."""

    def setUp(self) -> None:
        """Make it."""
        super().setUp()
        self.add_broker(2)
        self.successResultOf(self.controller.create_topics([NewTopic("t", assignments=((0, (1, 2)), (1, (2, 1))))]))
        self.put(1, leader=1)

    def put(self, number: int, **fields: Any) -> None:
        """Change a partition's state behind the controller's back."""
        topic = self.image.topics["t"]
        state = replace(topic.partitions[number], **fields)
        self.successResultOf(self.store.commit([], [Put(keys.partition_key(topic.topic_id, number), keys.encode_partition(state))]))

    def leaders(self) -> list[tuple[int, int]]:
        """Leader and leader epoch of each partition."""
        return [(state.leader, state.leader_epoch) for state in self.image.topics["t"].partitions]


class ElectLeadersTests(LeadershipCase):
    """ElectLeaders."""

    def elect(self, *numbers: int, version: int = 2, topic: str = "t", kind: int = 0) -> dict[int, int]:
        """Elect; error by partition."""
        wanted = ElectLeadersRequest.TopicPartitions(topic=topic, partitions=numbers)
        response = self.ask(ELECT, version, ElectLeadersRequest(topic_partitions=(wanted,), election_type=kind))
        self.assertEqual(0, response.error_code)
        return {part.partition_id: part.error_code for part in response.replica_election_results[0].partition_result}

    def test_every_version(self) -> None:
        """The preferred leader leads under a new epoch; where it does already no election is needed."""
        for version in self.every_version(ELECT):
            self.put(1, leader=1, leader_epoch=4 + version)
            self.assertEqual({0: ErrorCode.ELECTION_NOT_NEEDED, 1: 0}, self.elect(0, 1, version=version))
            self.assertEqual([(1, 0), (2, 5 + version)], self.leaders())

    def test_all(self) -> None:
        """Without partitions all are elected; those that need none are not told."""
        response = self.ask(ELECT, 2, ElectLeadersRequest(topic_partitions=None))
        self.assertEqual([("t", [(1, 0, None)])], [self.told(topic) for topic in response.replica_election_results])
        response = self.ask(ELECT, 2, ElectLeadersRequest(topic_partitions=None))
        self.assertEqual([("t", [])], [self.told(topic) for topic in response.replica_election_results])

    def told(self, topic: Any) -> tuple[str, list[tuple[int, int, str | None]]]:
        """A topic's results."""
        return topic.topic, [(p.partition_id, p.error_code, p.error_message) for p in topic.partition_result]

    def test_preferred_is_not_available(self) -> None:
        """One that is not in sync, or fenced, is not elected."""
        self.put(1, isr=(1,))
        self.assertEqual({1: ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE}, self.elect(1))
        self.put(1, isr=(1, 2))
        self.add_broker(2, fenced=True)
        self.assertEqual({1: ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE}, self.elect(1))

    def test_unclean(self) -> None:
        """Only a partition without a leader gets any replica that is alive; it is in sync alone then."""
        self.assertEqual({1: ErrorCode.ELECTION_NOT_NEEDED}, self.elect(1, kind=1))
        self.put(1, leader=NO_LEADER, isr=(2,))
        self.add_broker(2, fenced=True)
        self.assertEqual({1: 0}, self.elect(1, kind=1))
        state = self.image.topics["t"].partitions[1]
        self.assertEqual((1, (1,)), (state.leader, state.isr))
        self.put(1, leader=NO_LEADER)
        self.add_broker(1, fenced=True)
        self.assertEqual({1: ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE}, self.elect(1, kind=1))

    def test_unknown(self) -> None:
        """What does not exist has no leader."""
        self.assertEqual({2: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}, self.elect(2, -1))
        self.assertEqual({0: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}, self.elect(0, topic="none"))

    def test_whole_errors(self) -> None:
        """Without ALTER on the cluster, or with an election nobody knows, nothing is elected; version 0 tells by partition."""
        wanted = (ElectLeadersRequest.TopicPartitions(topic="t", partitions=(1,)),)
        self.assertEqual(ErrorCode.INVALID_REQUEST, self.ask(ELECT, 2, ElectLeadersRequest(topic_partitions=wanted, election_type=7)).error_code)
        self.denied = deny("ALTER CLUSTER")
        for version in self.every_version(ELECT):
            response = self.ask(ELECT, version, ElectLeadersRequest(topic_partitions=wanted))
            self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED if version else 0, response.error_code)
            self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, response.replica_election_results[0].partition_result[0].error_code)
        self.assertEqual((1, 0), self.leaders()[1])


class ReassignmentTests(LeadershipCase):
    """AlterPartitionReassignments and ListPartitionReassignments."""

    def alter(self, number: int, replicas: tuple[int, ...] | None, version: int = 1, topic: str = "t", **fields: Any) -> int:
        """The error of one partition."""
        part = AlterPartitionReassignmentsRequest.ReassignablePartition(partition_index=number, replicas=replicas)
        wanted = AlterPartitionReassignmentsRequest.ReassignableTopic(name=topic, partitions=(part,))
        response = self.ask(ALTER, version, AlterPartitionReassignmentsRequest(topics=(wanted,), **fields))
        self.assertEqual((0, None), (response.error_code, response.error_message))
        ((result,),) = [topic.partitions for topic in response.responses]
        self.assertEqual(number, result.partition_index)
        self.assertEqual(bool(result.error_code), bool(result.error_message))
        return int(result.error_code)

    def test_to_itself(self) -> None:
        """A partition that is kept so already changes nothing and succeeds."""
        before = self.image.topics["t"]
        for version in self.every_version(ALTER):
            self.assertEqual(0, self.alter(0, (1, 2), version))
        self.assertEqual(before, self.image.topics["t"])

    def test_another_order(self) -> None:
        """The order of replicas, whose first is preferred, can be changed."""
        self.assertEqual(0, self.alter(0, (2, 1)))
        state = self.image.topics["t"].partitions[0]
        self.assertEqual(((2, 1), 1, 1), (state.replicas, state.leader, state.partition_epoch))

    def test_errors(self) -> None:
        """Each has its code."""
        self.add_broker(3)
        for number, replicas, code in (
            (0, (), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
            (0, (1, 1), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
            (0, (1, 9), ErrorCode.INVALID_REPLICA_ASSIGNMENT),
            (0, None, ErrorCode.NO_REASSIGNMENT_IN_PROGRESS),
            (2, (1, 2), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ):
            self.assertEqual(code, self.alter(number, replicas))
        self.assertEqual(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, self.alter(0, (1,), topic="none"))
        self.assertEqual(ErrorCode.INVALID_REPLICATION_FACTOR, self.alter(0, (1,), allow_replication_factor_change=False))

    def listed(self, *topics: ListPartitionReassignmentsRequest.ListPartitionReassignmentsTopics) -> list[tuple[Any, ...]]:
        """What is under way, of these topics or of all."""
        response = self.ask(LIST, 0, ListPartitionReassignmentsRequest(topics=topics or None))
        self.assertEqual((0, None), (response.error_code, response.error_message))
        return [
            (topic.name, part.partition_index, part.replicas, part.adding_replicas, part.removing_replicas)
            for topic in response.topics
            for part in topic.partitions
        ]

    def test_move(self) -> None:
        """The new replica is one at once, the old one as long as the new one is not in sync; meanwhile the move is listed."""
        self.add_broker(3)
        self.assertEqual([], self.listed())
        self.assertEqual(0, self.alter(0, (3, 1)))
        moving = ("t", 0, (3, 1, 2), (3,), (2,))
        self.assertEqual([moving], self.listed())
        asked = ListPartitionReassignmentsRequest.ListPartitionReassignmentsTopics
        self.assertEqual([moving], self.listed(asked(name="t", partition_indexes=(0, 1, 9)), asked(name="none", partition_indexes=(0,))))
        self.assertEqual([], self.listed(asked(name="t", partition_indexes=(1,))))
        self.assertEqual(((1, 2), 1), (self.image.topics["t"].partitions[0].isr, self.image.topics["t"].partitions[0].leader))

    def test_break_off(self) -> None:
        """All is as it was before."""
        self.add_broker(3)
        self.alter(0, (3, 1))
        self.assertEqual(0, self.alter(0, None))
        state = self.image.topics["t"].partitions[0]
        self.assertEqual((set(), (), (), (1, 2)), ({*state.replicas} - {1, 2}, state.adding, state.removing, state.isr))
        self.assertEqual(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, self.alter(0, None))

    def test_fewer(self) -> None:
        """Who is only taken away goes at once; where it led, another one leads under a new epoch."""
        before = self.image.topics["t"].partitions[0]
        self.assertEqual(0, self.alter(0, (2,)))
        state = self.image.topics["t"].partitions[0]
        self.assertEqual(((2,), (2,), 2, before.leader_epoch + 1, ()), (state.replicas, state.isr, state.leader, state.leader_epoch, state.removing))

    def test_authorization(self) -> None:
        """ALTER on the cluster to change, DESCRIBE to list."""
        self.denied = deny("ALTER CLUSTER", "DESCRIBE CLUSTER")
        for version in self.every_version(ALTER):
            response = self.ask(ALTER, version, AlterPartitionReassignmentsRequest())
            self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, response.error_code)
        self.assertEqual(ErrorCode.CLUSTER_AUTHORIZATION_FAILED, self.ask(LIST, 0, ListPartitionReassignmentsRequest()).error_code)
