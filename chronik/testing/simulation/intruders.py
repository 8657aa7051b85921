"""Clients that may do nothing, or next to nothing, and ask for everything: each request must be refused, and tell nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from chronik.errors import ErrorCode
from chronik.model import TopicId
from chronik.protocol import messages as m
from chronik.protocol.message import Message
from chronik.record.build import NewRecord, build_batch
from chronik.security.interfaces import AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType
from chronik.server.acl_messages import creations, deletion, description
from chronik.testing.simulation.admins import Admin
from chronik.testing.simulation.cast import CLASSIC, EVENTS, GROWING, MODERN, SIMPLE
from chronik.testing.simulation.client import ClusterClient
from chronik.testing.simulation.identities import codes
from chronik.testing.simulation.ledger import Ledger
from chronik.testing.simulation.stage import Stage

_T: Final = ErrorCode.TOPIC_AUTHORIZATION_FAILED
_G: Final = ErrorCode.GROUP_AUTHORIZATION_FAILED
_C: Final = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
_I: Final = ErrorCode.UNKNOWN_TOPIC_ID

TOPIC_CODE: Final = ResourceType.TOPIC.value

Asked: TypeAlias = tuple[Message, int | None, ErrorCode]
"""A request, its version (None for the highest), and what must be told."""

_VIEW: Final = re.compile("<memory at [^>]*>")

_TOPICS: Final = (EVENTS, GROWING)
_GROUPS: Final = (CLASSIC, MODERN, SIMPLE)


def _by_topic(name: str, client_name: str) -> Mapping[str, Asked]:
    """Requests about a topic, by its name."""
    batch = build_batch([NewRecord(None, b"{}", 1_700_000_000_000)])
    produced = m.ProduceRequest.TopicProduceData(name=name, partition_data=(m.ProduceRequest.PartitionProduceData(index=0, records=batch),))
    fetched = m.FetchRequest.FetchTopic(topic=name, partitions=(m.FetchRequest.FetchPartition(partition=0, partition_max_bytes=1 << 20),))
    offsets = m.ListOffsetsRequest.ListOffsetsPartition(partition_index=0, timestamp=-1)
    epochs = m.OffsetForLeaderEpochRequest.OffsetForLeaderPartition(partition=0, current_leader_epoch=-1, leader_epoch=0)
    trimmed = m.DeleteRecordsRequest.DeleteRecordsPartition(partition_index=0, offset=-1)
    described = m.DescribeConfigsRequest.DescribeConfigsResource(resource_type=TOPIC_CODE, resource_name=name, configuration_keys=None)
    edit = m.IncrementalAlterConfigsRequest
    edited = edit.AlterConfigsResource(resource_type=TOPIC_CODE, resource_name=name, configs=(edit.AlterableConfig(name="retention.ms", value="1"),))
    created = m.CreateTopicsRequest.CreatableTopic(name=name, num_partitions=1, replication_factor=1)
    grown = m.CreatePartitionsRequest.CreatePartitionsTopic(name=name, count=9, assignments=None)
    looked = m.DescribeProducersRequest.TopicRequest(name=name, partition_indexes=(0,))
    asked = m.MetadataRequest.MetadataRequestTopic(name=name)
    records = m.DeleteRecordsRequest.DeleteRecordsTopic(name=name, partitions=(trimmed,))
    listed = m.ListOffsetsRequest.ListOffsetsTopic(name=name, partitions=(offsets,))
    ended = m.OffsetForLeaderEpochRequest.OffsetForLeaderTopic(topic=name, partitions=(epochs,))
    return {
        "produces": (m.ProduceRequest(acks=-1, timeout_ms=1_000, topic_data=(produced,)), 9, _T),
        "fetches": (m.FetchRequest(max_bytes=1 << 20, topics=(fetched,)), 11, _T),
        "replicates": (m.FetchRequest(replica_id=1, max_bytes=1 << 20, topics=(fetched,)), 11, _T),
        "lists offsets": (m.ListOffsetsRequest(topics=(listed,)), None, _T),
        "asks for epochs": (m.OffsetForLeaderEpochRequest(topics=(ended,)), None, _T),
        "removes records": (m.DeleteRecordsRequest(timeout_ms=1_000, topics=(records,)), None, _T),
        "describes configurations": (m.DescribeConfigsRequest(resources=(described,)), None, _T),
        "alters configurations": (edit(resources=(edited,)), None, _T),
        "creates": (m.CreateTopicsRequest(topics=(created,), timeout_ms=1_000), None, _T),
        "deletes": (m.DeleteTopicsRequest(topics=(m.DeleteTopicsRequest.DeleteTopicState(name=name),), timeout_ms=1_000), None, _T),
        "grows": (m.CreatePartitionsRequest(topics=(grown,), timeout_ms=1_000), None, _T),
        "describes producers": (m.DescribeProducersRequest(topics=(looked,)), None, _T),
        "asks where": (m.MetadataRequest(topics=(asked,), allow_auto_topic_creation=True), None, _T),
        "describes": (m.DescribeTopicPartitionsRequest(topics=(m.DescribeTopicPartitionsRequest.TopicRequest(name=name),), cursor=None), None, _T),
    }  # fmt: skip


def _by_id(topic_id: bytes, client_name: str) -> Mapping[str, Asked]:
    """Requests about a topic, by its id."""
    batch = build_batch([NewRecord(None, b"{}", 1_700_000_000_000)])
    part = m.ProduceRequest.PartitionProduceData(index=0, records=batch)
    fetched = m.FetchRequest.FetchPartition(partition=0, partition_max_bytes=1 << 20)
    replicated = m.FetchRequest.FetchTopic(topic_id=topic_id, partitions=(fetched,))
    replica = m.FetchRequest.ReplicaState(replica_id=1, replica_epoch=1)
    asked = m.MetadataRequest.MetadataRequestTopic(name=None, topic_id=topic_id)
    state = m.DeleteTopicsRequest.DeleteTopicState(name=None, topic_id=topic_id)
    return {
        "produces": (m.ProduceRequest(acks=-1, topic_data=(m.ProduceRequest.TopicProduceData(topic_id=topic_id, partition_data=(part,)),)), 13, _I),
        "fetches": (m.FetchRequest(max_bytes=1 << 20, topics=(m.FetchRequest.FetchTopic(topic_id=topic_id, partitions=(fetched,)),)), 17, _I),
        "replicates": (m.FetchRequest(replica_state=replica, max_bytes=1 << 20, topics=(replicated,)), 17, _T),
        "asks where": (m.MetadataRequest(topics=(asked,)), None, _I),
        "deletes": (m.DeleteTopicsRequest(topics=(state,), timeout_ms=1_000), None, _I),
    }  # fmt: skip


def _by_group(name: str, client_name: str) -> Mapping[str, Asked]:
    """Requests about a group."""
    protocol = m.JoinGroupRequest.JoinGroupRequestProtocol(name="range", metadata=b"")
    part = m.OffsetCommitRequest.OffsetCommitRequestPartition(partition_index=0, committed_offset=7, committed_metadata="")
    commits = m.OffsetCommitRequest.OffsetCommitRequestTopic(name=EVENTS, partitions=(part,))
    wanted = m.OffsetFetchRequest.OffsetFetchRequestTopics(name=EVENTS, partition_indexes=(0,))
    beat: Mapping[str, Any] = {"rebalance_timeout_ms": 1_000, "subscribed_topic_names": (EVENTS,), "topic_partitions": ()}
    member = m.LeaveGroupRequest.MemberIdentity(member_id=client_name)
    return {
        "looks for the coordinator": (m.FindCoordinatorRequest(key_type=0, coordinator_keys=(name,)), None, _G),
        "reads offsets": (m.OffsetFetchRequest(groups=(m.OffsetFetchRequest.OffsetFetchRequestGroup(group_id=name, topics=(wanted,)),)), 9, _G),
        "reads all offsets": (m.OffsetFetchRequest(groups=(m.OffsetFetchRequest.OffsetFetchRequestGroup(group_id=name, topics=None),)), 9, _G),
        "commits": (m.OffsetCommitRequest(group_id=name, topics=(commits,)), 9, _G),
        "joins": (
            m.JoinGroupRequest(group_id=name, session_timeout_ms=6_000, rebalance_timeout_ms=3_000, protocol_type="consumer", protocols=(protocol,)),
            None,
            _G,
        ),
        "beats": (m.ConsumerGroupHeartbeatRequest(group_id=name, member_id=client_name, member_epoch=0, **beat), None, _G),
        "leaves for another": (m.LeaveGroupRequest(group_id=name, members=(member,)), None, _G),
        "describes": (m.DescribeGroupsRequest(groups=(name,)), None, _G),
        "deletes": (m.DeleteGroupsRequest(groups_names=(name,)), None, _G),
    }  # fmt: skip


def _of_cluster(client: ClusterClient) -> Mapping[str, Asked]:
    """Requests about the cluster."""
    principal = f"User:{client.name}"
    mine = AclBinding(ResourceType.TOPIC, PatternType.LITERAL, EVENTS, principal, "*", Operation.ALL, Permission.ALLOW)
    moved = m.AlterPartitionReassignmentsRequest.ReassignablePartition(partition_index=0, replicas=(1,))
    reassigned = m.AlterPartitionReassignmentsRequest.ReassignableTopic(name=EVENTS, partitions=(moved,))
    elected = m.ElectLeadersRequest.TopicPartitions(topic=EVENTS, partitions=(0,))
    place = m.AlterReplicaLogDirsRequest.AlterReplicaLogDirTopic(name=EVENTS, partitions=(0,))
    directory = m.AlterReplicaLogDirsRequest.AlterReplicaLogDir(path="/data", topics=(place,))
    users = m.AlterUserScramCredentialsRequest
    user = users.ScramCredentialUpsertion(name=client.name, mechanism=1, iterations=4096, salt=b"salt", salted_password=bytes(32))
    return {
        "beats as a broker": (m.BrokerHeartbeatRequest(broker_id=1, broker_epoch=1, want_shut_down=True), 0, _C),
        "begins to produce": (m.InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=60_000), None, _C),
        "allows itself": (creations([mine]), None, _C),
        "removes entries": (deletion([AclFilter()]), None, _C),
        "lists entries": (description(AclFilter()), None, _C),
        "makes a user": (users(upsertions=(user,)), None, _C),
        "lists users": (m.DescribeUserScramCredentialsRequest(users=None), None, _C),
        "moves": (m.AlterPartitionReassignmentsRequest(topics=(reassigned,), timeout_ms=1_000), None, _C),
        "elects": (m.ElectLeadersRequest(election_type=0, topic_partitions=(elected,), timeout_ms=1_000), None, _C),
        "moves logs": (m.AlterReplicaLogDirsRequest(dirs=(directory,)), None, _C),
        "lists logs": (m.DescribeLogDirsRequest(topics=None), None, _C),
    }  # fmt: skip


class Intruder(Admin):
    """Asks for what it may not have, of anybody.

    :param allowed: the one topic that it may know of and read; empty for none.
    """

    def __init__(self, stage: Stage, client: ClusterClient, allowed: str, pause: float) -> None:
        super().__init__(stage, client, pause)
        self._allowed = allowed
        self._count = 0

    async def work(self) -> None:
        """One attempt."""
        random = self.client.random
        if self._allowed not in ("", *self.client.topics):
            await self.client.refresh([self._allowed])
        attempt: Callable[[], Any] = random.choice((self._ask_by_topic, self._ask_by_id, self._ask_by_group, self._ask_of_cluster, self._ask_for_all))
        await attempt()

    # -- attempts -----------------------------------------------------------------------------------------------------

    async def _ask_by_topic(self) -> None:
        await self._ask_pair(_by_topic, self.client.random.choice(_TOPICS), "missing")

    async def _ask_by_id(self) -> None:
        known = sorted(self.stage.ledger.kept_topics - self._known_ids())
        if known:
            await self._ask_pair(_by_id, self.client.random.choice(known), TopicId(self.client.random.randbytes(16)))

    def _known_ids(self) -> set[TopicId]:
        return {topic.topic_id for topic in self.client.topics.values()}

    async def _ask_by_group(self) -> None:
        await self._ask_pair(_by_group, self.client.random.choice(_GROUPS), "missing")

    async def _ask_of_cluster(self) -> None:
        what, (message, version, expected) = self.client.random.choice(tuple(_of_cluster(self.client).items()))
        self._check(what, await self.client.ask_anybody(message, version), expected)

    async def _ask_for_all(self) -> None:
        """What there is, as far as it may know: nothing, or the one topic."""
        allowed = {self._allowed} - {""}
        topics = await self.client.ask_anybody(m.MetadataRequest(topics=None))
        self._compare({topic.name for topic in topics.topics} - allowed, "topics")
        groups = await self.client.ask_anybody(m.ListGroupsRequest())
        self._compare({group.group_id for group in groups.groups}, "groups")
        described = await self.client.ask_anybody(m.DescribeTopicPartitionsRequest(topics=(), cursor=None))
        self._compare({topic.name for topic in described.topics} - allowed, "topics")

    # -- what came of them --------------------------------------------------------------------------------------------

    async def _ask_pair(self, table: Callable[[Any, str], Mapping[str, Asked]], there: Any, missing: Any) -> None:
        """The same of something that there is and of something that there is not: the answers must be the same."""
        requests = table(there, self.client.name)
        what = self.client.random.choice(tuple(requests))
        shown = []
        for name in (there, missing):
            message, version, expected = table(name, self.client.name)[what]
            response = await self.client.ask_anybody(message, version)
            self._check(f"{what} {name!r}", response, expected)
            shown.append(_shown(response, name))
        if shown[0] != shown[1]:
            self._finding(f"{what} {there!r} was answered {shown[0]}, and for what there is not {shown[1]}")

    def _check(self, what: str, response: Any, expected: ErrorCode) -> None:
        told = [ErrorCode(code) for _, code in codes(response)]
        self.client.ledger.refused += 1
        if not told or set(told) != {expected}:
            self._finding(f"{what} was answered {[each.name for each in told]}, and not {expected.name}")

    def _compare(self, names: set[str], what: str) -> None:
        if names:
            self._finding(f"it was told of {what}: {sorted(names)}")

    def _finding(self, what: str) -> None:
        ledger: Ledger = self.stage.ledger
        ledger.finding(f"{self.client.name}, who may not: {what}")


def _shown(response: Any, name: Any) -> str:
    """An answer without the name that was asked for, and without the brokers that there are at that moment."""
    if isinstance(response, m.MetadataResponse):
        response = response.topics
    return _VIEW.sub("a view", repr(response).replace(repr(name), "?").replace(str(name), "?"))
